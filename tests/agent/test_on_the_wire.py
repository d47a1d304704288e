"""Whole turns over the real protocols of OpenAI and Anthropic, against a server that streams them."""

from __future__ import annotations

import asyncio
import threading

import pytest
from support.llm_server import LLMServer

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ModelConnectionError, ModelResponseError, RateLimitError
from victor_nb.models.factory import build_model


@pytest.fixture(params=["openai-chat", "openai-responses", "anthropic"])
def orchestrator(request: pytest.FixtureRequest, llm_server: LLMServer) -> AgentOrchestrator:
    base = llm_server.url if request.param == "anthropic" else llm_server.openai_url
    return AgentOrchestrator(model=build_model(f"{request.param}:test-model", base_url=base))


def nothing(chunk: object) -> None:
    """Asks for a stream without looking at it."""


async def last_turn(orchestrator: AgentOrchestrator) -> dict:
    return (await orchestrator.analytics_coordinator.query_analytics(types=["turn_completed"]))[-1].data


async def test_a_streamed_answer_with_usage_and_cached_tokens(orchestrator, llm_server):
    usage = {"input_tokens": 900, "output_tokens": 12, "cached_tokens": 800}
    llm_server.reply(chunks=["Hello ", "wor", "ld."], usage=usage)
    pieces = []
    response = await orchestrator.chat("hi", on_chunk=lambda chunk: pieces.append(chunk.content))
    assert "".join(pieces) == response.content == "Hello world."
    assert (response.usage.input_tokens, response.usage.cached_tokens, response.usage.output_tokens) == (900, 800, 12)
    assert response.cost_usd is None  # a server on loopback has no price, whatever it calls itself
    assert 0 < response.time_to_first_token_s < response.duration_s


async def test_parallel_tool_calls_run_and_go_back_in_order(orchestrator, llm_server):
    def square(x: int) -> int:
        """Square a number."""
        return x * x

    llm_server.reply(tool_calls=[("square", {"x": 3}), ("square", {"x": 4})])
    llm_server.reply("9 and 16")
    response = await orchestrator.chat("squares?", tools=[square], on_chunk=nothing)
    assert [call.result for call in response.tool_calls] == ["9", "16"]
    assert response.content == "9 and 16"
    sent = str(llm_server.requests[-1].body)
    assert sent.index("'9'") < sent.index("'16'")
    assert (await last_turn(orchestrator))["tool_calls"] == 2


async def test_a_rate_limit_is_waited_for_and_counted(orchestrator, llm_server):
    llm_server.reply(status=429, headers={"Retry-After": "0"})
    llm_server.reply("now")
    assert (await orchestrator.chat("hi")).content == "now"
    assert (await last_turn(orchestrator))["retries"] == 1


async def test_a_rate_limit_for_good_is_a_typed_error(orchestrator, llm_server):
    for _ in range(3):
        llm_server.reply(status=429, headers={"Retry-After": "0"})
    with pytest.raises(RateLimitError) as caught:
        await orchestrator.chat("hi")
    assert (caught.value.status_code, caught.value.attempts, len(llm_server.requests)) == (429, 3, 3)
    assert orchestrator.context_coordinator.get_context().messages == []


async def test_a_connection_cut_mid_stream_raises_and_keeps_the_partial_on_record(orchestrator, llm_server):
    llm_server.reply(chunks=["one ", "two ", "three ", "four "], cut_after=5)
    pieces = []
    with pytest.raises(ModelConnectionError):
        await orchestrator.chat("hi", on_chunk=lambda chunk: pieces.append(chunk.content))
    turn = await last_turn(orchestrator)
    assert (turn["status"], turn["response"]) == ("error", "".join(pieces))
    assert orchestrator.context_coordinator.get_context().messages == []


async def test_invalid_json_is_a_typed_error(orchestrator, llm_server):
    for _ in range(3):
        llm_server.reply("x", invalid_json=True)
    with pytest.raises((ModelResponseError, ModelConnectionError)):
        await orchestrator.chat("hi")
    assert (await last_turn(orchestrator))["status"] == "error"


async def test_cancelling_closes_the_connection_and_keeps_the_partial_answer(orchestrator, llm_server):
    gate = threading.Event()
    llm_server.reply(chunks=["one ", "two ", "three "], gate=gate, gate_after=4)
    first = asyncio.Event()
    turn = asyncio.ensure_future(orchestrator.chat("hi", on_chunk=lambda _: first.set()))
    await first.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    await asyncio.to_thread(llm_server.wait_for_disconnect)
    gate.set()
    assert "[interrupted by the user]" in orchestrator.context_coordinator.get_context().messages[-1].content
    assert (await last_turn(orchestrator))["status"] == "interrupted"


def test_one_orchestrator_serves_many_event_loops(llm_server):
    orchestrator = AgentOrchestrator(model=build_model("openai-chat:test-model", base_url=llm_server.openai_url))
    answers = [asyncio.run(orchestrator.chat("hi", session_id=str(n))).content for n in range(3)]
    assert answers == ["Hello from the loopback server."] * 3

"""Both wires of OpenAI and Anthropic's, streamed and not, against a server that really speaks them."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import pytest
from support.llm_server import LLMServer

from victor_nb.errors import (
    AuthenticationError,
    ContextOverflowError,
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    RateLimitError,
)
from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest, ToolSpec, Usage
from victor_nb.models import RetryingModel, build_model

WIRES = ("openai-chat", "openai-responses", "anthropic")
PATHS = {"openai-chat": "/v1/chat/completions", "openai-responses": "/v1/responses", "anthropic": "/v1/messages"}
ADD = ToolSpec("add", "Add two numbers.", {"type": "object", "properties": {"a": {"type": "integer"}}})
ASK = ModelRequest((Message("system", "Be brief."), Message("user", "Hi")))


@dataclass
class Setting:
    """A model of one wire, asked in one way, and the server it talks to."""

    model: RetryingModel
    streamed: bool
    wire: str
    server: LLMServer

    async def answer(self, request: ModelRequest = ASK) -> tuple[list[ModelDelta], ModelReply]:
        if not self.streamed:
            return [], await self.model.request(request)
        deltas, reply = [], None
        async with aclosing(self.model.stream(request)) as items:
            async for item in items:
                if isinstance(item, ModelReply):
                    reply = item
                else:
                    deltas.append(item)
        assert reply is not None
        return deltas, reply

    def ask(self, request: ModelRequest = ASK) -> ModelReply:
        return asyncio.run(self.answer(request))[1]


def connect(server: LLMServer, wire: str, **options: Any) -> RetryingModel:
    base = server.url if wire == "anthropic" else server.openai_url
    model = build_model(f"{wire}:test-model", base_url=base, **options)
    assert isinstance(model, RetryingModel)
    return RetryingModel(model.inner, wait=lambda _attempt: 0.0)


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def setting(llm_server: LLMServer, wire: str, request: pytest.FixtureRequest) -> Iterator[Setting]:
    model = connect(llm_server, wire)
    yield Setting(model, request.param, wire, llm_server)
    asyncio.run(model.aclose())


@pytest.fixture
def model(llm_server: LLMServer, wire: str) -> Iterator[RetryingModel]:
    model = connect(llm_server, wire)
    yield model
    asyncio.run(model.aclose())


def test_an_answer_arrives_in_the_pieces_it_was_sent_in(setting: Setting) -> None:
    setting.server.reply(chunks=["Good ", "morning", "! ünïcode 🙂"])
    deltas, reply = asyncio.run(setting.answer())
    assert reply.message.content == "Good morning! ünïcode 🙂"
    assert (reply.model, reply.provider, reply.finish_reason) == ("test-model", setting.wire, "stop")
    assert reply.complete
    if setting.streamed:
        assert [delta.text for delta in deltas] == ["Good ", "morning", "! ünïcode 🙂"]
    assert [request.path for request in setting.server.requests] == [PATHS[setting.wire]]


def test_parallel_tool_calls_keep_ids_and_order(setting: Setting) -> None:
    setting.server.reply(tool_calls=[("add", {"a": 1}, "one"), ("add", {"a": 2}, "two")])
    deltas, reply = asyncio.run(setting.answer(ModelRequest(ASK.messages, tools=(ADD,))))
    calls = [(call.id, call.name, json.loads(call.arguments)) for call in reply.message.tool_calls]
    assert calls == [("one", "add", {"a": 1}), ("two", "add", {"a": 2})]
    assert reply.finish_reason == "tool_call"
    if setting.streamed:
        assert [delta.tool_name for delta in deltas if delta.tool_name] == ["add", "add"]


def test_usage_counts_cached_tokens_as_input(setting: Setting) -> None:
    setting.server.reply("x", usage={"input_tokens": 100, "output_tokens": 20, "cached_tokens": 64})
    usage = setting.ask().usage
    assert dataclasses.replace(usage, reasoning_tokens=None) == Usage(100, 20, cached_tokens=64)


def test_reasoning_tokens_are_counted(llm_server: LLMServer) -> None:
    for wire in ("openai-chat", "openai-responses"):
        llm_server.reply("x", usage={"input_tokens": 9, "output_tokens": 20, "reasoning_tokens": 7})
        model = connect(llm_server, wire)
        assert Setting(model, True, wire, llm_server).ask().usage.reasoning_tokens == 7
        asyncio.run(model.aclose())


def test_a_server_that_reports_no_usage_gets_an_estimate_marked_as_one(llm_server: LLMServer) -> None:
    llm_server.reply("four words of answer", usage=None)
    model = connect(llm_server, "openai-chat")
    usage = Setting(model, True, "openai-chat", llm_server).ask().usage
    asyncio.run(model.aclose())
    assert usage.source == "estimated"
    assert usage.input_tokens > 0 < usage.output_tokens


def test_a_full_quota_is_waited_out_and_both_attempts_are_told(setting: Setting) -> None:
    setting.server.reply(status=429, headers={"Retry-After": "0"})
    setting.server.reply("at last")
    reply = setting.ask()
    assert (reply.message.content, reply.attempts) == ("at last", 2)
    assert len(setting.server.requests) == 2


def test_a_quota_that_stays_full_is_a_rate_limit_error(setting: Setting) -> None:
    for _ in range(3):
        setting.server.reply(status=429, headers={"Retry-After": "0"}, error="slow down")
    with pytest.raises(RateLimitError, match="slow down") as caught:
        setting.ask()
    assert (caught.value.attempts, caught.value.retry_after, caught.value.status_code) == (3, 0.0, 429)
    assert len(setting.server.requests) == 3


@pytest.mark.parametrize("status", [500, 503, 529])
def test_a_failing_server_is_asked_three_times(setting: Setting, status: int) -> None:
    for _ in range(3):
        setting.server.reply(status=status)
    with pytest.raises(ModelRequestError) as caught:
        setting.ask()
    assert (caught.value.status_code, caught.value.attempts) == (status, 3)
    assert len(setting.server.requests) == 3


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [(401, AuthenticationError, "API_KEY"), (403, AuthenticationError, "API_KEY"), (404, ModelRequestError, "name")],
)
def test_a_refusal_is_not_repeated_and_says_what_to_do(
    setting: Setting, status: int, kind: type[ModelRequestError], hint: str
) -> None:
    setting.server.reply(status=status, error="no way")
    with pytest.raises(kind, match="no way") as caught:
        setting.ask()
    assert (caught.value.status_code, caught.value.attempts) == (status, 1)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 8192 tokens.",
        "prompt is too long: 210000 tokens > 200000 maximum",
        {"error": {"message": "too big", "code": "context_length_exceeded", "type": "invalid_request_error"}},
    ],
)
def test_a_request_that_does_not_fit_is_told_apart(setting: Setting, said: Any) -> None:
    setting.server.reply(status=400, error=said)
    with pytest.raises(ContextOverflowError) as caught:
        setting.ask()
    assert not caught.value.retryable


def test_another_bad_request_is_no_overflow(setting: Setting) -> None:
    setting.server.reply(status=400, error="temperature must be at most 2")
    with pytest.raises(ModelRequestError, match="temperature") as caught:
        setting.ask()
    assert not isinstance(caught.value, ContextOverflowError)
    assert caught.value.attempts == 1


def test_a_stream_that_breaks_off_keeps_what_came_and_is_not_sent_again(
    model: RetryingModel, llm_server: LLMServer
) -> None:
    llm_server.reply(chunks=["one ", "two ", "three"], cut_after=5)
    seen: list[str] = []

    async def read() -> None:
        async for item in model.stream(ASK):
            assert isinstance(item, ModelDelta)
            seen.append(item.text)

    with pytest.raises(ModelConnectionError):
        asyncio.run(read())
    assert "".join(seen).startswith("one two")
    assert len(llm_server.requests) == 1


def test_a_connection_broken_before_the_first_piece_is_tried_again(setting: Setting) -> None:
    setting.server.reply("lost", cut_after=0)
    setting.server.reply("found")
    reply = setting.ask()
    assert (reply.message.content, reply.attempts) == ("found", 2)


def test_an_unreadable_answer_is_a_response_error(setting: Setting) -> None:
    setting.server.reply("x", invalid_json=True)
    with pytest.raises(ModelResponseError, match="understood"):
        setting.ask()


def test_a_closed_port_is_a_connection_error(llm_server: LLMServer, wire: str) -> None:
    model = connect(llm_server, wire)
    llm_server.close()
    with pytest.raises(ModelConnectionError, match=r"127\.0\.0\.1") as caught:
        asyncio.run(model.request(ASK))
    assert caught.value.attempts == 3
    asyncio.run(model.aclose())


def test_a_slow_server_is_a_connection_error_after_the_timeout(setting: Setting) -> None:
    for _ in range(3):
        setting.server.reply("late", delay_s=30)
    with pytest.raises(ModelConnectionError, match="in time"):
        setting.ask(ModelRequest(ASK.messages, settings={"timeout": 0.05}))


def test_closing_the_iterator_closes_the_connection(model: RetryingModel, llm_server: LLMServer) -> None:
    llm_server.reply(chunks=["a"] * 20, gate=threading.Event(), gate_after=6)

    async def read_one() -> None:
        async with aclosing(model.stream(ASK)) as items:  # type: ignore[type-var]
            await anext(items)

    asyncio.run(read_one())
    llm_server.wait_for_disconnect()
    assert llm_server.disconnects == 1


def test_cancelling_the_task_closes_the_connection(setting: Setting) -> None:
    setting.server.reply("never", delay_s=60)

    async def cancel() -> None:
        task = asyncio.create_task(setting.answer())
        await asyncio.to_thread(setting.server.wait_for_request)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    setting.server.wait_for_disconnect()


def test_one_model_serves_two_event_loops(setting: Setting) -> None:
    assert [setting.ask().message.content for _ in range(2)] == ["Hello from the loopback server."] * 2


def test_one_model_serves_eight_threads_with_loops_of_their_own(setting: Setting) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: setting.ask().message.content, range(16)))
    assert replies == ["Hello from the loopback server."] * 16
    assert len(setting.server.requests) == 16


def test_settings_are_sent_and_strange_ones_are_not(model: RetryingModel, llm_server: LLMServer) -> None:
    settings = {"temperature": 0.5, "max_tokens": 321, "session_id": "x", "extra_headers": {"X-Leak": "1"}}
    asyncio.run(model.request(ModelRequest(ASK.messages, settings=settings)))
    body, headers = llm_server.requests[0].body, llm_server.requests[0].headers
    assert body["temperature"] == 0.5
    assert 321 in (body.get("max_tokens"), body.get("max_completion_tokens"), body.get("max_output_tokens"))
    assert "session_id" not in body
    assert "x-leak" not in headers


def test_an_output_tool_must_be_called(setting: Setting) -> None:
    setting.server.reply(tool_calls=[("final", {"a": 5}, "c1")])
    reply = setting.ask(ModelRequest(ASK.messages, output_tool=ToolSpec("final", "The answer.", ADD.parameters)))
    (call,) = reply.message.tool_calls
    assert (call.id, call.name, json.loads(call.arguments)) == ("c1", "final", {"a": 5})
    choice = setting.server.requests[0].body["tool_choice"]
    assert choice == "required" or "final" in str(choice) or choice["type"] == "any"


def test_a_local_server_has_no_price_whatever_its_model_is_called(llm_server: LLMServer) -> None:
    model = build_model("gpt-5", base_url=llm_server.openai_url)
    reply = asyncio.run(model.request(ASK))
    assert (reply.cost_usd, reply.cost_source, model.context_window) == (None, None, None)
    asyncio.run(model.aclose())  # type: ignore[attr-defined]


def test_a_key_echoed_by_the_server_does_not_show_up_in_the_error(llm_server: LLMServer, wire: str) -> None:
    key = "canary-3141592653"
    model = connect(llm_server, wire, api_key=key)
    llm_server.reply(status=401, error=f"bad key {key} at https://me:pw@host/v1?key={key}")
    with pytest.raises(AuthenticationError) as caught:
        asyncio.run(model.request(ASK))
    asyncio.run(model.aclose())
    assert key in str(llm_server.requests[0].headers)
    assert key not in str(caught.value)
    assert key not in repr(model.inner)
    assert "pw@" not in str(caught.value)


def test_a_key_from_the_environment_is_not_sent_to_another_server(
    llm_server: LLMServer, wire: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"):
        monkeypatch.setenv(name, "canary-2718281828")
    model = connect(llm_server, wire)
    asyncio.run(model.request(ASK))
    asyncio.run(model.aclose())
    assert "canary" not in str(llm_server.requests[0].headers)

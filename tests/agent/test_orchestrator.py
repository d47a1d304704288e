"""The turn loop: what `chat` sends, runs, returns and leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from victor_nb.agent.locks import TurnLock
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import (
    ModelConnectionError,
    RateLimitError,
    UnknownModelError,
    UsageError,
)
from victor_nb.messages import Usage
from victor_nb.testing import Reply, ScriptedModel, call, cut


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def final_answer() -> int:
    """A tool of the user's."""
    return 42


def contents(orchestrator: AgentOrchestrator) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in orchestrator.context_coordinator.get_context().messages]


async def events(orchestrator: AgentOrchestrator) -> list[tuple[str, dict]]:
    found = await orchestrator.analytics_coordinator.get_session_analytics(orchestrator.session_id)
    return [(event.type, event.data) for event in found.events]


async def test_an_answer_comes_with_its_usage_and_cost():
    model = ScriptedModel(Reply("Hi there.", usage=Usage(120, 45, cached_tokens=100), cost_usd=0.002))
    response = await AgentOrchestrator(model=model).chat("Hello!")
    assert (response.content, str(response), response.status) == ("Hi there.", "Hi there.", "ok")
    assert (response.usage.input_tokens, response.usage.cached_tokens, response.usage.total_tokens) == (120, 100, 165)
    assert (response.cost_usd, response.model, response.finish_reason) == (0.002, "scripted", "stop")


async def test_the_conversation_goes_on_and_the_system_prompt_leads():
    model = ScriptedModel("first", "second")
    orchestrator = AgentOrchestrator(model=model)
    await orchestrator.chat("one")
    await orchestrator.chat("two")
    roles = [(m.role, m.content) for m in model.requests[1].messages]
    assert roles[0][0] == "system"
    assert roles[1:] == [("user", "one"), ("assistant", "first"), ("user", "two")]
    assert contents(orchestrator)[-1] == ("assistant", "second")


async def test_a_tool_is_called_and_its_result_sent_back():
    model = ScriptedModel(call("add", a=2, b=3), "It is 5.")
    response = await AgentOrchestrator(model=model, tools=[add]).chat("2 + 3?")
    (done,) = response.tool_calls
    assert (response.content, done.name, done.result, done.status) == ("It is 5.", "add", "5", "ok")
    assert model.requests[1].messages[-1].content == "5"


async def test_events_come_in_pairs():
    orchestrator = AgentOrchestrator(model=ScriptedModel(call("add", a=2, b=3), "It is 5."), tools=[add])
    await orchestrator.chat("2 + 3?")
    assert [type for type, _ in await events(orchestrator)] == [
        "session_started",
        "turn_started",
        "config_loaded",
        "prompt_built",
        "model_request_started",
        "model_request_completed",
        "tool_call_started",
        "tool_call_completed",
        "model_request_started",
        "model_request_completed",
        "turn_completed",
    ]


@pytest.mark.parametrize(
    ("tool_call", "expected"),
    [
        (call("broken"), "ZeroDivisionError"),
        (call("add", a="x", b=1), "a"),
        (call("odd"), "object"),
        (call("ad", a=1, b=2), "add"),
        (call("cancels"), "CancelledError"),
    ],
    ids=["raises", "invalid arguments", "unserialisable result", "unknown tool", "cancels itself"],
)
async def test_a_tool_that_goes_wrong_is_told_to_the_model_and_the_turn_goes_on(tool_call, expected):
    def broken():
        """Always fails."""
        return 1 / 0

    def odd():
        """Returns something that is no JSON."""
        return object()

    async def cancels():
        """Awaits something that was cancelled."""
        gone = asyncio.get_running_loop().create_future()
        gone.cancel()
        return await gone

    model = ScriptedModel(tool_call, "Sorry.")
    response = await AgentOrchestrator(model=model, tools=[add, broken, odd, cancels]).chat("go")
    assert response.content == "Sorry."
    assert expected in model.requests[1].messages[-1].content


async def test_a_failed_turn_is_recorded_and_the_conversation_intact():
    model = ScriptedModel("fine", RateLimitError("slow down", status_code=429), "fine again")
    orchestrator = AgentOrchestrator(model=model)
    await orchestrator.chat("one")
    with pytest.raises(RateLimitError):
        await orchestrator.chat("two")
    assert contents(orchestrator) == [("user", "one"), ("assistant", "fine")]
    request, turn = [data for _, data in (await events(orchestrator))[-2:]]
    assert (turn["status"], turn["error_type"], request["http_status"]) == ("error", "RateLimitError", 429)
    await orchestrator.chat("two")
    assert contents(orchestrator)[-1] == ("assistant", "fine again")


async def test_a_stream_that_breaks_off_raises_and_keeps_what_came_on_record():
    orchestrator = AgentOrchestrator(model=ScriptedModel(cut("half an ans", ModelConnectionError("gone"))))
    pieces = []
    with pytest.raises(ModelConnectionError):
        await orchestrator.chat("go", on_chunk=lambda chunk: pieces.append(chunk.content))
    assert "".join(pieces) == "half an ans"
    assert (await events(orchestrator))[-1][1]["response"] == "half an ans"


async def test_streaming_yields_pieces_and_then_the_whole():
    stream = AgentOrchestrator(model=ScriptedModel("one two three")).stream_chat("go")
    with pytest.raises(UsageError, match="not been read"):
        _ = stream.response
    pieces = [chunk.content async for chunk in stream]
    assert len(pieces) > 1
    assert "".join(pieces) == stream.response.content == "one two three"
    assert stream.response.time_to_first_token_s is not None


async def test_leaving_a_stream_early_interrupts_the_turn():
    orchestrator = AgentOrchestrator(model=ScriptedModel("one two three four", delay_s=0.01))
    async with orchestrator.stream_chat("go") as stream:
        async for _ in stream:
            break
    assert orchestrator.last_response.status == "interrupted"


async def test_an_error_reaches_the_one_who_iterates():
    with pytest.raises(RateLimitError):
        async for _ in AgentOrchestrator(model=ScriptedModel(RateLimitError("no"))).stream_chat("go"):
            pass


async def test_sessions_do_not_see_each_other():
    orchestrator = AgentOrchestrator(model=ScriptedModel(*"abcd"))
    await asyncio.gather(*(orchestrator.chat(f"to {name}", session_id=name) for name in ("x", "y", "x", "y")))
    for name in ("x", "y"):
        messages = orchestrator.context_coordinator.get_context(name).messages
        assert [m.role for m in messages] == ["user", "assistant"] * 2
        assert {m.content for m in messages if m.role == "user"} == {f"to {name}"}


async def test_turns_of_one_session_wait_for_each_other_across_event_loops():
    orchestrator = AgentOrchestrator(model=ScriptedModel(*"abcdef", delay_s=0.002))
    inside = [orchestrator.chat(f"in {n}", on_chunk=lambda _: None) for n in range(3)]
    outside = [asyncio.to_thread(asyncio.run, orchestrator.chat(f"out {n}")) for n in range(3)]
    await asyncio.gather(*inside, *outside)
    assert [role for role, _ in contents(orchestrator)] == ["user", "assistant"] * 6


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"temprature": 1}, "Did you mean 'temperature'"),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": float("nan")}, "finite"),
        ({"max_tokens": -5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens is True; it must be a whole number from 1"),
        ({"session_id": 5}, "a session_id is text"),
        ({"session_id": ""}, "'' cannot be a session_id"),
        ({"session_id": "a\nb"}, "cannot be a session_id"),
        ({"message": "  "}, "nothing to send"),
        ({"message": 3}, "takes text, not int"),
        ({"output_type": type("Odd", (), {})}, "cannot be described"),
        ({"output_type": Callable[[], int]}, "cannot be described"),
        ({"output_type": int, "tools": [final_answer]}, "a tool is named 'final_answer'"),
    ],
)
async def test_bad_calls_are_refused_before_anything_is_sent(arguments, match):
    model = ScriptedModel("never")
    with pytest.raises(UsageError, match=match):
        await AgentOrchestrator(model=model).chat(**{"message": "hi", **arguments})
    assert model.requests == []


async def test_an_unknown_model_fails_the_turn_with_the_nearest_name():
    orchestrator = AgentOrchestrator(provider="anthropc", model="claude-sonnet-4-5")
    with pytest.raises(UnknownModelError, match="anthropic"):
        await orchestrator.chat("hi")
    assert contents(orchestrator) == []


async def test_model_settings_and_the_model_can_change_for_one_turn():
    default, other = ScriptedModel("a", "c"), ScriptedModel("b")
    orchestrator = AgentOrchestrator(model=default)
    await orchestrator.chat("one", temperature=0.2)
    await orchestrator.chat("two", model=other)
    assert default.requests[0].settings == {"temperature": 0.2}
    assert other.requests[0].messages[-1].content == "two"
    assert (await orchestrator.chat("three")).content == "c"


class Quits(ScriptedModel):
    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error

    async def request(self, request: Any) -> Any:
        raise self.error


async def by_hand(chat: Coroutine[Any, Any, object]) -> None:
    """Await it, but in steps: an event loop would end with an error such as these."""
    while True:
        waited = chat.send(None)
        await asyncio.sleep(0.001)
        while waited is not None and not waited.done():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt(), "interrupted"), (GeneratorExit(), "error")])
async def test_whatever_ends_a_request_is_on_record(error, status):
    orchestrator = AgentOrchestrator(model=Quits(error))
    await orchestrator.context_coordinator.open(orchestrator.session_id)
    with pytest.raises(type(error)):
        await by_hand(orchestrator.chat("go"))
    found = [data["status"] for kind, data in await events(orchestrator) if kind == "model_request_completed"]
    assert found == [status]


async def test_a_waiter_whose_event_loop_is_gone_does_not_keep_the_lock():
    lock = TurnLock()

    def wait_and_vanish() -> asyncio.Task[None]:
        loop = asyncio.new_event_loop()
        waiter = loop.create_task(lock.__aenter__())
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
        return waiter

    async with lock:
        gone = await asyncio.to_thread(wait_and_vanish)
    await asyncio.wait_for(lock.__aenter__(), 5)
    assert not gone.done()


async def test_a_result_too_large_for_the_window_is_cut_and_says_so():
    def everything() -> str:
        """All of it."""
        return "number 12345 " * 3_000

    model = ScriptedModel(call("everything"), "A lot.", context_window=8_000)
    response = await AgentOrchestrator(model=model, tools=[everything]).chat("show me")
    assert response.content == "A lot."
    assert "[cut here: the whole result has about" in model.requests[1].messages[-1].content


@pytest.mark.parametrize("wrap", [lambda coroutine: coroutine, asyncio.run], ids=["async tool", "tool in a thread"])
async def test_a_tool_that_asks_in_its_own_conversation_is_told_so(wrap):
    def ask_again() -> str:
        """Asks the model."""
        return wrap(orchestrator.chat("and you?"))

    async def ask_elsewhere() -> str:
        """Asks the model in another conversation."""
        return (await orchestrator.chat("and you?", session_id="other")).content

    model = ScriptedModel(call("ask_again"), call("ask_elsewhere"), "fine", "end")
    orchestrator = AgentOrchestrator(model=model, tools=[ask_again, ask_elsewhere])
    response = await orchestrator.chat("go")
    assert "cannot ask in the conversation that called it" in response.tool_calls[0].result
    assert (response.tool_calls[1].result, response.content) == ("fine", "end")

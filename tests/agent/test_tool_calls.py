"""The calls of one answer run side by side, and a call that keeps failing is told to stop."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import ToolInterrupted
from victor_nb.agent.tools.calls import run_calls
from victor_nb.config.settings import Settings
from victor_nb.context.tokens import estimate_text
from victor_nb.messages import ChatChunk, ToolCall
from victor_nb.testing import ScriptedModel, call


def results(model: ScriptedModel) -> list[str]:
    """What the model was sent of tools."""
    return [message.content for message in model.requests[-1].messages if message.role == "tool"]


async def test_calls_of_one_answer_meet_each_other() -> None:
    """Each waits for the other, so that they can only end when both run."""
    meeting = asyncio.Barrier(2)

    async def meet(who: str) -> str:
        await meeting.wait()
        return f"{who} was there"

    model = ScriptedModel([call("meet", who="a"), call("meet", who="b")], "done")
    response = await AgentOrchestrator(model=model, tools=[meet]).chat("Go")
    assert results(model) == ["a was there", "b was there"]
    assert [made.result for made in response.tool_calls] == ["a was there", "b was there"]


async def test_plain_functions_run_side_by_side_in_threads() -> None:
    meeting = threading.Barrier(2)

    def meet() -> str:
        meeting.wait(10)
        return "met"

    model = ScriptedModel([call("meet"), call("meet")], "done")
    await AgentOrchestrator(model=model, tools=[meet]).chat("Go")
    assert results(model) == ["met", "met"]


async def test_results_keep_the_order_of_the_calls() -> None:
    second_is_over = asyncio.Event()

    async def first() -> str:
        await second_is_over.wait()
        return "first"

    async def second() -> str:
        second_is_over.set()
        return "second"

    seen: list[ChatChunk] = []
    model = ScriptedModel([call("first"), call("second")], "done")
    await AgentOrchestrator(model=model, tools=[first, second]).chat("Go", on_chunk=seen.append)
    assert results(model) == ["first", "second"]
    assert [c.tool_started.name for c in seen if c.tool_started] == ["first", "second"]
    assert [c.tool_finished.name for c in seen if c.tool_finished] == ["second", "first"]


async def test_a_tool_that_fails_does_not_stop_the_others() -> None:
    failed = asyncio.Event()

    async def fails() -> None:
        failed.set()
        raise ValueError("no")

    async def works() -> str:
        await failed.wait()
        return "worked"

    model = ScriptedModel([call("fails"), call("works")], "done")
    await AgentOrchestrator(model=model, tools=[fails, works]).chat("Go")
    assert results(model) == ["ValueError: no", "worked"]


async def test_as_many_run_at_once_as_the_setting_allows() -> None:
    running, most = 0, 0

    async def count() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    model = ScriptedModel([call("count") for _ in range(6)], "done")
    await AgentOrchestrator(settings=Settings(max_parallel_tools=2), model=model, tools=[count]).chat("Go")
    assert most == 2


async def test_an_interrupt_stops_all_and_keeps_what_was_done() -> None:
    kept: list[str] = []
    waiting, stopped = asyncio.Event(), asyncio.Event()

    async def make(made: ToolCall) -> str:
        if made.name == "interrupted":
            await waiting.wait()
            raise ToolInterrupted
        if made.name == "waits":
            waiting.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.set()
        return made.name

    calls = [ToolCall(str(n), name, "{}") for n, name in enumerate(["waits", "done", "interrupted"])]
    with pytest.raises(ToolInterrupted):
        await run_calls(calls, make, kept.append, limit=3)
    assert stopped.is_set()
    assert kept == ["done"]


async def test_cancelling_the_turn_cancels_every_call() -> None:
    begun, ended = asyncio.Barrier(3), list[str]()

    async def wait(name: str) -> None:
        await begun.wait()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    model = ScriptedModel([call("wait", name="a"), call("wait", name="b")], "done")
    orchestrator = AgentOrchestrator(model=model, tools=[wait])
    turn = asyncio.create_task(orchestrator.chat("Go"))
    await begun.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert sorted(ended) == ["a", "b"]
    view = orchestrator.context_coordinator.get_context().messages
    assert [message.content for message in view if message.role == "tool"] == ["interrupted by the user"] * 2


async def test_what_a_call_raises_that_is_no_tools_error_ends_the_round() -> None:
    async def make(made: ToolCall) -> str:
        if made.name == "a":
            raise RuntimeError("a bug")
        await asyncio.Event().wait()
        return ""

    kept: list[str] = []
    with pytest.raises(RuntimeError, match="a bug"):
        await run_calls([ToolCall(n, n, "{}") for n in "bab"], make, kept.append, limit=8)
    assert kept == []


async def test_a_call_that_fails_again_and_again_is_told_to_stop() -> None:
    def look_up(city: str) -> None:
        raise LookupError(city)

    same = ['{"city": "x"}', '{"city":"x"}', '{ "city" : "x" }']
    calls = [ToolCall(str(n), "look_up", arguments) for n, arguments in enumerate(same)]
    model = ScriptedModel(calls[0], calls[1], call("look_up", city="y"), calls[2], "I give up.")
    response = await AgentOrchestrator(model=model, tools=[look_up]).chat("Go")
    told: list[Any] = [made.result.partition("\n")[2] for made in response.tool_calls]
    assert told[0] == told[2] == ""
    assert told[1].startswith("This very call has failed before.")
    assert told[3].startswith("Stop: this very call has failed 3 times.")


async def test_the_results_of_many_calls_leave_room_for_an_answer() -> None:
    def tell() -> str:
        return "word " * 8_000

    model = ScriptedModel([call("tell") for _ in range(8)], "done")
    settings = Settings(context_window=20_000, reserved_output_tokens=2_000)
    response = await AgentOrchestrator(settings=settings, model=model, tools=[tell]).chat("Go")
    assert len(response.tool_calls) == 8
    assert all("cut here" in made.result for made in response.tool_calls)
    assert sum(estimate_text(result) for result in results(model)) < 11_000

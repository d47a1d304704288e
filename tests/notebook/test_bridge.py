"""The bridge by itself: turns on the loop thread, tools and interrupts on this one, which is the main thread."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import threading
from typing import Any

import pytest

from victor_nb.agent.tools import Toolbox
from victor_nb.background import model_loop
from victor_nb.errors import UsageError
from victor_nb.messages import ChatChunk, ToolCall
from victor_nb.notebook.kernel.bridge import Bridge, Emit
from victor_nb.notebook.kernel.waiting import wait


def nothing(*_: object) -> None:
    pass


def on_main() -> bool:
    return threading.current_thread() is threading.main_thread()


def test_the_turn_runs_elsewhere_and_chunks_are_shown_here_in_order() -> None:
    shown: list[tuple[str, bool]] = []

    async def turn(emit: Emit) -> bool:
        for word in ("a", "b", "c"):
            emit(ChatChunk(content=word))
        return on_main()

    assert Bridge().run(turn, show=lambda chunk: shown.append((chunk.content, on_main())), idle=nothing) is False
    assert shown == [("a", True), ("b", True), ("c", True)]


def test_idle_is_called_while_nothing_comes() -> None:
    seen = threading.Event()

    async def turn(_: Emit) -> bool:
        return await asyncio.to_thread(seen.wait, 10)

    assert Bridge().run(turn, show=nothing, idle=seen.set)


def test_a_display_that_fails_does_not_end_the_turn(caplog: pytest.LogCaptureFixture) -> None:
    async def turn(emit: Emit) -> str:
        emit(ChatChunk(content="x"))
        return "whole"

    def show(_: ChatChunk) -> None:
        raise RuntimeError("no front end")

    assert Bridge().run(turn, show=show, idle=nothing) == "whole"
    assert "no front end" in caplog.text


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3)])
def test_what_a_tool_raises_reaches_its_caller(error: BaseException) -> None:
    bridge = Bridge()

    def tool() -> None:
        raise error

    async def turn(_: Emit) -> BaseException:
        try:
            await bridge.run_tool(tool)
        except (ValueError, SystemExit) as caught:
            return caught
        raise AssertionError

    assert bridge.run(turn, show=nothing, idle=nothing) is error


def test_a_turn_within_a_tool_leaves_the_outer_one_its_cell() -> None:
    bridge = Bridge()

    async def tools(_: Emit) -> list[bool]:
        return [await bridge.run_tool(on_main)]

    async def outer(_: Emit) -> list[bool]:
        inner = await bridge.run_tool(lambda: bridge.run(tools, show=nothing, idle=nothing))
        return [*inner, await bridge.run_tool(on_main)]

    assert bridge.run(outer, show=nothing, idle=nothing) == [True, True]


def test_a_turn_that_no_cell_waits_for_keeps_its_tools() -> None:
    """Also while another one has a cell: that one's cell may be over before the tool is called."""
    bridge = Bridge()
    assert model_loop().submit(bridge.run_tool(on_main)).result(10) is False
    assert asyncio.run(bridge.run_tool(on_main)) is True
    others: list[bool] = []

    async def turn(_: Emit) -> None:
        other = threading.Thread(target=lambda: others.append(asyncio.run(bridge.run_tool(on_main))))
        other.start()
        await asyncio.to_thread(other.join)

    bridge.run(turn, show=nothing, idle=nothing)
    assert others == [False]


def test_a_call_that_was_given_up_is_not_made_when_the_main_thread_is_free() -> None:
    bridge, gave_up, calls = Bridge(), threading.Event(), list[str]()

    async def turn(emit: Emit) -> None:
        emit(ChatChunk(content="keeps the main thread busy"))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bridge.run_tool(lambda: calls.append("late")), 0.01)
        gave_up.set()

    bridge.run(turn, show=lambda _: nothing(gave_up.wait(10)), idle=nothing)
    assert calls == []


def test_what_a_turn_leaves_running_has_its_tools_after_the_cell() -> None:
    bridge = Bridge()

    async def later(go: asyncio.Event) -> bool:
        await go.wait()
        return await asyncio.wait_for(bridge.run_tool(on_main), 5)

    async def turn(_: Emit) -> tuple[asyncio.Event, asyncio.Task[bool]]:
        go = asyncio.Event()
        return go, asyncio.create_task(later(go))

    async def join(go: asyncio.Event, task: asyncio.Task[bool]) -> bool:
        go.set()
        return await task

    assert model_loop().submit(join(*bridge.run(turn, show=nothing, idle=nothing))).result(10) is False


def test_a_call_that_the_cell_did_not_come_to_is_refused() -> None:
    bridge, tasks = Bridge(), list[asyncio.Task[None]]()

    async def turn(emit: Emit) -> None:
        emit(ChatChunk(content="x"))
        tasks.append(asyncio.create_task(bridge.run_tool(nothing)))
        await asyncio.sleep(0)
        handed.set()
        await asyncio.sleep(60)

    def interrupt(_: ChatChunk) -> None:
        handed.wait(10)
        signal.raise_signal(signal.SIGINT)

    async def join() -> None:
        await asyncio.wait_for(tasks[0], 5)

    handed = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        bridge.run(turn, show=interrupt, idle=nothing)
    with pytest.raises(RuntimeError, match="is over"):
        model_loop().submit(join()).result(10)


def test_an_interrupt_cancels_the_turn_and_waits_for_its_end() -> None:
    ended: list[str] = []

    async def turn(emit: Emit) -> None:
        try:
            emit(ChatChunk(content="x"))
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            ended.append("in order")
            raise

    with pytest.raises(KeyboardInterrupt):
        Bridge().run(turn, show=lambda _: signal.raise_signal(signal.SIGINT), idle=nothing)
    assert ended == ["in order"]


def test_a_turn_that_somebody_else_cancels_is_an_interruption() -> None:
    async def turn(_: Emit) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        Bridge().run(turn, show=nothing, idle=nothing)


def test_an_interrupt_of_a_tool_on_the_main_loop_does_not_leave_that_loop() -> None:
    def tool() -> None:
        signal.raise_signal(signal.SIGINT)

    async def cell() -> str:
        try:
            await Toolbox([tool]).dispatch(ToolCall("1", "tool", "{}"), Bridge().run_tool)
        except asyncio.CancelledError:
            return "cancelled"
        return "finished"

    assert asyncio.run(cell()) == "cancelled"


async def test_who_runs_on_the_loop_cannot_wait_for_it() -> None:
    async def ask_from_there() -> None:
        wait(asyncio.sleep(0))

    with pytest.raises(UsageError, match="waits for the loop"):
        await model_loop().run(ask_from_there())


def test_the_handler_of_interrupts_is_given_back() -> None:
    def of_the_kernel(*_: Any) -> None:
        raise AssertionError

    before = signal.signal(signal.SIGINT, of_the_kernel)
    try:

        async def turn(_: Emit) -> None:
            await asyncio.sleep(60)

        with pytest.raises(KeyboardInterrupt):
            Bridge().run(turn, show=nothing, idle=lambda: signal.raise_signal(signal.SIGINT))
        assert signal.getsignal(signal.SIGINT) is of_the_kernel
    finally:
        signal.signal(signal.SIGINT, before)

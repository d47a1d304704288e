"""The calls of one answer, made side by side; and what is said of a call that fails again and again.

A tool that fails does not stop the others. What ends the turn (an interrupt, a cancellation, a middleware that raises)
stops them all, and what was done by then is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Generic, TypeVar

from victor_nb.agent.tools.outcome import ToolOutcome
from victor_nb.messages import ToolCall, ToolResult

T = TypeVar("T")

MAX_SAME_FAILURES: Final = 3
"""After so many failures of one and the same call the model is told to stop."""


async def run_calls(
    calls: Sequence[ToolCall],
    make: Callable[[ToolCall], Awaitable[T]],
    keep: Callable[[T], None],
    *,
    limit: int,
) -> None:
    """`make` every call, at most `limit` at a time, and hand what came of them to `keep`, in the order of the calls.

    Raises what the first `make` that raises does; the others are cancelled then, and what had come of calls that were
    over is kept all the same.
    """
    if len(calls) == 1:
        keep(await make(calls[0]))
        return
    await _SideBySide(calls, make, limit).run(keep)


class _SideBySide(Generic[T]):
    def __init__(self, calls: Sequence[ToolCall], make: Callable[[ToolCall], Awaitable[T]], limit: int) -> None:
        self._calls = calls
        self._make = make
        self._free = asyncio.Semaphore(limit)
        self._done: dict[int, T] = {}
        self._broken: BaseException | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self, keep: Callable[[T], None]) -> None:
        self._tasks = [asyncio.create_task(self._one(number)) for number in range(len(self._calls))]
        try:
            await asyncio.wait(self._tasks)
        except asyncio.CancelledError:
            self._cancel()
            await asyncio.wait(self._tasks)
            raise
        finally:
            for number in sorted(self._done):
                keep(self._done[number])
        if self._broken is not None:
            raise self._broken

    async def _one(self, number: int) -> None:
        """Never raises: no exception of a task may end in the event loop's own hands."""
        try:
            async with self._free:
                self._done[number] = await self._make(self._calls[number])
        except asyncio.CancelledError as error:
            if not self._is_cancelled():  # the tool was interrupted, and nobody has cancelled the turn yet
                self._break(error)
        except BaseException as error:  # noqa: BLE001 (it is raised again, by `run`)
            self._break(error)

    @staticmethod
    def _is_cancelled() -> bool:
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0

    def _break(self, error: BaseException) -> None:
        self._broken = self._broken or error
        self._cancel(but=asyncio.current_task())

    def _cancel(self, but: asyncio.Task[None] | None = None) -> None:
        for task in self._tasks:
            if task is not but:
                task.cancel()


def same_calls(call: ToolCall, earlier: Iterable[ToolResult]) -> list[ToolResult]:
    """Those of `earlier` that called the same tool with the same arguments, however they were written."""
    form = _form(call.arguments)
    return [done for done in earlier if done.name == call.name and _form(done.arguments) == form]


def _form(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments or "{}"), sort_keys=True)
    except ValueError:
        return arguments.strip()


def with_warning(outcome: ToolOutcome, same: Sequence[ToolResult]) -> ToolOutcome:
    """Of a call that failed as it has before, the model is told so; the third time, to stop."""
    failed = sum(done.status != "ok" for done in same) + 1
    if outcome.status == "ok" or failed == 1:
        return outcome
    if failed < MAX_SAME_FAILURES:
        note = "This very call has failed before. Change the arguments, or do without it."
    else:
        note = f"Stop: this very call has failed {failed} times. Do not make it again; answer without it, and say so."
    text = f"{outcome.text}\n{note}"
    return replace(outcome, text=text, result_bytes=outcome.result_bytes + len(note.encode()) + 1)

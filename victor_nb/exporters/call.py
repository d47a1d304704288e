"""Calling an exporter: on the loop that its connections live on or in a thread of its own, one call at a time, and
never waiting for longer than it may take. A call that does not end is left behind, and no second one is started."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import logging
from collections.abc import Callable
from typing import Any, cast

from victor_nb.background import LoopThread
from victor_nb.exporters import outcome, traits
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.home import bound_loop
from victor_nb.exporters.outcome import Outcome
from victor_nb.protocols import AnalyticsEvent, IAnalyticsExporter

log = logging.getLogger(__name__)
# How long a call that was cancelled is waited for: long enough to close a connection.
_GRACE_S = 0.2
_BUSY = Outcome("the last call is still running", about_events=False)
_GIVEN_UP = Outcome("it was given up", about_events=False)
_NO_LOOP = Outcome("the event loop that its connection lives on was closed", about_events=False)


class Call:
    """One call of `function` in a task on `loop`. `ended` is set when it is really over, not when it is given up."""

    def __init__(self, loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
        self.ended: concurrent.futures.Future[Outcome] = concurrent.futures.Future()
        self._loop = loop
        self._function = function
        self._task: asyncio.Task[Outcome] | None = None
        self._cancelled = False
        self._soon(self._start)

    def is_over(self) -> bool:
        return self.ended.done() or self._loop.is_closed()

    def cancel(self) -> None:
        self._cancelled = True
        self._soon(self._cancel)

    def _soon(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, and so the call is over
            self._loop.call_soon_threadsafe(function)

    def _start(self) -> None:
        if self._cancelled:  # a loop that was blocked has come round to it too late
            self.ended.set_result(_GIVEN_UP)
            return
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> Outcome:
        try:
            returned = self._function()
            return outcome.of_returned(await returned if inspect.isawaitable(returned) else returned)
        except asyncio.CancelledError:
            return self._of_cancelling(asyncio.current_task())
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            log.debug("an exporter failed", exc_info=True)
            return outcome.of_error(error)

    def _finish(self, task: asyncio.Task[Outcome]) -> None:
        if task.cancelled():
            self.ended.set_result(self._of_cancelling(task))
        elif error := task.exception():  # what the exporter raised or returned could not even be read
            self.ended.set_result(Outcome(f"it failed, and {type(error).__name__} when it was asked why"))
        else:
            self.ended.set_result(task.result())

    def _of_cancelling(self, task: asyncio.Task[Outcome] | None) -> Outcome:
        """By us, by the loop because it ends, or just raised by the exporter."""
        if self._cancelled:
            return _GIVEN_UP
        return _NO_LOOP if task and task.cancelling() else Outcome("it was cancelled")


class Caller:
    """Calls `exporter`. The loop that it was `added_on` may be the one that its connection was opened on."""

    def __init__(self, exporter: IAnalyticsExporter, name: str, added_on: asyncio.AbstractEventLoop | None) -> None:
        self.exporter = exporter
        self.name = name
        self._added_on = added_on
        self._needs_added = False
        self._thread: LoopThread | None = None
        self._left: tuple[object, Call] | None = None

    def export(self, events: list[AnalyticsEvent], batch: object, stop: concurrent.futures.Future[None]) -> Outcome:
        """Bring `events`, known as `batch` when they come again; give up when `stop` is done. Blocks.

        A call that took too long and then succeeded counts when its batch comes again.
        """
        if self._left:
            known, call = self._left
            if not call.is_over():
                return _BUSY
            self._left = None
            if known == batch and call.ended.done() and call.ended.result().success:
                return outcome.DELIVERED
        return self._call(events, batch, stop)

    def lives_on(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Whether calls need `loop` to turn over."""
        return loop is not None and self._home() is loop

    def close(self, timeout_s: float) -> None:
        """Call the exporter's own `close`, if it has one, where `export` was called; end the thread. Blocks."""
        closer = cast("Callable[[], object] | None", getattr(self.exporter, "close", None))
        inherited = getattr(type(self.exporter), "close", None) is BaseAnalyticsExporter.close
        if callable(closer) and not inherited and not (self._left and not self._left[1].is_over()):
            call = Call(self._loop(), closer)
            self._wait(call, timeout_s)
            if not call.ended.done():
                call.cancel()
            elif error := call.ended.result().error:
                log.warning("exporter %s could not be closed: %s", self.name, error)
        thread, self._thread = self._thread, None  # a further call gets another one
        if thread:
            thread.close(0.05)

    def _call(self, events: list[AnalyticsEvent], batch: object, stop: concurrent.futures.Future[None]) -> Outcome:
        call = Call(self._loop(), lambda: self.exporter.export(events))
        timeout_s = traits.timeout_s(self.exporter)
        self._wait(call, timeout_s, stop)
        if not call.is_over():
            call.cancel()
            self._wait(call, _GRACE_S)
        if not call.is_over():
            self._left = batch, call
        ended = call.ended.result() if call.ended.done() else _GIVEN_UP if self._left else _NO_LOOP
        if ended is _GIVEN_UP:
            return outcome.CLOSED if stop.done() else Outcome(f"it took longer than {timeout_s:g} s")
        if ended.wrong_place and self._added_on and not self._needs_added:
            self._needs_added = True
            return self._call(events, batch, stop)
        return ended

    def _wait(self, call: Call, timeout_s: float, *others: concurrent.futures.Future[None]) -> None:
        waited_for: list[concurrent.futures.Future[Any]] = [call.ended, *others]
        concurrent.futures.wait(waited_for, timeout_s, concurrent.futures.FIRST_COMPLETED)

    def _home(self) -> asyncio.AbstractEventLoop | None:
        home = self._added_on if self._needs_added else bound_loop(self.exporter)
        return home if home is not None and home.is_running() else None

    def _loop(self) -> asyncio.AbstractEventLoop:
        if home := self._home():
            return home
        self._thread = self._thread or LoopThread(f"victor-nb-export-{self.name}")
        return self._thread.loop

"""Bringing events to one exporter: in order, in batches, at least once, in the background.

Each exporter has its own thread and its own cursor in the store, so that none can delay the chat or another one.
What was not confirmed is tried again, with growing pauses, and is still in the store when the process ends.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import logging
import random
import threading
from collections.abc import Set as AbstractSet
from typing import cast

from victor_nb.background import LoopThread
from victor_nb.exporters.decode import decode
from victor_nb.exporters.home import bound_loop, is_wrong_place, running_loop
from victor_nb.protocols import AnalyticsEvent, EventQuery, ExportResult, IAnalyticsExporter, IEventStore, StoredEvent

log = logging.getLogger(__name__)
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 60.0


class Delivery:
    """Brings events of this kernel run to `exporter`: those of `sessions`, a set that may grow.

    The progress is stored under `key`, which no other delivery of the run may have.
    """

    def __init__(
        self, exporter: IAnalyticsExporter, name: str, *, key: str, store: IEventStore, sessions: AbstractSet[str]
    ) -> None:
        self.exporter = exporter
        self.name = name
        self._key = key
        self._sessions = sessions
        self.last_error: str | None = None
        self.failures = 0
        self._store = store
        self._registered_on = running_loop()
        self._needs_registered = False
        self._thread = LoopThread(f"victor-nb-export-{name}")
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._start = threading.Lock()
        self._started = False
        self._closed = False
        self._draining: list[concurrent.futures.Future[bool]] = []

    @property
    def position(self) -> int:
        """Everything of this run up to here is confirmed."""
        return self._store.cursor(self._key)

    def notify(self) -> None:
        """There may be something new to deliver; returns at once."""
        with self._start:
            if self._closed:
                return
            if not self._started:
                self._started = True
                self._thread.submit(self._work())
            self._thread.loop.call_soon_threadsafe(self._wake.set)

    async def drain(self) -> bool:
        """Deliver all that is durable now; False as soon as a batch fails, or the delivery is closed. Can be awaited
        from any loop."""
        try:
            return await asyncio.wrap_future(self.begin_drain())
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            return False

    def begin_drain(self) -> concurrent.futures.Future[bool]:
        """`drain()` without waiting."""
        with self._start:
            if self._closed:
                closed: concurrent.futures.Future[bool] = concurrent.futures.Future()
                closed.set_result(False)
                return closed
            draining = self._thread.submit(self._guarded_drain())
            self._draining.append(draining)
            draining.add_done_callback(self._draining.remove)
            return draining

    def close(self, timeout_s: float = 0.05) -> None:
        """Stop; what is not confirmed stays in the store. A blocked exporter is left behind in its daemon thread."""
        with self._start:
            self._closed = True
            draining = list(self._draining)
        self._thread.close(timeout_s)
        for unfinished in draining:  # a loop that was stopped will not end them
            unfinished.cancel()

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while not await self._guarded_drain():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), self._pause_s())
                self._wake.clear()

    async def _guarded_drain(self) -> bool:
        """`_drain`, for which a failure of ours (the store cannot be read) is one more reason to try again later."""
        try:
            return await self._drain()
        except Exception as error:
            self.failures += 1
            self.last_error = f"{type(error).__name__}: {error}"
            log.exception("delivery to exporter %s failed, it is tried again", self.name)
            return False

    def _pause_s(self) -> float:
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(self.failures - 1, 10))
        return random.uniform(longest / 2, longest)

    async def _drain(self) -> bool:
        async with self._busy:
            while batch := self._next_batch():
                own = [event for event in batch if event.session_id in self._sessions]
                events = decode(own, include_content=getattr(self.exporter, "include_content", False))
                result = await self._attempt(events) if events else ExportResult(True)
                if not result.success:
                    self._failed(events, result.error or "the exporter said that it failed, and not why")
                    return False
                self._store.advance(self._key, batch[-1].position)
                self.failures, self.last_error = 0, None
        return True

    def _next_batch(self) -> list[StoredEvent]:
        size = max(1, int(getattr(self.exporter, "batch_size", 500)))
        return self._store.read(
            EventQuery(kernel_run_ids=[self._store.kernel_run_id], after_position=self.position, limit=size)
        )

    async def _attempt(self, events: list[AnalyticsEvent]) -> ExportResult:
        try:
            async with asyncio.timeout(float(getattr(self.exporter, "timeout_s", 30.0))):
                return _checked(await self._export(events))
        except TimeoutError:
            return ExportResult(False, error="it took too long")
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            return ExportResult(False, error="it was cancelled")
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            if is_wrong_place(error) and self._registered_on and not self._needs_registered:
                self._needs_registered = True
                return await self._attempt(events)
            log.debug("exporter %s failed", self.name, exc_info=True)
            return ExportResult(False, error=f"{type(error).__name__}: {error}")

    async def _export(self, events: list[AnalyticsEvent]) -> object:
        home = self._registered_on if self._needs_registered else bound_loop(self.exporter)
        if home is None or not home.is_running():
            return await self._call(events)
        there = asyncio.run_coroutine_threadsafe(self._call(events), home)
        try:
            return await asyncio.wrap_future(there)
        except asyncio.CancelledError:
            if _is_being_cancelled():
                raise
            raise RuntimeError("the event loop that its connection lives on was closed") from None

    async def _call(self, events: list[AnalyticsEvent]) -> object:
        result = cast("object", self.exporter.export(events))
        return await result if inspect.isawaitable(result) else result

    def _failed(self, events: list[AnalyticsEvent], error: str) -> None:
        self.failures += 1
        self.last_error = error
        if self.failures == 1:  # one event a streak: a dead destination must not fill its own queue
            self._store.append(
                "export_failed",
                events[-1].session_id,
                {
                    "exporter": self.name,
                    "first_seq": events[0].seq,
                    "last_seq": events[-1].seq,
                    "attempts": self.failures,
                    "error": error[:500],
                },
            )
            log.warning("exporter %s failed, its events are kept and tried again: %s", self.name, error[:500])


def _checked(result: object) -> ExportResult:
    """An exporter that returns nothing and does not raise has succeeded; anything but an `ExportResult` has not."""
    if result is None:
        return ExportResult(True)
    if not hasattr(result, "success"):
        return ExportResult(False, error=f"export() returned {type(result).__name__}, not an ExportResult")
    given = cast("ExportResult", result)
    return ExportResult(bool(given.success), error=getattr(given, "error", None))


def _is_being_cancelled() -> bool:
    """Whether a CancelledError is meant for the delivery itself, and did not just come out of an exporter."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0

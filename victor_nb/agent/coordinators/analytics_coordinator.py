"""The analytics coordinator: what happened, recorded durably and brought to every exporter.

It writes to the store that the orchestrator gives it and owns one delivery per exporter. It knows neither the other
coordinators nor any destination.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import platform
import re
import threading
import time
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from victor_nb.agent.capture import Capture, CapturePolicy
from victor_nb.agent.receipts import NothingRecorded
from victor_nb.agent.store_choice import clock_of
from victor_nb.agent.witnesses import tell
from victor_nb.clock import REAL
from victor_nb.errors import EventError, UsageError, did_you_mean
from victor_nb.events import PAYLOADS, EventContent, ExportFailed, SessionStarted
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.decode import decode
from victor_nb.exporters.deliveries import Deliveries, Recording, close
from victor_nb.exporters.delivery import Delivery
from victor_nb.exporters.identity import place
from victor_nb.exporters.tally import tally, tally_held_back, tally_of_dead
from victor_nb.host import lent
from victor_nb.models import taping
from victor_nb.protocols import AnalyticsEvent, EventQuery, ExportResult, IAnalyticsExporter, IEventStore
from victor_nb.store.encode import mended_text
from victor_nb.store.registry import notebook_path

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AnalyticsCoordinator", "BaseAnalyticsExporter", "SessionAnalytics"]

_TYPE = re.compile(r"x_[a-z0-9_]+")


@dataclass(frozen=True)
class SessionAnalytics:
    """What was recorded of one session, oldest first, prompts and answers included."""

    session_id: str
    events: list[AnalyticsEvent] = field(default_factory=list[AnalyticsEvent])


class AnalyticsCoordinator:
    """Records the events of its orchestrators' sessions, and exports those.

    Args:
        exporters: objects with `export(events)`; see `BaseAnalyticsExporter`.

    Raises:
        TypeError: an exporter has no `export` of its own.
    """

    def __init__(self, exporters: Iterable[IAnalyticsExporter] = ()) -> None:
        self._lock = threading.Lock()
        self._store: IEventStore | None = None
        self._channel = ("", 0)
        self._enabled = True
        self._held_back = False
        self._capture = Capture()
        self._default_session = ""
        self._open_sessions: set[str] = set()
        self._deliveries = Deliveries(self._report)
        for exporter in exporters:
            self.add_exporter(exporter)

    def attach(
        self,
        store: IEventStore,
        *,
        session_id: str = "",
        enabled: bool = True,
        capture: CapturePolicy = "on",
        redact_patterns: Sequence[str] = (),
    ) -> None:
        """Record into `store` from now on. The orchestrator calls this; a second call with another store is refused.

        Args:
            session_id: of events of your own that name none.
            enabled: False records nothing, whoever else attaches.
            capture: whether prompts and answers are stored: `"on"`, `"off"`, or `"redacted"`: without what
                `redact_patterns` (regular expressions) find. The strictest of all that attach is followed.
        """
        with self._lock:
            if self._store not in (None, store):
                raise EventError(
                    "this AnalyticsCoordinator already records into another store.",
                    hint="give every orchestrator with its own store its own coordinator",
                )
            self._store = store
            self._held_back |= taping.holds_back()
            self._default_session = session_id
            self._enabled &= enabled
            self._capture = self._capture.stricter(capture, redact_patterns)

    def use_session(self, session_id: str) -> None:
        """The session of events of your own that name none."""
        self._default_session = session_id

    @property
    def capture(self) -> Capture:
        """What of prompts and answers is kept, by the coordinator's own policy and the settings'."""
        return self._capture

    @property
    def enabled(self) -> bool:
        """Whether anything is recorded."""
        return self._enabled

    @property
    def exporters(self) -> tuple[IAnalyticsExporter, ...]:
        return self._deliveries.exporters

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """How far each exporter has come, and its last error; empty before the first event."""
        return self._deliveries.running

    def add_exporter(self, exporter: IAnalyticsExporter) -> None:
        """Send the events of this coordinator to `exporter`, those of before it was added included. One with the same
        `destination` is replaced.

        Raises:
            TypeError: it has no `export` of its own.
        """
        self._deliveries.add(exporter)
        if self._open_sessions:
            self._start_deliveries(self.store)

    def remove_exporter(self, exporter: IAnalyticsExporter) -> None:
        """Stop sending to `exporter`, and close it; what it has not confirmed stays in the store."""
        self._deliveries.remove(exporter)

    def track_event(
        self, type: str, data: Mapping[str, Any] | None = None, *, session_id: str | None = None
    ) -> Awaitable[None]:
        """Record an event of your own. It is queued at once; awaiting the result waits until it is durable.

        Args:
            type: snake_case ASCII that starts with `x_`.
            data: a JSON object; numpy and datetime values are converted.
            session_id: the session it belongs to; the orchestrator's own by default.

        Raises:
            EventError: the type is not allowed, or the data is not JSON.
        """
        if not _TYPE.fullmatch(type):
            raise EventError(
                f"{type!r} is not a type for your own events.", hint="use snake_case that starts with x_, as x_my_event"
            )
        if not isinstance(data, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise EventError(f"an event's data is a dict, not {_name(data)}.", hint='as in {"stars": 4}')
        return self._in_session(type, session_id or self._default_session, data or {}, None)

    def record(
        self, type: str, session_id: str, data: Mapping[str, Any], content: EventContent | None = None
    ) -> Awaitable[None]:
        """Record one of the project's own events (see `events.py`); content is left out when it is not captured."""
        if type not in PAYLOADS:
            raise EventError(f"{type!r} is not an event type of victor_nb.", hint="use track_event for your own")
        return self._in_session(type, session_id, data, self._capture.of(content))

    def _in_session(
        self, type: str, session_id: str, data: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> Awaitable[None]:
        session_id = mended_text(session_id)
        if session_id not in self._open_sessions:
            self._begin_session(self.store, session_id)
        return self._append(type, session_id, data, content)

    def _append(
        self, type: str, session_id: str, data: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> Awaitable[None]:
        if not self._enabled:
            return NothingRecorded()
        store, channel = self.store, self._current_channel()
        tell(store, channel, session_id)
        return store.append(type, session_id, data, content, channel=channel)

    def _current_channel(self) -> int:
        """One of our own, and another one in a forked child, which is a kernel run of its own."""
        run, channel = self._channel
        if run == self.store.kernel_run_id:
            return channel
        with self._lock:
            if self._channel[0] != self.store.kernel_run_id:
                self._channel = (self.store.kernel_run_id, self.store.open_channel())
            return self._channel[1]

    def _begin_session(self, store: IEventStore, session_id: str) -> None:
        self._open_sessions.add(session_id)
        if self._enabled:
            _live.add(self)
            _close_at_exit()
            self._start_deliveries(store)  # ahead of the event: a kernel killed after it has left it to its exporters
        self._append("session_started", session_id, _versions(), None)

    def _start_deliveries(self, store: IEventStore) -> None:
        """Those that do not run yet. Exporters that name no destination belong to this notebook or script."""
        if not self._enabled or not self.exporters:
            return
        host = lent()
        notebook = host.turn_origin().get("notebook") if host else notebook_path()
        where = place(notebook, store.kernel_run_id)
        recording = Recording(store, self._current_channel(), where)
        if self._holds_back:
            self._deliveries.hold_back(recording, announced=clock_of(store) is not REAL)
        else:
            self._deliveries.start(recording)

    @property
    def _holds_back(self) -> bool:
        """In a replay exporters accept events, and deliver none; what is recorded in it is not delivered later either.
        Those that ran before it go on."""
        return (self._held_back or taping.holds_back()) and not self.deliveries

    def _report(self, failed: ExportFailed, session_id: str | None) -> None:
        self._append("export_failed", session_id or self._default_session, failed, None)

    @property
    def store(self) -> IEventStore:
        """The store that events go to.

        Raises:
            EventError: no orchestrator has attached one yet.
        """
        if self._store is None:
            raise EventError(
                "this AnalyticsCoordinator is not part of an orchestrator yet.",
                hint="pass it as AgentOrchestrator(analytics_coordinator=…) first",
            )
        return self._store

    def notify(self) -> None:
        """Let every exporter know, without waiting, that there is something new."""
        self._start_deliveries(self.store)
        self._deliveries.notify()

    async def export_analytics(self, session_id: str | None = None) -> ExportResult:
        """Deliver what is pending and wait for it: at once, unless a destination has asked to wait.

        Args:
            session_id: count only this session's events (all pending ones are delivered).

        Returns:
            `exported_count`: events of this kernel run that every exporter has confirmed by now; `dead`: those that one
            of them was refused; `pending`: the others, and without `session_id` also what kernels that are gone have
            left; `results`: the same by exporter; `success`: nothing is pending or dead. With no exporter nothing is
            counted. A replay delivers nothing: all is pending, and `success` all the same.
        """
        self._start_deliveries(self.store)
        deliveries = self.deliveries
        query = EventQuery(
            kernel_run_ids=[self.store.kernel_run_id], channel=self._current_channel(), session_id=session_id
        )
        positions = await asyncio.to_thread(self._durable, query) if self.exporters else []
        if self._holds_back:
            return tally_held_back(len(positions), self._deliveries.names)
        await asyncio.gather(*(delivery.drain() for delivery in deliveries))
        return await asyncio.to_thread(tally, positions, deliveries, left_behind=session_id is None)

    def _durable(self, query: EventQuery) -> list[int]:
        self.store.flush()
        return self.store.positions(query)

    async def retry_dead(self, exporter_name: str | None = None) -> ExportResult:
        """Deliver once more what a destination has refused for good, of this exporter or of all.

        Returns:
            `exported_count`: events that went through now; `dead`: those that are still dead; `results`: the same by
            exporter; `success`: none is dead any more.

        Raises:
            UsageError: there is no exporter of that name.
        """
        self._start_deliveries(self.store)
        names = self._deliveries.names
        if exporter_name is not None and exporter_name not in names:
            raise UsageError(
                f"there is no exporter {exporter_name!r}.{did_you_mean(exporter_name, names)}",
                hint=f"the exporters are: {', '.join(names) or 'none'}",
            )
        wanted = names if exporter_name is None else [exporter_name]
        if self._holds_back:
            return tally_held_back(0, wanted)
        chosen = [delivery for delivery in self.deliveries if delivery.name in wanted]
        counts = await asyncio.gather(*(asyncio.wrap_future(delivery.begin_revival()) for delivery in chosen))
        return await asyncio.to_thread(tally_of_dead, chosen, counts)

    async def flush(self) -> ExportResult:
        """Make everything recorded durable and deliver it as far as the destinations allow."""
        return await self.export_analytics()

    async def get_session_analytics(self, session_id: str) -> SessionAnalytics:
        """The events of a session from all kernel runs, oldest first."""
        return SessionAnalytics(session_id, await self.query_analytics(session_id=session_id))

    async def query_analytics(
        self, *, session_id: str | None = None, types: Sequence[str] | None = None, limit: int | None = None
    ) -> list[AnalyticsEvent]:
        """Events by session and type, oldest first, content included."""
        await asyncio.to_thread(self.store.flush)
        query = EventQuery(session_id=session_id, types=types, limit=limit)
        return await asyncio.to_thread(lambda: decode(self.store.read(query), include_content=True))

    def to_dataframe(self, session_id: str | None = None) -> pd.DataFrame:
        """The events of a session, or of this notebook, as `victor_nb.analytics.events()` shows them."""
        from victor_nb.frames import Analytics

        return Analytics(lambda: self.store).events(session=session_id, all=session_id is not None)

    def close(self, timeout_s: float = 2.0) -> None:
        """Give every exporter one last chance, all at once, and close it; `timeout_s` seconds in total. What it has not
        confirmed stays in the store, for the next kernel. With a further event, exporters come back."""
        _close([self], timeout_s)

    async def aclose(self, timeout_s: float = 2.0) -> None:
        """`close()` for exporters with connections that live on this event loop: it goes on meanwhile."""
        await asyncio.to_thread(self.close, timeout_s)

    def _end(self, timeout_s: float) -> list[Delivery]:
        """End the open sessions durably; the deliveries that are left to be drained and closed."""
        _live.discard(self)
        open_sessions, self._open_sessions = self._open_sessions, set()
        for session_id in open_sessions:
            self._append("session_ended", session_id, {"reason": "closed"}, None)
        if self._store and open_sessions:
            self._store.flush(timeout_s)
        return self._deliveries.alive()


_live: set[AnalyticsCoordinator] = set()


def _close(coordinators: Iterable[AnalyticsCoordinator], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    deliveries: list[Delivery] = []
    for coordinator in coordinators:
        deliveries += coordinator._end(max(0.0, deadline - time.monotonic()))  # pyright: ignore[reportPrivateUsage]
    close(deliveries, deadline)


def _close_all() -> None:
    _close(list(_live), 2.0)


@cache
def _close_at_exit() -> None:
    """Once, and ahead of the thread pools' own end: exporters need them to look up a host. `atexit` comes after it."""
    try:
        importlib.import_module("concurrent.futures.thread")  # what is registered last is called first
        getattr(threading, "_register_atexit", atexit.register)(_close_all)
    except RuntimeError:  # a thread that goes on when the main one has ended
        atexit.register(_close_all)


def _name(value: object) -> str:
    return type(value).__name__


@cache
def _versions() -> SessionStarted:
    return {"victor_nb_version": version("victor-nb"), "python_version": platform.python_version()}

"""The analytics coordinator: what happened, recorded durably and brought to every exporter.

It writes to the store that the orchestrator gives it and owns one delivery per exporter. It knows neither the other
coordinators nor any destination.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import importlib
import platform
import re
import threading
from collections.abc import Awaitable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from victor_nb.errors import EventError
from victor_nb.events import PAYLOADS, EventContent, SessionStarted
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.decode import decode
from victor_nb.exporters.delivery import Delivery
from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent, EventQuery, ExportResult, IAnalyticsExporter, IEventStore
from victor_nb.store.encode import mended_text

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
        self._id = new_id()
        self._lock = threading.Lock()
        self._store: IEventStore | None = None
        self._enabled = True
        self._capture_content = True
        self._default_session = ""
        self._sessions: set[str] = set()
        self._open_sessions: set[str] = set()
        self._waiting: list[IAnalyticsExporter] = []
        self._deliveries: list[Delivery] = []
        self._ever_added: list[IAnalyticsExporter] = []
        for exporter in exporters:
            self.add_exporter(exporter)

    def attach(
        self, store: IEventStore, *, session_id: str = "", enabled: bool = True, capture_content: bool = True
    ) -> None:
        """Record into `store` from now on. The orchestrator calls this; a second call with another store is refused."""
        with self._lock:
            if self._store not in (None, store):
                raise EventError(
                    "this AnalyticsCoordinator already records into another store.",
                    hint="give every orchestrator with its own store its own coordinator",
                )
            _live.add(self)
            _close_at_exit()
            self._store = store
            self._default_session = session_id
            self._enabled &= enabled
            self._capture_content &= capture_content  # one that says no is heard, whoever else says yes
            waiting, self._waiting = self._waiting, []
        for exporter in waiting:
            self.add_exporter(exporter)

    def use_session(self, session_id: str) -> None:
        """The session of events of your own that name none."""
        self._default_session = session_id

    @property
    def exporters(self) -> tuple[IAnalyticsExporter, ...]:
        return (*self._waiting, *(delivery.exporter for delivery in self._deliveries))

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """How far each exporter has come, and its last error."""
        return tuple(self._deliveries)

    def add_exporter(self, exporter: IAnalyticsExporter) -> None:
        """Send the events of this coordinator's sessions to `exporter`, those of before it was added included."""
        method = getattr(type(exporter), "export", None)
        if not callable(method) or method is BaseAnalyticsExporter.export:
            raise TypeError(f"{type(exporter).__name__} must define `async def export(self, events)`")
        with self._lock:
            if any(known is exporter for known in self.exporters):
                return
            if self._store is None:
                self._waiting.append(exporter)
                return
            name, key = self._name_of(exporter), self._key_of(exporter)
            delivery = Delivery(exporter, name, key=key, store=self._store, sessions=self._sessions)
            self._deliveries.append(delivery)

    def remove_exporter(self, exporter: IAnalyticsExporter) -> None:
        """Stop sending to `exporter`; what it has not confirmed stays in the store."""
        with self._lock:
            self._waiting = [other for other in self._waiting if other is not exporter]
            gone = [delivery for delivery in self._deliveries if delivery.exporter is exporter]
            self._deliveries = [delivery for delivery in self._deliveries if delivery.exporter is not exporter]
        for delivery in gone:
            delivery.close()

    def _key_of(self, exporter: IAnalyticsExporter) -> str:
        """What its progress is stored under: the same when it comes back, another for any other exporter."""
        known = [other is exporter for other in self._ever_added]
        if not any(known):
            self._ever_added.append(exporter)
            known.append(True)
        return f"{type(exporter).__name__}/{self._id}/{known.index(True)}"

    def _name_of(self, exporter: IAnalyticsExporter) -> str:
        name = str(getattr(exporter, "name", None) or type(exporter).__name__)
        taken = {delivery.name for delivery in self._deliveries}
        return next(n for i in range(1, len(taken) + 2) if (n := name if i == 1 else f"{name}#{i}") not in taken)

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
        return self._in_session(type, session_id, data, content if self._capture_content else None)

    def _in_session(
        self, type: str, session_id: str, data: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> Awaitable[None]:
        session_id = mended_text(session_id)
        if session_id not in self._open_sessions:
            self._begin_session(session_id)
        return self._append(type, session_id, data, content)

    def _append(
        self, type: str, session_id: str, data: Mapping[str, Any], content: Mapping[str, Any] | None
    ) -> Awaitable[None]:
        return self.store.append(type, session_id, data, content) if self._enabled else _NothingRecorded()

    def _begin_session(self, session_id: str) -> None:
        self._sessions.add(session_id)
        self._open_sessions.add(session_id)
        self._append("session_started", session_id, _versions(), None)

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
        for delivery in self._deliveries:
            delivery.notify()

    async def export_analytics(self, session_id: str | None = None) -> ExportResult:
        """Deliver what is pending and wait for it.

        Args:
            session_id: count only this session's events (all pending ones are delivered).

        Returns:
            `exported_count`: events that every exporter has confirmed by now; `pending`: the others; `results`: the
            same by exporter; `success`: nothing is pending. With no exporter nothing is counted.
        """
        await asyncio.to_thread(self.store.flush)
        events = self.store.read(EventQuery(kernel_run_ids=[self.store.kernel_run_id], session_id=session_id))
        positions = [event.position for event in events if event.session_id in self._sessions]
        deliveries = self.deliveries
        await asyncio.gather(*(delivery.drain() for delivery in deliveries))
        results = {delivery.name: _counted(positions, delivery) for delivery in deliveries}
        everywhere = min((result.exported_count for result in results.values()), default=0)
        errors = [f"{name}: {result.error}" for name, result in results.items() if result.error]
        return ExportResult(
            success=all(result.success for result in results.values()),
            exported_count=everywhere,
            error="; ".join(errors) or None,
            pending=len(positions) - everywhere if results else 0,
            results=results,
        )

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
        found = self.store.read(EventQuery(session_id=session_id, types=types, limit=limit))
        return decode(found, include_content=True)

    def to_dataframe(self, session_id: str | None = None) -> pd.DataFrame:
        """The events of a session, or of this notebook, as `victor_nb.analytics.events()` shows them."""
        from victor_nb.frames import Analytics

        return Analytics(lambda: self.store).events(session=session_id, all=session_id is not None)

    def close(self, timeout_s: float = 2.0) -> None:
        """Give every exporter one last chance, all at once and for `timeout_s` seconds in total. Exporters are gone
        afterwards; what they have not confirmed stays in the store."""
        _live.discard(self)
        _close([self], timeout_s)

    def _end(self, timeout_s: float) -> list[Delivery]:
        """End the open sessions durably; the deliveries that are left to be drained and closed."""
        open_sessions, self._open_sessions = self._open_sessions, set()
        for session_id in open_sessions:
            self._append("session_ended", session_id, {"reason": "closed"}, None)
        deliveries, self._deliveries = self._deliveries, []
        if self._store:
            self._store.flush(timeout_s)
        return deliveries


_live: set[AnalyticsCoordinator] = set()


def _close(coordinators: Iterable[AnalyticsCoordinator], timeout_s: float) -> None:
    deliveries = [delivery for coordinator in coordinators for delivery in coordinator._end(timeout_s)]  # pyright: ignore[reportPrivateUsage]
    concurrent.futures.wait([delivery.begin_drain() for delivery in deliveries], timeout_s * 0.7)
    for delivery in deliveries:
        delivery.close()


def _close_all() -> None:
    _close(list(_live), 2.0)


@cache
def _close_at_exit() -> None:
    """Once, and ahead of the thread pools' own end: exporters need them to look up a host. `atexit` comes after it."""
    importlib.import_module("concurrent.futures.thread")  # what is registered last is called first
    getattr(threading, "_register_atexit", atexit.register)(_close_all)


def _name(value: object) -> str:
    return type(value).__name__


@cache
def _versions() -> SessionStarted:
    return {"victor_nb_version": version("victor-nb"), "python_version": platform.python_version()}


class _NothingRecorded:
    """Stands for an event where analytics are switched off; need not be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


def _counted(positions: list[int], delivery: Delivery) -> ExportResult:
    confirmed = sum(position <= delivery.position for position in positions)
    pending = len(positions) - confirmed
    return ExportResult(pending == 0, confirmed, delivery.last_error if pending else None, pending)

"""The exporters of one coordinator, and a delivery for each while there is something to deliver."""

from __future__ import annotations

import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from victor_nb.exporters import identity, traits
from victor_nb.exporters.backlog import Backlog
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.call import Caller
from victor_nb.exporters.courier import Report
from victor_nb.exporters.delivery import Delivery
from victor_nb.exporters.home import running_loop
from victor_nb.protocols import IAnalyticsExporter, IEventStore, Outbox

log = logging.getLogger(__name__)
HELD_BACK: Final = "a replay delivers nothing, unless VICTOR_CASSETTE_EXPORTERS=1 or exporters=True says so"


@dataclass(slots=True)
class _Entry:
    """An exporter and what calls it, which outlives deliveries; `delivery` is the one that ran last."""

    exporter: IAnalyticsExporter
    identity: str
    caller: Caller
    delivery: Delivery | None = None
    held_back: Recording | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """What is delivered: all that is recorded in `store` on `channel`, in the notebook or script `place`."""

    store: IEventStore
    channel: int
    place: str


class Deliveries:
    """Knows every exporter by an identity that lasts: one that is added again goes on where it was, and one with the
    identity of another takes its place. Threads are started by `start`, and again after `close`."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._lock = threading.RLock()
        self._entries: list[_Entry] = []
        self._counted: dict[str, list[IAnalyticsExporter]] = {}
        self._backlogs: dict[tuple[str, str, int], Backlog] = {}
        self._last: dict[str, Delivery] = {}
        self._pid = os.getpid()

    @property
    def exporters(self) -> tuple[IAnalyticsExporter, ...]:
        return tuple(entry.exporter for entry in self._entries)

    @property
    def names(self) -> tuple[str, ...]:
        """What each exporter is called in results."""
        return tuple(entry.caller.name for entry in self._entries)

    @property
    def running(self) -> tuple[Delivery, ...]:
        """The deliveries that have been started."""
        return tuple(entry.delivery for entry in self._entries if entry.delivery)

    def add(self, exporter: IAnalyticsExporter) -> None:
        """Does nothing when it is there already.

        Raises:
            TypeError: it has no `export` of its own.
        """
        method = getattr(type(exporter), "export", None)
        if not callable(method) or method is BaseAnalyticsExporter.export:
            raise TypeError(f"{type(exporter).__name__} must define `async def export(self, events)`")
        with self._lock:
            if any(entry.exporter is exporter for entry in self._entries):
                return
            who = self._identity_of(exporter)
            former = next((entry for entry in self._entries if entry.identity == who), None)
            name = former.caller.name if former else self._free_name(exporter)
            self._remove(former)
            self._entries.append(_Entry(exporter, who, Caller(exporter, name, running_loop())))

    def remove(self, exporter: IAnalyticsExporter) -> None:
        """Stop sending to it; what it has not confirmed stays in the store."""
        with self._lock:
            self._remove(next((entry for entry in self._entries if entry.exporter is exporter), None))

    def start(self, recording: Recording) -> None:
        """Start what does not run. In a child that was forked after the first start nothing is: connections are its
        parent's, and so what it records is left to the parent or a later kernel."""
        with self._lock:
            if not self._last:
                self._pid = os.getpid()
            if os.getpid() != self._pid:
                for entry in self._entries:
                    backlog = self._backlog(entry, recording)
                    if not backlog.is_claimed:
                        backlog.claim()
                return
            for entry in self._entries:
                if not (entry.delivery and entry.delivery.is_alive()):
                    self._start(entry, recording)

    def hold_back(self, recording: Recording, *, announced: bool) -> None:
        """Start nothing: what is recorded is pending for each exporter, and stays so. `announced` has the store know of
        them; where it outlasts the process, a later kernel would deliver."""
        own = recording.store.kernel_run_id, recording.channel
        with self._lock:
            for entry in self._entries:
                if announced and not entry.delivery and entry.held_back != recording:
                    outbox = Outbox(self._key_of(entry, recording), *own, last_error=HELD_BACK)
                    recording.store.save_outbox(outbox)
                    entry.held_back = recording

    def notify(self) -> None:
        for delivery in self.running:
            delivery.notify()

    def alive(self) -> list[Delivery]:
        return [delivery for delivery in self.running if delivery.is_alive()]

    def _start(self, entry: _Entry, recording: Recording) -> None:
        backlog = self._backlog(entry, recording)
        if not backlog.is_claimed:
            recording.store.save_outbox(Outbox(backlog.exporter, *backlog.own))
        predecessor = self._last.get(entry.identity)
        entry.delivery = Delivery(entry.caller, backlog, self._report, predecessor=predecessor)
        self._last[entry.identity] = entry.delivery

    def _backlog(self, entry: _Entry, recording: Recording) -> Backlog:
        key = self._key_of(entry, recording)
        found = (key, recording.store.kernel_run_id, recording.channel)
        return self._backlogs.setdefault(found, Backlog(recording.store, key, recording.channel))

    def _key_of(self, entry: _Entry, recording: Recording) -> str:
        has_destination = identity.destination_of(entry.exporter)
        return entry.identity if has_destination else f"{entry.identity} in {recording.place}"

    def _remove(self, entry: _Entry | None) -> None:
        if entry is None:
            return
        self._entries = [other for other in self._entries if other is not entry]
        if entry.delivery:
            entry.delivery.begin_close(traits.timeout_s(entry.exporter), abandon=False)

    def _identity_of(self, exporter: IAnalyticsExporter) -> str:
        """Its destination; else its class and a number, which it has again when it comes back."""
        if destination := identity.destination_of(exporter):
            return destination
        name = identity.qualified_name(exporter)
        siblings = self._counted.setdefault(name, [])
        if identity.is_current_definition(exporter):
            siblings[:] = [other for other in siblings if type(other) is type(exporter)]
        if not any(other is exporter for other in siblings):
            siblings.append(exporter)
        return f"{name}#{[other is exporter for other in siblings].index(True) + 1}"

    def _free_name(self, exporter: IAnalyticsExporter) -> str:
        name = traits.display_name(exporter)
        taken = {entry.caller.name for entry in self._entries}
        return next(n for i in range(1, len(taken) + 2) if (n := name if i == 1 else f"{name}#{i}") not in taken)


def close(deliveries: Sequence[Delivery], deadline: float) -> None:
    """Deliver what is left and close them, all at once, until `deadline` (of the monotonic clock).

    An exporter that lives on the loop of this thread cannot go on while the thread waits here, and is not waited for.
    """
    here = running_loop()
    free = [delivery for delivery in deliveries if not delivery.lives_on(here)]
    drains = [delivery.begin_drain(claim=False) for delivery in free]
    concurrent.futures.wait(drains, max(0.0, deadline - time.monotonic()) * 0.7)
    if slow := [delivery.name for delivery, drain in zip(free, drains, strict=True) if not drain.done()]:
        log.warning("not all events were delivered in time, the next kernel goes on: %s", ", ".join(slow))
    left_s = max(0.0, deadline - time.monotonic())
    for delivery in deliveries:
        delivery.begin_close(left_s * 0.8 if delivery in free else 0.0)
    for delivery in deliveries:
        delivery.join(max(0.0, deadline - time.monotonic()))

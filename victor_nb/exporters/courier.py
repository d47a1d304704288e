"""One round to a destination: batch after batch until nothing is left or one fails.

It knows what a failure means for the next attempt; when that is made is up to `delivery.py`. Everything here blocks and
runs in a delivery's own thread.
"""

from __future__ import annotations

import concurrent.futures
import logging
import time
from collections.abc import Callable
from typing import TypeAlias

from victor_nb.events import ExportFailed
from victor_nb.exporters import traits
from victor_nb.exporters.backlog import Backlog, Batch
from victor_nb.exporters.call import Caller
from victor_nb.exporters.decode import decode
from victor_nb.exporters.isolation import Isolation
from victor_nb.exporters.outcome import CLOSED, Outcome
from victor_nb.exporters.revival import revive

log = logging.getLogger(__name__)
_FAILURES_BEFORE_ISOLATION = 3

Report: TypeAlias = Callable[[ExportFailed, str | None], None]
"""Records that an exporter failed, and for which session's events if this run recorded them."""


class DeliveryClosed(Exception):
    """The delivery was closed while it waited for a destination."""


class Courier:
    """Brings `backlog` to an exporter, by its `caller`.

    `rest(seconds)` waits, and is False when the delivery is closed meanwhile; when `stop` is done, a running call is
    given up. `failures` counts those in a row.
    """

    def __init__(
        self,
        caller: Caller,
        backlog: Backlog,
        *,
        report: Report,
        rest: Callable[[float], bool],
        stop: concurrent.futures.Future[None],
    ) -> None:
        self.caller = caller
        self.failures = 0
        self.last_error: str | None = None
        self._exporter = caller.exporter
        self._name = caller.name
        self._backlog = backlog
        self._report = report
        self._rest = rest
        self._stop = stop
        self._isolation = Isolation(backlog, self._attempt, self._insist)
        self._not_before = 0.0
        self._retried_size: int | None = None
        self._failed: Batch | None = None

    @property
    def must_wait_s(self) -> float:
        """For how long the destination has asked to be left alone."""
        return max(0.0, self._not_before - time.monotonic())

    def drain(self) -> bool:
        """Deliver all that is durable; False when something failed."""
        max_bytes = traits.batch_bytes(self._exporter)
        while self._rest(0) and not self.must_wait_s:
            size = self._retried_size or traits.batch_size(self._exporter)
            batch = self._backlog.next(size, max_bytes)
            if batch is None:
                return True
            if not self._deliver(batch):
                return False
        return False

    def revive(self) -> int:
        """Deliver the dead; how many went through."""
        size, max_bytes = traits.batch_size(self._exporter), traits.batch_bytes(self._exporter)
        return revive(self._backlog, self._attempt, size, max_bytes)

    def _deliver(self, batch: Batch) -> bool:
        outcome = self._attempt(batch)
        if outcome.success:
            self._backlog.advance(batch.end, len(batch.events))
            self._isolation.forget()
            self._recover()
            return True
        if outcome is CLOSED:
            return False
        # The same batch again, whatever comes in meanwhile: a destination may know it by an idempotency key.
        self._retried_size = len(batch.events)
        self._count_failure(batch, outcome.error or "")
        suspicious = not outcome.retryable or self.failures >= _FAILURES_BEFORE_ISOLATION
        return outcome.about_events and suspicious and self._isolate(batch, outcome)

    def _isolate(self, batch: Batch, outcome: Outcome) -> bool:
        """Deliver around the events that are refused; False when the destination seems to be down."""
        before = self._backlog.moves
        size = traits.batch_size(self._exporter)
        done = self._isolation.run(batch, outcome, size, traits.batch_bytes(self._exporter))
        if self._backlog.moves != before:
            self.failures, self._retried_size = 1, None
        if buried := self._isolation.buried:
            log.warning(
                "exporter %s refuses %d events, which are set aside as dead and can be retried: %s",
                self._name,
                len(buried),
                buried[-1].error[:500],
            )
        if done:
            self._recover()
        else:
            self._backlog.note_failure((self._failed or batch).outbox, self.failures, self.last_error or "")
        return done

    def _recover(self) -> None:
        self.failures, self.last_error, self._retried_size = 0, None, None

    def _attempt(self, batch: Batch) -> Outcome:
        """Every time with events of its own, so that an exporter that changes them harms no later attempt."""
        if (wait_s := self.must_wait_s) > 0:
            return Outcome(f"the destination asked to be left alone for another {wait_s:.0f} s", about_events=False)
        if not self._rest(0):
            return CLOSED
        events = decode(batch.events, include_content=traits.include_content(self._exporter))
        outcome = self.caller.export(events, batch.id, self._stop)
        if not outcome.success:
            self._failed, self.last_error = batch, outcome.error
        if outcome.retry_after_s:
            self._not_before = time.monotonic() + outcome.retry_after_s
        return outcome

    def _insist(self, batch: Batch) -> Outcome:
        """`_attempt` until the outcome is about the events, or the delivery is closed."""
        while not (outcome := self._attempt(batch)).success and not outcome.about_events:
            if not self._rest(max(self.must_wait_s, 0.5)):
                raise DeliveryClosed
        return outcome

    def _count_failure(self, batch: Batch, error: str) -> None:
        self.failures += 1
        self.last_error = error
        self._backlog.note_failure(batch.outbox, self.failures, error)
        if self.failures > 1 or all(event.type == "export_failed" for event in batch.events):
            return  # once a streak, and never because of the news itself: a queue must not fill itself
        own = batch.outbox == self._backlog.own
        failed: ExportFailed = {
            "exporter": self._name,
            "first_seq": batch.events[0].seq,
            "last_seq": batch.events[-1].seq,
            "attempts": self.failures,
            "error": error,
        }
        self._report(failed, batch.events[-1].session_id if own else None)
        log.warning("exporter %s failed, its events are kept and tried again: %s", self._name, error[:500])

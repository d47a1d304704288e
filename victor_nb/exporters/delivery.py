"""The background thread of one exporter: when its backlog is seen to, and when it is let be.

What was not confirmed is tried again, with growing pauses, and is still in the store when the process ends. How a round
goes is in `courier.py`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from victor_nb.exporters import traits
from victor_nb.exporters.backlog import Backlog
from victor_nb.exporters.call import Caller
from victor_nb.exporters.courier import Courier, DeliveryClosed, Report
from victor_nb.protocols import DeadLetter

log = logging.getLogger(__name__)
T = TypeVar("T")
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
# How often it is looked whether another kernel has gone and left something.
_CLAIM_EVERY_S = 60.0


class Delivery:
    """Brings `backlog` to the exporter of `caller`; at once, or when `predecessor`, which is closed, has ended."""

    def __init__(
        self, caller: Caller, backlog: Backlog, report: Report, *, predecessor: Delivery | None = None
    ) -> None:
        self.exporter = caller.exporter
        self.name = caller.name
        self._backlog = backlog
        self._predecessor = predecessor
        self._abandoned: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._courier = Courier(caller, backlog, report=report, rest=self._rest, stop=self._abandoned)
        self._changed = threading.Condition()
        self._wanted = False
        self._drains: list[concurrent.futures.Future[bool]] = []
        self._served: list[concurrent.futures.Future[bool]] = []
        self._revivals: list[concurrent.futures.Future[int]] = []
        self._closing = False
        self._close_by = 0.0
        self._due = 0.0
        self._claim_due = 0.0
        self._thread = threading.Thread(target=self._run, name=f"victor-nb-delivery-{self.name}", daemon=True)
        self._thread.start()

    @property
    def position(self) -> int:
        """Everything that was recorded in this run up to here is delivered or dead."""
        return self._backlog.position

    @property
    def failures(self) -> int:
        """In a row."""
        return self._courier.failures

    @property
    def last_error(self) -> str | None:
        """Why it does not go on; None while all goes well."""
        error, wait_s = self._courier.last_error, self._courier.must_wait_s
        return f"{error} (the destination asked to wait another {wait_s:.0f} s)" if error and wait_s else error

    def notify(self) -> None:
        """There may be something new to deliver; returns at once."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    async def drain(self) -> bool:
        """Deliver all that is durable now; False as soon as that fails, or the delivery is closed. Can be awaited from
        any loop."""
        return await asyncio.wrap_future(self.begin_drain())

    def begin_drain(self, *, claim: bool = True) -> concurrent.futures.Future[bool]:
        """`drain()` without waiting; unless it is to `claim`, what kernels have left meanwhile is let be."""
        if claim:
            self._claim_due = 0.0
        return self._enqueue(self._drains, refused=False)

    def begin_revival(self) -> concurrent.futures.Future[int]:
        """Deliver the dead once more; how many went through."""
        return self._enqueue(self._revivals, refused=0)

    def dead(self) -> list[int]:
        """Positions of the events of this run that the destination refused."""
        letters = self._backlog.dead_letters()
        return [letter.position for letter in letters if (letter.kernel_run_id, letter.channel) == self._backlog.own]

    def left_behind(self) -> int:
        """How many events of kernels that are gone are pending."""
        return self._backlog.left_behind()

    def all_dead(self) -> list[DeadLetter]:
        """What the destination refused, of kernels that are gone as well."""
        return self._backlog.dead_letters()

    def lives_on(self, loop: asyncio.AbstractEventLoop | None) -> bool:
        """Whether its exporter needs `loop` to turn over."""
        return self._courier.caller.lives_on(loop)

    def begin_close(self, timeout_s: float, *, abandon: bool = True) -> None:
        """Stop; what is not confirmed stays in the store. The exporter's `close` has until `timeout_s` from now. Unless
        it is to `abandon` the current call, that may come to its end."""
        with self._changed:
            self._closing = True
            self._close_by = time.monotonic() + timeout_s
            if abandon and not self._abandoned.done():
                self._abandoned.set_result(None)
            drains, revivals = self._taken()
            self._changed.notify_all()
        _resolve([*self._served, *drains], False)
        _resolve(revivals, 0)

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended. An exporter that blocks is left behind in its daemon thread."""
        self._thread.join(timeout_s)

    def is_alive(self) -> bool:
        """False after `begin_close`, and in a forked child."""
        return self._thread.is_alive() and not self._closing

    def _enqueue(self, jobs: list[concurrent.futures.Future[T]], *, refused: T) -> concurrent.futures.Future[T]:
        job: concurrent.futures.Future[T] = concurrent.futures.Future()
        job.set_running_or_notify_cancel()  # whoever stops waiting does not end the work
        with self._changed:
            if self.is_alive():
                jobs.append(job)
                self._changed.notify_all()
            else:
                job.set_result(refused)
        return job

    def _taken(self) -> tuple[list[concurrent.futures.Future[bool]], list[concurrent.futures.Future[int]]]:
        drains, revivals = list(self._drains), list(self._revivals)
        self._drains.clear()
        self._revivals.clear()
        return drains, revivals

    def _run(self) -> None:
        if self._predecessor:
            self._predecessor.join(traits.timeout_s(self._predecessor.exporter) + 1.0)
            self._predecessor = None
        self._guarded(self._claim, None)
        while self._wait_for_work():
            with self._changed:
                drains, revivals = self._taken()
                self._served = drains
                self._wanted = False
            _resolve(revivals, self._guarded(self._courier.revive, 0) if revivals else 0)
            done = self._guarded(self._round, False)
            self._plan(done)
            _resolve(drains, done)
        self._courier.caller.close(max(0.0, self._close_by - time.monotonic()))

    def _round(self) -> bool:
        if time.monotonic() >= self._claim_due:
            self._claim()
        return self._courier.drain()

    def _claim(self) -> None:
        self._backlog.claim()
        self._claim_due = time.monotonic() + _CLAIM_EVERY_S
        self._wanted |= len(self._backlog.outboxes()) > 1

    def _guarded(self, work: Callable[[], T], otherwise: T) -> T:
        """A failure of ours (the store cannot be read) is one more reason to try again later."""
        try:
            return work()
        except DeliveryClosed:
            return otherwise
        except Exception as error:
            self._courier.failures += 1
            self._courier.last_error = f"{type(error).__name__}: {error}"
            if self.failures == 1:
                log.exception("delivery to exporter %s failed, it is tried again", self.name)
            return otherwise

    def _plan(self, done: bool) -> None:
        """When to see to the backlog without being asked."""
        if done:
            self._due = 0.0
            return
        longest = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(max(self.failures - 1, 0), 10))
        pause_s = max(random.uniform(longest / 2, longest), self._courier.must_wait_s)
        with self._changed:
            self._due = time.monotonic() + pause_s
            self._wanted = True

    def _wait_for_work(self) -> bool:
        """True when there is something to do, False when the delivery is closed."""
        with self._changed:
            while not self._closing:
                if self._drains or self._revivals:
                    return True
                wait_s = self._due - time.monotonic()
                if self._wanted and wait_s <= 0:
                    return True
                self._changed.wait(wait_s if self._wanted else None)
            return False

    def _rest(self, seconds: float) -> bool:
        """Wait in the midst of a round; who asks for another one then is told that it does not go on. False when the
        delivery is closed."""
        end = time.monotonic() + seconds
        while (wait_s := end - time.monotonic()) > 0 and not self._closing:
            with self._changed:
                drains, revivals = self._taken()
                if not drains and not revivals and not self._closing:
                    self._changed.wait(wait_s)
            _resolve(drains, False)
            _resolve(revivals, 0)
        return not self._closing


def _resolve(jobs: Sequence[concurrent.futures.Future[T]], result: T) -> None:
    for job in jobs:
        with contextlib.suppress(concurrent.futures.InvalidStateError):  # the delivery was closed meanwhile
            job.set_result(result)

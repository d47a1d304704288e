"""What every store with a writing thread has in common: giving out `seq`, queueing, and the ledger's changes.

A kind of store says how to open its database and how to read it. It opens it at the first event, in its writer's
thread, so that making a store costs nothing.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from victor_nb.clock import REAL, IClock
from victor_nb.records import DeadLetter, Outbox
from victor_nb.store.database import Change, Database
from victor_nb.store.encode import encode, mended_text
from victor_nb.store.scrub import Scrubber
from victor_nb.store.writer import Receipt, Writer

log = logging.getLogger(__name__)
T = TypeVar("T")
_LONGEST_ERROR = 500
_stores: weakref.WeakSet[RecordingStore] = weakref.WeakSet()


class RecordingStore:
    """The writing half of an `IEventStore`. `place` names the store in warnings, without any secret.

    `notebook` is the path of the notebook that this kernel runs, if known: frames select by it. `clock` gives the times
    and ids of what is recorded: real ones, where that outlasts the process.
    """

    def __init__(self, place: str, *, notebook: str | None = None, clock: IClock = REAL) -> None:
        self._place = place
        self.clock = clock
        self._now_us, self._new_id = clock.now_us, clock.new_id
        self._notebook = mended_text(notebook) if notebook else notebook
        self._begin_run()
        _stores.add(self)

    def _begin_run(self) -> None:
        """Start from nothing, as a new run; also in a forked child, which has none of its parent's threads."""
        self._kernel_run_id = self.clock.new_id("run")
        self._lock = threading.Lock()
        self._writer: Writer | None = None
        self._closed_writer: Writer | None = None
        self._seq = 0
        self._channels = 0
        self._at_exit = False

    def _open_database(self) -> Database:
        """In the writer's thread. May raise StoreError, OSError, or what a `Database` raises."""
        raise NotImplementedError

    def _open_memory(self) -> Database:
        """In the writer's thread: where events go when the database fails."""
        raise NotImplementedError

    def _close_reading(self) -> None:
        raise NotImplementedError

    @property
    def kernel_run_id(self) -> str:
        return self._kernel_run_id

    @property
    def place(self) -> str:
        """Where events are kept, for people to read: a path, or an address without any secret."""
        return self._place

    @property
    def degraded(self) -> str | None:
        """Why events are kept in memory only, or None while they are durable."""
        writer = self._writer or self._closed_writer
        return writer.degraded if writer else None

    @property
    def accepted(self) -> int:
        """The highest `seq` given out in this run."""
        return self._seq

    def open_channel(self) -> int:
        """A number, from 1, that no other recorder of this run has."""
        with self._lock:
            self._channels += 1
            return self._channels

    def append(
        self,
        type: str,
        session_id: str,
        data: Mapping[str, Any],
        content: Mapping[str, Any] | None = None,
        *,
        channel: int = 0,
    ) -> Receipt:
        """Record an event. Await the result to know that it is durable.

        Raises:
            EventError: `data` or `content` is not JSON.
        """
        data_text = encode(data)
        content_text = encode(content) if content else None
        session_id = mended_text(session_id)
        turn_id = data.get("turn_id")
        turn_id = mended_text(turn_id) if isinstance(turn_id, str) else None
        stamp = self._now_us()
        event_id = self._new_id("event")
        with self._lock:
            writer = self._writer or self._start()
            self._seq = seq = self._seq + 1
            writer.put((event_id, seq, session_id, type, stamp, turn_id, data_text, content_text, channel))
        if self._at_exit:
            self.close()
        if writer.news:
            self._warn(writer)
        return Receipt(writer, seq)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all events recorded so far are durable; False when `timeout_s` passed first."""
        writer = self._writer
        return writer is None or writer.wait_blocking(self._seq, timeout_s)

    def claim(self, exporter: str, channel: int) -> list[Outbox]:
        """The exporter's outbox of this run and channel, last, behind those that kernels which are gone have left.

        An outbox that this run has taken over is given again to the channel that claimed it, and to no other. Outboxes
        of other channels of this run are not given: their recorders may still be there. Blocks until it is durable.
        """
        return self._ask(lambda database: database.claim(exporter, channel))

    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter] = ()) -> None:
        """Queue how far an exporter has come. The store counts `delivered` itself, by the events it passes.

        One without progress or failures announces an exporter: events recorded after it are never durable without it.
        """
        announces = not (outbox.position or outbox.attempts)
        outbox = dataclasses.replace(
            outbox,
            last_error=outbox.last_error and _as_stored(outbox.last_error),
            updated_at_us=outbox.updated_at_us or self.clock.now_us(),
        )
        dead = [dataclasses.replace(letter, error=_as_stored(letter.error)) for letter in dead]
        self._note(lambda database: database.save_outbox(outbox, dead), announces=announces)

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        """Queue that dead letters were delivered after all."""
        self._note(lambda database: database.settle(delivered))

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is queued, mark the run as cleanly ended, close the file; give up when the disk takes nothing for
        `timeout_s`. A further event opens it again."""
        with self._lock:
            writer, self._writer = self._writer, None
            if writer:
                self._closed_writer = writer
                now = self.clock.now_us()
                writer.note(lambda database: database.end_run(now))
        if writer:
            writer.close(timeout_s)
            if (late := self._seq - writer.committed) > 0:
                log.warning("%d analytics events could not be written in time to %s", late, self._place)
        self._close_reading()

    def close_at_exit(self) -> None:
        """`close()`, and from now on write each event before `append` returns: no thread will be left for it."""
        self._at_exit = True
        self.close()

    def _start(self) -> Writer:
        self._writer = self._made_writer(self._closed_writer)
        self._closed_writer = None
        if self._at_exit or not self._writer.start():
            self._at_exit = True
        return self._writer

    def _made_writer(self, after: Writer | None) -> Writer:
        return Writer(self._open_database, self._open_memory, clean=Scrubber().rows, committed=self._seq, after=after)

    def _note(self, change: Change, *, announces: bool = False) -> None:
        """A change after `close` is dropped, unless it `announces` something new: what was delivered so late is
        delivered again, under the same ids."""
        with self._lock:
            writer = self._writer or (self._start() if announces else None)
            if writer:
                writer.note(change)

    def _ask(self, job: Callable[[Database], T]) -> T:
        with self._lock:
            answer = (self._writer or self._start()).ask(job)
        if self._at_exit:
            self.close()
        return answer.result()

    def _settled(self) -> None:
        """Wait until the changes queued so far can be read."""
        with self._lock:
            writer = self._writer
            answer = writer.ask(_nothing) if writer and not writer.is_idle else None
        if answer:
            answer.result()

    def _warn(self, writer: Writer) -> None:
        news, writer.news = writer.news, None
        if news and news == writer.degraded:
            news = f"analytics are kept in memory only, because {self._place} cannot be written ({news})"
        if news:
            warnings.warn(news, RuntimeWarning, stacklevel=4)


def _as_stored(error: str) -> str:
    """What destinations say may hold secrets, and all that was sent to them."""
    return Scrubber().message(error)[:_LONGEST_ERROR]


def _nothing(database: Database) -> None:
    """The question of who only wants to know that it is his turn."""


def _begin_runs() -> None:
    for store in list(_stores):
        store._begin_run()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_runs)

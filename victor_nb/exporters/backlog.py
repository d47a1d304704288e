"""What one exporter still has to be brought: what kernels that are gone have left to it, then what this one records.

It reads the events from the store batch by batch, so that memory is bounded whatever is pending, and keeps the progress
there. It knows nothing of calls and failures.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from victor_nb.protocols import DeadLetter, EventQuery, IEventStore, Outbox, StoredEvent

OutboxId: TypeAlias = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a backlog: behind `position` of an outbox."""

    outbox: OutboxId
    position: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one outbox, oldest first, one at least."""

    outbox: OutboxId
    events: list[StoredEvent]

    @property
    def end(self) -> Mark:
        return Mark(self.outbox, self.events[-1].position)

    @property
    def id(self) -> tuple[OutboxId, int, int, int]:
        """The same when the same events come again."""
        return self.outbox, self.events[0].position, self.events[-1].position, len(self.events)


class Backlog:
    """The outboxes of `exporter`, a key that is the same in every kernel, and those events of them that it has not had.

    `moves` counts what was done with. Used by one delivery at a time; what only reads may be called from any thread.
    """

    def __init__(self, store: IEventStore, exporter: str, channel: int) -> None:
        self.exporter = exporter
        self.own: OutboxId = (store.kernel_run_id, channel)
        self._store = store
        self._lock = threading.Lock()
        self._outboxes: dict[OutboxId, Outbox] = {}
        self._drained: set[OutboxId] = set()
        self.moves = 0

    @property
    def position(self) -> int:
        """Everything of this run's channel up to here is delivered or dead."""
        outbox = self._outboxes.get(self.own)
        return outbox.position if outbox else 0

    @property
    def is_claimed(self) -> bool:
        """Whether the store knows that the exporter is to have what is recorded."""
        return self.own in self._outboxes

    def claim(self) -> None:
        """Take over what kernels that are gone have left by now. Must be called once before anything else."""
        claimed = self._store.claim(self.exporter, self.own[1])
        with self._lock:
            found = {(outbox.kernel_run_id, outbox.channel): outbox for outbox in claimed}
            merged = found | self._outboxes  # ours are further on
            own = merged.pop(self.own, None) or Outbox(self.exporter, *self.own)
            self._outboxes = {**merged, self.own: own}
            self._drained -= found.keys()

    def outboxes(self) -> dict[OutboxId, Outbox]:
        """Those not known to be empty, the own one last."""
        with self._lock:
            return {key: outbox for key, outbox in self._outboxes.items() if key not in self._drained}

    def next(self, size: int, max_bytes: int, after: Mark | None = None) -> Batch | None:
        """The next events that are neither delivered nor dead, or those behind `after`; None when there are none."""
        waiting = self.outboxes()
        ids = list(waiting)
        for outbox_id in ids[ids.index(after.outbox) if after and after.outbox in ids else 0 :]:
            done = waiting[outbox_id].position
            begin = after.position if after and after.outbox == outbox_id else done
            if events := self._read(outbox_id, begin, size, max_bytes):
                return Batch(outbox_id, events)
            if begin == done and outbox_id != self.own:
                self._drained.add(outbox_id)
        return None

    def again(self, mark: Mark) -> Batch | None:
        """The one event that ends at `mark`; None when it was deleted meanwhile."""
        run, channel = mark.outbox
        query = EventQuery(kernel_run_ids=[run], channel=channel, positions=[mark.position])
        events = self._store.read(query)
        return Batch(mark.outbox, events) if events else None

    def advance(self, to: Mark, delivered: int, dead: Sequence[DeadLetter] = ()) -> None:
        """Remember that everything up to `to` is done with: `delivered` more are delivered, the others dead."""
        outbox = self._outboxes[to.outbox]
        done = dataclasses.replace(
            outbox,
            position=max(outbox.position, to.position),
            delivered=outbox.delivered + delivered,
            attempts=0,
            last_error=None,
        )
        self._save(to.outbox, done, dead)
        self.moves += 1

    def note_failure(self, outbox_id: OutboxId, attempts: int, error: str) -> None:
        """Keep the latest failure for the ledger; nothing moves."""
        failed = dataclasses.replace(self._outboxes[outbox_id], attempts=attempts, last_error=error)
        self._save(outbox_id, failed)

    def dead_letters(self) -> list[DeadLetter]:
        """Those of all outboxes that were claimed, oldest first."""
        letters = self._store.dead_letters(self.exporter)
        return [letter for letter in letters if (letter.kernel_run_id, letter.channel) in self._outboxes]

    def letters_of(self, dead: Sequence[DeadLetter], max_bytes: int) -> Batch | None:
        """The events of some dead letters of one outbox, as many as `max_bytes` allows; None when all were deleted."""
        outbox_id = (dead[0].kernel_run_id, dead[0].channel)
        positions = [letter.position for letter in dead]
        query = EventQuery(
            kernel_run_ids=[outbox_id[0]], channel=outbox_id[1], positions=positions, max_bytes=max_bytes
        )
        events = self._store.read(query)
        return Batch(outbox_id, events) if events else None

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        """Some of the dead went through after all."""
        self._store.settle(delivered)

    def died_again(self, letter: DeadLetter) -> None:
        """Bring a dead letter up to date."""
        self._store.save_outbox(self._outboxes[letter.kernel_run_id, letter.channel], [letter])

    def left_behind(self) -> int:
        """How many events of kernels that are gone are pending here."""
        others = self.outboxes().keys() - {self.own}
        stored = self._store.outboxes() if others else []
        return sum(
            outbox.pending
            for outbox in stored
            if outbox.exporter == self.exporter and (outbox.kernel_run_id, outbox.channel) in others
        )

    def _read(self, outbox_id: OutboxId, after: int, size: int, max_bytes: int) -> list[StoredEvent]:
        run, channel = outbox_id
        return self._store.read(
            EventQuery(kernel_run_ids=[run], channel=channel, after_position=after, limit=size, max_bytes=max_bytes)
        )

    def _save(self, outbox_id: OutboxId, outbox: Outbox, dead: Sequence[DeadLetter] = ()) -> None:
        self._store.save_outbox(outbox, dead)  # first, so that whoever sees the new position finds the dead as well
        with self._lock:
            self._outboxes[outbox_id] = outbox

"""Finding the few events that a destination refuses among those that it takes, so that they hold up nobody else.

A destination that is down refuses everything, and none of that is an event's fault. So an event is only given up when
the destination said that it refuses it for good, or when it took a later one and still refuses this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from victor_nb.exporters.backlog import Backlog, Batch, Mark
from victor_nb.exporters.outcome import Outcome
from victor_nb.protocols import DeadLetter

# Lone failures in a row, within one pass, after which the destination is taken to be down.
_PATIENCE = 2
# How often a suspect is tried again once the destination has taken a later event: often enough for one that is flaky.
_MORE_TRIES = 5


@dataclass(slots=True)
class _Suspect:
    """An event that failed alone. `refused`: for good, and in so many words."""

    mark: Mark
    seq: int
    error: str
    refused: bool
    attempts: int = 1


class Isolation:
    """Goes through a backlog event by event, then in growing steps while all goes well.

    `attempt` sends a batch; `insist` does so too, and waits as long as it is told to. Suspects are remembered from pass
    to pass, each of which goes a little further: however many follow each other, they are overcome once a later event
    is taken. Suspects are never followed by an event that was delivered, so that nothing is sent twice.
    """

    def __init__(
        self, backlog: Backlog, attempt: Callable[[Batch], Outcome], insist: Callable[[Batch], Outcome]
    ) -> None:
        self._backlog = backlog
        self._attempt = attempt
        self._insist = insist
        self._suspects: list[_Suspect] = []
        self.buried: list[DeadLetter] = []

    def forget(self) -> None:
        """The destination took a whole batch: nobody is suspect any more."""
        self._suspects = []

    def run(self, failed: Batch, outcome: Outcome, size: int, max_bytes: int) -> bool:
        """One pass, after a batch has `failed`; False when the destination seems to be down. What was given up since
        the pass began is in `buried`."""
        self.buried = []
        if len(failed.events) == 1 and not self._suspects:
            self._accuse(failed, outcome)
        return self._go_on(size, max_bytes)

    def _go_on(self, limit: int, max_bytes: int) -> bool:
        size, misses = 1, 0
        while batch := self._backlog.next(size, max_bytes, self._suspects[-1].mark if self._suspects else None):
            outcome = self._attempt(batch)
            if outcome.success:
                self._try_suspects()
                self._backlog.advance(batch.end, len(batch.events))
                if size >= limit:
                    return True
                size, misses = min(2 * size, limit), 0
            elif not outcome.about_events:
                return False
            elif len(batch.events) > 1:
                size = len(batch.events) // 2
            else:
                self._accuse(batch, outcome)
                misses += outcome.retryable
                if misses >= _PATIENCE:
                    return False
        return not self._suspects

    def _accuse(self, batch: Batch, outcome: Outcome) -> None:
        suspect = _Suspect(batch.end, batch.events[0].seq, outcome.error or "", refused=not outcome.retryable)
        if suspect.refused and not self._suspects:
            self._bury(suspect)
        else:
            self._suspects.append(suspect)

    def _try_suspects(self) -> None:
        while self._suspects:
            suspect = self._suspects[0]
            if self._takes(suspect):
                self._backlog.advance(suspect.mark, 1)
            else:
                self._bury(suspect)
            del self._suspects[0]

    def _takes(self, suspect: _Suspect) -> bool:
        for _ in range(0 if suspect.refused else _MORE_TRIES):
            batch = self._backlog.again(suspect.mark)
            outcome = self._insist(batch) if batch else Outcome("it was deleted from the store")
            if outcome.success:
                return True
            suspect.attempts += 1
            suspect.error = outcome.error or ""
        return False

    def _bury(self, suspect: _Suspect) -> None:
        run, channel = suspect.mark.outbox
        letter = DeadLetter(
            self._backlog.exporter, run, channel, suspect.mark.position, suspect.seq, suspect.error, suspect.attempts
        )
        self.buried.append(letter)
        self._backlog.advance(suspect.mark, 0, [letter])

"""Trying the dead once more: events that a destination had refused, after it was mended or its rules were changed."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

from victor_nb.exporters.backlog import Backlog, Batch
from victor_nb.exporters.outcome import Outcome
from victor_nb.protocols import DeadLetter

# Lone failures in a row after which the destination is taken to be down: nothing is harmed by asking again later.
_PATIENCE = 10


def revive(backlog: Backlog, attempt: Callable[[Batch], Outcome], size: int, max_bytes: int) -> int:
    """Send all dead letters again, in batches that get smaller where one fails; how many went through."""
    delivered = 0
    for letters in _by_outbox(backlog.dead_letters()):
        count, goes_on = _revive(backlog, attempt, letters, size, max_bytes)
        delivered += count
        if not goes_on:
            break
    return delivered


def _by_outbox(letters: list[DeadLetter]) -> Iterator[list[DeadLetter]]:
    letters.sort(key=lambda letter: (letter.kernel_run_id, letter.channel, letter.position))
    for _, group in itertools.groupby(letters, lambda letter: (letter.kernel_run_id, letter.channel)):
        yield list(group)


def _revive(
    backlog: Backlog, attempt: Callable[[Batch], Outcome], letters: Sequence[DeadLetter], limit: int, max_bytes: int
) -> tuple[int, bool]:
    delivered, misses, size = 0, 0, limit
    while letters:
        batch = backlog.letters_of(letters[:size], max_bytes)
        if batch is None:
            letters = letters[size:]
            continue
        outcome = attempt(batch)
        sent, rest = _divided(letters, batch)
        if outcome.success:
            backlog.settle(sent)
            delivered, misses, size, letters = delivered + len(sent), 0, min(2 * size, limit), rest
        elif not outcome.about_events:
            return delivered, False
        elif len(batch.events) > 1:
            size = len(batch.events) // 2
        else:
            backlog.died_again(dataclasses.replace(sent[0], error=outcome.error or "", attempts=sent[0].attempts + 1))
            misses, letters = misses + outcome.retryable, rest
        if misses >= _PATIENCE:
            return delivered, False
    return delivered, True


def _divided(letters: Sequence[DeadLetter], batch: Batch) -> tuple[list[DeadLetter], list[DeadLetter]]:
    """The letters of the batch, and those behind it."""
    sent = {event.position for event in batch.events}
    last = batch.events[-1].position
    return [x for x in letters if x.position in sent], [x for x in letters if x.position > last]

"""Keeps journals short: Run All after Run All adds a turn for each cell, and only the last ones are still needed.

What makes the same conversation takes the place of all, in a thread of its own and in one transaction, which nobody
notices: the last number stays. It works on operations as they are stored, so that nothing of them is lost or redacted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Generator, Sequence
from typing import Final

from victor_nb.agent.sessions.files import replayed
from victor_nb.agent.sessions.journal import Journal, decoded
from victor_nb.context.conversation import Conversation
from victor_nb.errors import SessionError, StoreError
from victor_nb.records import SessionEntry
from victor_nb.store.encode import encode

log = logging.getLogger(__name__)

LONGEST: Final = 200
TIMES: Final = 3
"""A journal of more than 200 operations is shortened when it has more than three times those that are needed."""
_ATTEMPTS: Final = 3


def shorten_in_time(journal: Journal) -> None:
    """Start that when it is worth it. Call it with the journal's lock."""
    length = journal.number - journal.first + 1
    if journal.number < journal.try_at or length <= max(LONGEST, TIMES * (journal.tally.needed + 1)):
        return
    journal.try_at = journal.number + LONGEST
    _start(journal, TIMES)


def shorten_at_once(journal: Journal) -> None:
    """Start that however short it is: what somebody has told to be forgotten is to leave the store too."""
    _start(journal, 1)


def _start(journal: Journal, times: int) -> None:
    threading.Thread(target=shorten, args=(journal, times), name="victor-nb-upkeep", daemon=True).start()


def shorten(journal: Journal, times: int = TIMES) -> bool:
    """Whether it is shorter now, and was that many times longer. Does nothing when nobody has it open, or when turns
    are added faster than this goes."""
    try:
        return any(_shorten(journal, times) for _ in range(_ATTEMPTS))
    except (StoreError, SessionError) as error:
        log.info("the session %r was not shortened: %s", journal.name, error)
        return False


def _shorten(journal: Journal, times: int) -> bool:
    with _in_use(journal) as used:
        entries = journal.store.read_entries(journal.name) if used else []
    shorter = shortened(journal.name, entries, times)
    with _in_use(journal) as used:
        if not (used and shorter and journal.store.shorten_entries(journal.name, shorter)):
            return False
    with journal.lock:
        journal.first = shorter[0].number
    return True


@contextlib.contextmanager
def _in_use(journal: Journal) -> Generator[bool]:
    """Whether somebody has it open, and who closes it waits; else its store may be closed, and stays so."""
    with journal.upkeep:
        yield bool(journal.users)


def shortened(name: str, entries: Sequence[SessionEntry], times: int = TIMES) -> list[SessionEntry]:
    """Fewer entries that make the same conversation and end with the same number; none when it takes too many.

    Raises:
        SessionError: the entries cannot be understood.
    """
    before = replayed(name, decoded(name, entries))
    operations = [{"kind": "reset"}, *before.operations()]
    after = replayed(name, operations)
    if times * len(operations) > len(entries) or _state(after) != _state(before):
        return []
    last = entries[-1]
    numbers = range(last.number - len(operations) + 1, last.number + 1)
    return [
        dataclasses.replace(last, number=number, kind=str(operation["kind"]), data=encode(operation))
        for number, operation in zip(numbers, operations, strict=True)
    ]


def _state(conversation: Conversation) -> tuple[object, ...]:
    wires = [message.wire for message in conversation.log]
    learned = dataclasses.replace(conversation.meter.calibration, limits=None)  # a reset keeps those in memory only
    return conversation.view, conversation.log, wires, conversation.records, conversation.turn_ids, learned

"""The passages of a conversation and the view that they make: the last compaction that counts, what was logged since,
and the pinned messages that it had folded. Nothing here changes a message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from victor_nb.context.compaction import UndoReason
from victor_nb.context.journal import Folding, Passage
from victor_nb.context.steps import steps
from victor_nb.messages import Message


def log_of(passages: Sequence[Passage]) -> list[Message]:
    return [message for passage in passages for message in passage.messages]


def view_of(passages: Sequence[Passage], known: Mapping[str, Message]) -> list[Message]:
    """What a request behind these passages sends; `known` are their messages by id."""
    since: list[Message] = []
    base: list[Message] = []
    for passage in reversed(passages):
        folding = _read_back(passage, since)
        if folding:
            base = [known[entry] if isinstance(entry, str) else entry for entry in folding.view or ()]
            break
    else:
        return since[::-1]
    view = [*base, *reversed(since)]
    return _with_pinned(view, log_of(passages)) if any(m.pinned for m in known.values()) else view


def _read_back(passage: Passage, since: list[Message]) -> Folding | None:
    """The passage's last compaction that counts; the messages behind it are added to `since`, the last one first."""
    for item in reversed(passage.items):
        if isinstance(item, Message):
            since.append(item)
        elif item.view is not None:
            return item
    return None


def _with_pinned(view: list[Message], log: Sequence[Message]) -> list[Message]:
    """The view with every pinned message of the log as it was logged, and with the whole of its step."""
    originals = {message.id: message for message in log if message.pinned}
    view = [originals.get(message.id, message) for message in view]
    present = {message.id for message in view}
    missing = [
        log[step.start : step.end]
        for step in steps(log)
        if any(m.pinned and m.id not in present for m in log[step.start : step.end])
    ]
    return _merged(view, missing, {message.id: place for place, message in enumerate(log)}) if missing else view


def _merged(view: list[Message], missing: list[Sequence[Message]], place: Mapping[str, int]) -> list[Message]:
    """Each missing step goes before the first message of the view that was logged after it."""
    waiting = missing[::-1]
    found: list[Message] = []
    for message in view:
        while waiting and place.get(message.id, -1) > place[waiting[-1][0].id]:
            found.extend(waiting.pop())
        found.append(message)
    for step in reversed(waiting):
        found.extend(step)
    return found


def foldings(passages: Sequence[Passage]) -> Iterator[tuple[Passage, int, Folding]]:
    """Each compaction with its passage and its place there, the last one first."""
    for passage in reversed(passages):
        for place in range(len(passage.items) - 1, -1, -1):
            item = passage.items[place]
            if isinstance(item, Folding):
                yield passage, place, item


def undo(passages: Sequence[Passage], reason: UndoReason, only: str | None = None) -> list[str]:
    """Let compactions count no more, those that changed the view (or the one with the id `only`); gives their ids."""
    undone: list[str] = []
    for passage, place, folding in foldings(passages):
        if folding.view is not None and only in (None, folding.record.id):
            passage.items[place] = Folding(replace(folding.record, undone=reason), None)
            undone.append(folding.record.id)
    return undone

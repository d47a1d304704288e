"""What two cassettes differ in: requests that are new, gone or changed, and answers that are others. A change that a
conversation carries along is told once, where it begins."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from victor_nb.testing.cassettes.form import Take
from victor_nb.testing.cassettes.missing import differences, nearness
from victor_nb.testing.cassettes.sent import first_line
from victor_nb.testing.cassettes.verify import difference

Kind: TypeAlias = Literal["new", "gone", "changed", "follows", "answer"]
_Numbered: TypeAlias = tuple[int, Take]


@dataclass(frozen=True)
class Change:
    """Of the request `before` in the old file and `now` in the new one, counted from 1. `what` differs, in `lines`;
    `follows` is a request that differs only in what was told of an earlier one."""

    kind: Kind
    before: int | None
    now: int | None
    question: str
    what: str = ""
    lines: tuple[str, ...] = ()


def changes(old: Sequence[Take], new: Sequence[Take]) -> list[Change]:
    """In the order of the new file, what is gone behind."""
    same, gone, added = _paired(old, new)
    near, gone, added = _nearest(gone, added)
    found = [change for pair in same if (change := _answers(*pair))]
    seen: set[tuple[str, str, str]] = set()
    for before, now in near:
        found.append(_changed(before, now, seen))
    found += [Change("new", None, number, first_line(take.sent.messages)) for number, take in added]
    found.sort(key=lambda change: change.now or 0)
    return [*found, *(Change("gone", number, None, first_line(take.sent.messages)) for number, take in gone)]


def _paired(
    old: Sequence[Take], new: Sequence[Take]
) -> tuple[list[tuple[_Numbered, _Numbered]], list[_Numbered], list[_Numbered]]:
    """Those that were asked the same, the first with the first; and what is left on each side."""
    waiting: defaultdict[bytes, list[_Numbered]] = defaultdict(list)
    for number, take in enumerate(old, 1):
        waiting[take.sent.key].append((number, take))
    same: list[tuple[_Numbered, _Numbered]] = []
    added: list[_Numbered] = []
    for number, take in enumerate(new, 1):
        if known := waiting[take.sent.key]:
            same.append((known.pop(0), (number, take)))
        else:
            added.append((number, take))
    return same, sorted((one for left in waiting.values() for one in left), key=lambda one: one[0]), added


def _nearest(
    gone: list[_Numbered], added: list[_Numbered]
) -> tuple[list[tuple[_Numbered, _Numbered]], list[_Numbered], list[_Numbered]]:
    """What is left may be the same request, changed: of as many messages, most of which are equal, or of one place."""
    near: list[tuple[_Numbered, _Numbered]] = []
    left: list[_Numbered] = []
    for now in added:
        alike = [one for one in gone if _is_alike(one, now)]
        if alike:
            before = max(alike, key=lambda one: (*nearness(now[1].sent, one[1].sent), -abs(one[0] - now[0])))
            gone = [one for one in gone if one is not before]
            near.append((before, now))
        else:
            left.append(now)
    return near, gone, left


def _is_alike(before: _Numbered, now: _Numbered) -> bool:
    old, new = before[1].sent, now[1].sent
    return old.purpose == new.purpose and [m["role"] for m in old.messages] == [m["role"] for m in new.messages]


def _changed(before: _Numbered, now: _Numbered, seen: set[tuple[str, str, str]]) -> Change:
    found = list(differences(before[1].sent, now[1].sent))
    new = [one for one in found if one not in seen]
    seen.update(found)
    numbers, question = (before[0], now[0]), first_line(now[1].sent.messages)
    if not new:
        return Change("follows", *numbers, question)
    return Change("changed", *numbers, question, new[0][0], tuple(_lines(new)))


def _lines(found: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    for number, (what, before, now) in enumerate(found):
        if number:
            yield f"{what}:"
        yield from (f"-{line}" for line in before.split("\n"))
        yield from (f"+{line}" for line in now.split("\n"))


def _answers(before: _Numbered, now: _Numbered) -> Change | None:
    found = difference(before[0], before[1], now[1].answer)
    return Change("answer", before[0], now[0], found.question, found.what, found.lines) if found else None

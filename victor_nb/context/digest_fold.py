"""Folds the oldest steps of a conversation into a digest, behind the digests that are there, or all into one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from victor_nb.context.digest_choice import Choice, choose, price, tightened
from victor_nb.context.digest_conflicts import latest
from victor_nb.context.digest_note import digest_message, is_own_digest, is_shortened, read_digest
from victor_nb.context.digest_parts import RATIO, Parts
from victor_nb.context.digest_statements import Statement
from victor_nb.context.steps import Step
from victor_nb.messages import Message

_SHARE: Final = 0.7  # of the target for all digests, at most
_MERGED: Final = 0.85  # of that for digests that were just made one
_LEAST: Final = 0.5  # worth of what a digest may say
_MOST_DIGESTS: Final = 12
_MOST_HIDDEN: Final = 400
_HIDDEN: Final = 2.0  # worth of what is held back for later


class Folding:
    """`parts` is the conversation, `shorter` the same with short tool results."""

    def __init__(self, parts: Parts, shorter: Parts) -> None:
        self._parts = parts
        self._target = parts.budget.target_tokens
        self._old = [n for n, m in enumerate(parts.messages) if is_own_digest(m)]
        free = [s for s in parts.plan if not s.protected and s.start not in self._old]
        fixed = sum(parts.costs) - sum(parts.costs[n] for s in free for n in range(s.start, s.end))
        fixed -= sum(parts.costs[n] for n in self._old)
        self._room = min(int(self._target * _SHARE), max(self._target - fixed, 0))
        self._folded = self._oldest(free, fixed, shorter)
        self._rest = self._remaining(shorter)

    def _oldest(self, free: Sequence[Step], fixed: int, shorter: Parts) -> set[int]:
        """As many of the oldest steps as it takes to leave room for the digests."""
        left = sum(shorter.costs[n] for s in free for n in range(s.start, s.end))
        gone: set[int] = set()
        old = sum(self._parts.costs[n] for n in self._old)
        folded = 0
        for step in free:
            grown = min(old + int(folded * RATIO), self._room)
            if gone and fixed + left + grown <= self._target:
                break
            span = range(step.start, step.end)
            gone.update(span)
            left -= sum(shorter.costs[n] for n in span)
            folded += sum(self._parts.costs[n] for n in span)
        return gone

    def _remaining(self, shorter: Parts) -> list[Message]:
        return [m for n, m in enumerate(shorter.messages) if n not in self._folded and n not in self._old]

    def note(self) -> str:
        return f"{len(self._folded)} messages folded"

    def messages(self) -> list[Message]:
        said: list[Statement] = []
        hidden: list[Statement] = []
        count = len(self._folded)
        digests = [read_digest(self._parts.messages[n], n) for n in self._old]
        for shown, held, folded in digests:
            said += shown
            hidden += held
        fresh = [s for n in sorted(self._folded) for s in self._parts.said(self._parts.messages[n])]
        after = [s for m in self._rest if not is_own_digest(m) for s in self._parts.said(m)]
        holding = latest([*said, *hidden, *fresh], after)
        kept = [s for s in holding if s.source >= 0]
        new = [s for s in holding if s.source < 0]
        old_cost = sum(price(s, self._parts.ratio) for s in kept) + 20 * len(self._old)
        rest_cost = self._parts.budget.count(self._rest)
        room = min(self._room, max(self._target - rest_cost, 0))
        folded_cost = sum(self._parts.costs[n] for n in self._folded)
        found = choose(new, min(room - old_cost, folded_cost * RATIO + 60), _LEAST, self._parts.ratio)
        squeezed = [s for s in found.left if s.worth >= _HIDDEN]
        if (squeezed and old_cost > 0.4 * room) or old_cost > room or len(self._old) > _MOST_DIGESTS:
            return self._merged(kept, new, room, count + sum(f for _, _, f in digests))
        return self._appended(kept, found, count)

    def _merged(self, kept: list[Statement], new: list[Statement], room: int, count: int) -> list[Message]:
        said = tightened([*kept, *new])
        found = choose(said, room * _MERGED if room == self._room else room, _LEAST, self._parts.ratio)
        held = [s for s in found.left if s.worth >= _HIDDEN][-_MOST_HIDDEN:]
        return self._fitted(found.chosen, held, count)

    def _fitted(self, chosen: list[Statement], held: list[Statement], count: int) -> list[Message]:
        while True:
            notes = [digest_message(chosen, held, count)] if chosen else []
            found = self._placed(notes)
            if not chosen or self._parts.budget.count(found) <= self._target:
                return found
            least = min(range(len(chosen)), key=lambda n: chosen[n].worth)
            chosen = [s for n, s in enumerate(chosen) if n != least]

    def _appended(self, kept: list[Statement], found: Choice, count: int) -> list[Message]:
        notes: list[Message] = []
        for n in self._old:
            message = self._parts.messages[n]
            shown, held, folded = read_digest(message, n)
            still = [s for s in kept if s.source == n]
            if len(still) < len(shown):
                message = digest_message(still, held, folded)
            if still:
                notes.append(message)
        held = [s for s in found.left if s.worth >= _HIDDEN][-_MOST_HIDDEN:]
        if found.chosen:
            notes.append(digest_message(found.chosen, held, count))
        return self._placed(notes)

    def _placed(self, notes: Sequence[Message]) -> list[Message]:
        gone = [*self._old, *sorted(self._folded)]
        place = min(gone)
        ids = {m.id for m in self._parts.messages[:place]}
        at = sum(m.id in ids for m in self._rest)
        return [*self._rest[:at], *notes, *self._rest[at:]]

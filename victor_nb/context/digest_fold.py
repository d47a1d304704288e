"""Folds the oldest steps of a conversation into a digest, behind the digests that are there, or all into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from victor_nb.context.digest_choice import WORTHY, Choice, choose, price, tightened
from victor_nb.context.digest_conflicts import Held
from victor_nb.context.digest_note import digest_message, is_own_digest, read_digest, render
from victor_nb.context.digest_parts import RATIO, Parts
from victor_nb.context.digest_statements import Statement
from victor_nb.messages import Message

_TAIL: Final = 0.2  # of the target for the newest steps, when older ones are folded
_SHARE: Final = 0.75  # of the target for all digests, at most
_SPARE: Final = 0.25  # of the target for what is not worthy
_LEAST: Final = 0.5  # worth of what a digest may say
_HELD: Final = 1.0  # worth of what is held back
_SHARED_LINES: Final = 1.3
_MOST_DIGESTS: Final = 12
_MOST_HIDDEN: Final = 400


class DigestFolding:
    """`parts` is the conversation, `shorter` the same with short tool results."""

    def __init__(self, parts: Parts, shorter: Parts) -> None:
        self._parts, self._shorter = parts, shorter
        self._target = parts.budget.target_tokens
        self._old = [n for n, m in enumerate(parts.messages) if is_own_digest(m)]
        self._digests = [read_digest(parts.messages[n], n) for n in self._old]
        self._free = [s for s in parts.plan if not s.protected and s.start not in self._old]
        self._folded: list[int] = []
        self._rest: list[Message] = []

    def note(self) -> str:
        return f"{len(self._folded)} messages folded" if self._folded else "tool results shortened"

    def messages(self) -> list[Message]:
        unfolded = self._unfolded() if self._shorter.tokens() <= self._target else None
        if unfolded is not None:
            return unfolded
        most = max(self._parts.budget.most_tokens, self._target)
        for target, tail in ((self._target, _TAIL), (self._target, 0.0), (most, _TAIL), (most, 0.0)):
            self._target = target
            self._fold_all_but(int(self._target * tail))
            found = self._found(last=target == most and not tail)
            if found is not None:
                return found
        raise AssertionError("the last try always succeeds")

    def _unfolded(self) -> list[Message] | None:
        """Nothing folded; None when what digests had to hold back could have room, but not so."""
        self._rest = [m for n, m in enumerate(self._shorter.messages) if n not in self._old]
        kept, new = self._holding()
        found = choose(new, self._target - self._shorter.tokens(), WORTHY, self._parts.ratio)
        restored = self._appended(kept, found)
        if not found.left and self._parts.budget.count(restored) <= self._target:
            return restored
        return self._shorter.messages if not self._free else None

    def _fold_all_but(self, tail: int) -> None:
        """Fold all free steps but the newest within `tail` tokens."""
        kept: set[int] = set()
        for step in reversed(self._free):
            span = range(step.start, step.end)
            tail -= sum(self._shorter.costs[n] for n in span)
            if tail < 0:
                break
            kept.update(span)
        self._folded = [n for s in self._free for n in range(s.start, s.end) if n not in kept]
        gone = {*self._folded, *self._old}
        self._rest = [m for n, m in enumerate(self._shorter.messages) if n not in gone]

    def _found(self, *, last: bool) -> list[Message] | None:
        """The messages, or None when what is worthy found no room."""
        rest = self._parts.budget.count(self._rest)
        room = min(int(self._target * (1.0 if last else _SHARE)), max(self._target - rest, 0))
        kept, new = self._holding()
        ratio = self._parts.ratio
        old_cost = sum(price(s, ratio) for s in kept) + 25 * len(self._old)
        spent = sum(price(s, ratio) for s in kept if s.worth < WORTHY)
        spare = self._target * _SPARE - spent
        folded_cost = sum(self._parts.costs[n] for n in self._folded)
        found = choose(new, room - old_cost, _LEAST, ratio, max(min(spare, folded_cost * RATIO), 0))
        if not _squeezed(found) and old_cost <= room and len(self._old) < _MOST_DIGESTS:
            appended = self._appended(kept, found)
            if self._parts.budget.count(appended) <= self._target:
                return appended
        return self._merged(tightened([*kept, *new]), room, last=last)

    def _holding(self) -> tuple[list[Statement], list[Statement]]:
        """What still holds: of the digests' entries, and of all else."""
        held = Held()
        digests = dict(zip(self._old, self._digests, strict=True))
        folded = set(self._folded)
        noted = 0
        for n, message in enumerate(self._shorter.messages):
            if n in digests:
                shown, hidden, _ = digests[n]
                noted = held.add_all([*hidden, *shown])
            elif n in folded:
                said = self._parts.said(self._parts.messages[n])
                held.add_all(s for s in said if s.shape.value or s.worth >= _LEAST)
            else:  # a pinned message may be older than a digest that stands before it
                said = self._parts.said(message)
                held.overrule_by((s.shape for s in said if s.shape.value), since=noted if message.pinned else 0)
        holding = held.left()
        return [s for s in holding if s.source >= 0], [s for s in holding if s.source < 0]

    def _merged(self, said: list[Statement], room: float, *, last: bool) -> list[Message] | None:
        """All digests in one. Notes that share a line take less than on their own, so more are tried at first."""
        count = len(self._folded) + sum(digest[2] for digest in self._digests)
        room *= _SHARED_LINES
        while True:
            found = choose(said, room, _LEAST, self._parts.ratio, self._target * _SPARE / 2)
            if _squeezed(found) and not last:
                return None
            draft = [Message("user", render(found.chosen, count, grouped=True))] if found.chosen else []
            excess = self._parts.budget.count([*self._rest, *draft]) - self._target
            if not draft or excess <= 0:
                break
            spent = self._parts.budget.count(draft)
            room = min(room * max(spent - excess, 0) / spent, room - 8)
        if excess > 0 and not last:
            return None
        return self._placed([digest_message(found.chosen, _held(found), count, grouped=True)] if draft else [])

    def _appended(self, kept: list[Statement], found: Choice) -> list[Message]:
        notes: list[Message] = []
        for n, (shown, hidden, folded) in zip(self._old, self._digests, strict=True):
            still = [s for s in kept if s.source == n]
            if len(still) < len(shown):
                notes += [digest_message(still, hidden, folded)] if still else []
            else:
                notes.append(self._parts.messages[n])
        if found.chosen:
            notes.append(digest_message(found.chosen, _held(found), len(self._folded)))
        return self._placed(notes)

    def _placed(self, notes: Sequence[Message]) -> list[Message]:
        """The digests where the oldest of what they stand for was."""
        place = min([*self._old, *self._folded], default=0)
        before = {m.id for m in self._parts.messages[:place]}
        at = sum(m.id in before for m in self._rest)
        return [*self._rest[:at], *notes, *self._rest[at:]]


def _squeezed(found: Choice) -> bool:
    return any(s.worth >= WORTHY for s in found.left)


def _held(found: Choice) -> list[Statement]:
    return [s for s in found.left if s.worth >= _HELD][-_MOST_HIDDEN:]

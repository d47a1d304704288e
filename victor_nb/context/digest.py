"""The default strategy: a digest of what was said, made by rules, with no model and no network.

In order of need it clamps giant parts, replaces old tool results by what they said, folds the oldest steps into digest
messages, and drops what is worth least. The same conversation always gives the same result.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest_clamp import clamp
from victor_nb.context.digest_note import (
    digest_message,
    entries_of,
    is_digest,
    is_shortened,
    lines_of,
    shortened,
)
from victor_nb.context.digest_statements import Statement, latest, statements, supersedes
from victor_nb.context.digest_words import word
from victor_nb.context.steps import steps
from victor_nb.context.tokens import estimate_text
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context

_GIANT: Final = 0.35  # of the target: a larger part is clamped
_RATIO: Final = 0.15  # of what is folded may go into a digest
_SHARE: Final = 0.6  # of the target for all digests


class DigestCompactionStrategy(BaseCompactionStrategy):
    """Keeps what the user said, conclusions, and which name has which value; drops the words around them."""

    async def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
        found = _Digesting(context.messages, budget)
        return CompactionResult(found.run())


class _Digesting:
    def __init__(self, messages: Sequence[Message], budget: CompactionBudget) -> None:
        self._messages = list(messages)
        self._budget = budget
        self._target = budget.target_tokens

    def run(self) -> list[Message]:
        if self._fits():
            return self._messages
        self._rarity = _rarity(self._messages)
        for stage in (self._clamp, self._shorten, self._fold):
            stage()
            if self._fits():
                break
        return self._messages

    def _fits(self) -> bool:
        return self._budget.count(self._messages) <= self._target

    def _free(self) -> list[int]:
        return [
            n
            for step in steps(self._messages)
            if not step.protected
            for n in range(step.start, step.end)
            if not is_digest(self._messages[n])
        ]

    def _clamp(self) -> None:
        most = int(self._target * _GIANT)
        for n in self._free():
            message = self._messages[n]
            if len(message.content) <= most or is_shortened(message):
                continue
            cost = self._budget.count([message])
            if cost > most:
                self._messages[n] = replace(
                    message, content=clamp(message.content, len(message.content) * most // cost), wire=None
                )

    def _shorten(self) -> None:
        total = self._budget.count(self._messages)
        for n in self._free():
            message = self._messages[n]
            if message.role != "tool" or is_shortened(message):
                continue
            before = self._budget.count([message])
            room = max(int(before * _RATIO), 24)
            chosen = choose(statements("tool", message.content, self._rarity), room)
            new = replace(message, content=shortened(chosen))
            after = self._budget.count([new])
            if after < before:
                self._messages[n] = new
                total -= before - after
            if total <= self._target:
                return

    def _fold(self) -> None:
        """All old steps become one digest."""
        old = [n for n, m in enumerate(self._messages) if is_digest(m)]
        free = [step for step in steps(self._messages) if not step.protected]
        free = [step for step in free if step.start not in old]
        costs = [self._budget.count([m]) for m in self._messages]
        total = sum(costs) - sum(costs[n] for n in old)
        room = int(self._target * _SHARE)
        gone: set[int] = set(old)
        for step in free:
            if total + room <= self._target:
                break
            total -= sum(costs[step.start : step.end])
            gone.update(range(step.start, step.end))
        room = min(room, max(self._target - total, 0))
        self._merge(sorted(gone), room)

    def _merge(self, gone: Sequence[int], room: int) -> None:
        if not gone:
            return
        said: list[Statement] = []
        folded = 0
        for n in gone:
            message = self._messages[n]
            if is_digest(message):
                entries, count = entries_of(message)
                said += entries
                folded += count
            else:
                said += self._said(message)
                folded += 1
        kept = [s for n, m in enumerate(self._messages) if n not in set(gone) for s in self._said(m)]
        said = [s for s in latest(said) if not any(supersedes(new, s) for new in kept)]
        chosen = choose(said, room - 24)
        place = gone[0]
        note = [digest_message(chosen, folded)] if chosen else []
        left = set(gone)
        before = [m for n, m in enumerate(self._messages) if n < place]
        after = [m for n, m in enumerate(self._messages) if n >= place and n not in left]
        self._messages = [*before, *note, *after]

    def _said(self, message: Message) -> list[Statement]:
        if is_shortened(message):
            return [s for line in lines_of(message) for s in statements("tool", line, self._rarity)]
        return statements(message.role, message.content, self._rarity)


def choose(said: Sequence[Statement], room: int) -> list[Statement]:
    """The worthiest of them within `room` tokens, in their order."""
    priced = [(s, estimate_text(s.text) + 2) for s in said if s.worth > 0.3]
    ranked = sorted(range(len(priced)), key=lambda n: (-priced[n][0].worth / (priced[n][1] + 12), n))
    chosen: list[int] = []
    for n in ranked:
        if priced[n][1] <= room:
            room -= priced[n][1]
            chosen.append(n)
    return [priced[n][0] for n in sorted(chosen)]


def _rarity(messages: Sequence[Message]) -> Callable[[str], float]:
    counts = Counter(word(raw).norm for m in messages for raw in m.content.split())

    def rarity(norm: str) -> float:
        return 1.0 / (1.0 + 0.25 * max(counts[norm] - 1, 0))

    return rarity

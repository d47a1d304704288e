"""A conversation that is to become smaller: its messages, what each costs, which may change, and the two ways of making
one message smaller: clamping a giant one, and replacing a tool result by what it said.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy as copy_of
from dataclasses import replace
from typing import Final

from victor_nb.context.digest_choice import choose
from victor_nb.context.digest_clamp import clamp
from victor_nb.context.digest_conflicts import latest
from victor_nb.context.digest_note import is_shortened, lines_of, shortened
from victor_nb.context.digest_statements import Statement, background_of, statements
from victor_nb.context.steps import is_digest, steps
from victor_nb.context.tokens import estimate_message
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget

GIANT: Final = 0.35  # of the target: a larger message is clamped
RATIO: Final = 0.12  # of what is left out may go into what stands for it
_SAMPLE: Final = 400  # tokens
_LEAST_ROOM: Final = 90
_WORTHY_RATIO: Final = 0.4  # … when it is worthy
LEAST_WORTH: Final = 0.8  # of a tool's statement


class Parts:
    """`messages` may be replaced one by one by shorter ones; their number and order stay."""

    def __init__(self, messages: Sequence[Message], budget: CompactionBudget) -> None:
        self.messages = list(messages)
        self.budget = budget
        self.costs = [budget.count([message]) for message in messages]
        self.ratio = _ratio(messages, self.costs)
        self.plan = steps(messages)
        self.background = background_of(m for m in messages if not is_digest(m) and not is_shortened(m))
        self.free = [n for step in self.plan if not step.protected for n in range(step.start, step.end)]
        self._said: dict[str, list[Statement]] = {}

    def tokens(self) -> int:
        return self.budget.count(self.messages)

    def said(self, message: Message) -> list[Statement]:
        """What a message says that is no digest of ours."""
        if message.id not in self._said:
            if is_shortened(message):
                found = [s for line in lines_of(message) for s in statements("tool", line, self.background)]
            else:
                found = statements(message.role, message.content, self.background)
            self._said[message.id] = found
        return self._said[message.id]

    def clamp_giants(self) -> None:
        most = int(self.budget.target_tokens * GIANT)
        for n in self.free:
            message = self.messages[n]
            if self.costs[n] > most and not is_digest(message) and not is_shortened(message):
                self._replace(n, self._clamped(message, self.costs[n], most))

    def with_short_results(self) -> Parts:
        """A copy with the oldest tool results replaced by what they said, as many as it takes."""
        copy = copy_of(self)
        copy.messages, copy.costs = self.messages.copy(), self.costs.copy()
        excess = copy.tokens() - self.budget.target_tokens
        for n in copy.free:
            message = copy.messages[n]
            if message.role == "tool" and not is_shortened(message):
                before = copy.costs[n]
                copy._replace(n, replace(message, content=self._short(message, before), wire=None))
                excess -= before - copy.costs[n]
            if excess <= 0:
                break
        return copy

    def _replace(self, n: int, shorter: Message) -> None:
        cost = self.budget.count([shorter])
        if cost < self.costs[n]:
            self.messages[n], self.costs[n] = shorter, cost

    def _short(self, message: Message, cost: int) -> str:
        found = choose(
            latest(self.said(message)),
            max(cost * _WORTHY_RATIO, min(cost - 8, _LEAST_ROOM)),
            LEAST_WORTH,
            self.ratio,
            cost * RATIO,
        )
        return shortened(found.chosen)

    def _clamped(self, message: Message, cost: int, most: int) -> Message:
        """Head and tail take two thirds of the room, what the middle says the rest."""
        room = len(message.content) * most // cost
        kept = choose(latest(self.said(message)), most / 3, LEAST_WORTH, self.ratio).chosen
        lines = [s.text for s in kept]
        return replace(message, content=clamp(message.content, room * 2 // 3, lines), wire=None)


def _ratio(messages: Sequence[Message], costs: Sequence[int]) -> float:
    """Counted tokens per estimated one, of some of the messages: the rate is the same for all."""
    counted = estimated = 0
    for message, cost in zip(messages, costs, strict=True):
        counted += cost
        estimated += estimate_message(message)
        if estimated > _SAMPLE:
            break
    return max(counted, 1) / max(estimated, 1)

"""A strategy that has a model write down what the oldest steps said, once for each step.

A summary that fails, is empty, looks like an error or is not smaller is not used: the digest does the work then, so
nothing is lost. Summaries are added behind earlier ones, whose bytes stay, until they take too much room and are
made one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.keeping import checked_share, free_steps, reduce_around
from victor_nb.context.steps import Step, steps
from victor_nb.context.summary_check import forgotten, trimmed
from victor_nb.context.summary_note import body_of, is_summary, refusal, summary_message, without_known
from victor_nb.context.summary_prompt import Piece, pieces, question
from victor_nb.context.tokens import estimate_messages
from victor_nb.errors import VictorError
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context

_logger = logging.getLogger(__name__)
_WINDOW: Final = 0.7  # of the window may go into one question
_EARLIER: Final = 0.05  # of the target: how much of the earlier notes a question repeats
_NEW: Final = 0.1  # of the target: room for the notes to come
_MOST: Final = 12
_NOTES: Final = 0.6  # of the target: when so many summaries take more, they are made one
_FORGOTTEN: Final = 0.08  # of what was summarised: room for what the summary left out
_SMALLER: Final = 0.7  # of what it stands for, at most, is a summary worth having


class SummarizingCompactionStrategy(BaseCompactionStrategy):
    """Folds the oldest steps into summaries written by `model` (a name or a model; None: the conversation's own).

    `keep_recent` is the share of the target that the newest steps take as they are. Without a model to ask, or when
    its summary is of no use, this is `DigestCompactionStrategy`. Raises ConfigError for a share outside of 0 to 0.9.
    """

    def __init__(self, model: Any = None, *, keep_recent: float = 0.15) -> None:
        self._model = model
        self._keep_recent = checked_share("keep_recent", keep_recent)

    async def compact(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: Context, budget: CompactionBudget
    ) -> CompactionResult:
        messages = context.messages
        if budget.count(messages) <= budget.target_tokens:
            return CompactionResult(messages)
        old = self._old(messages, budget)
        try:
            found = await self._summarised(messages, old, budget) if old else list(messages)
            note = ""
        except (_Unusable, VictorError) as error:
            _logger.warning("No summary was made, so a digest was: %s", error)
            found, note = list(messages), f"no summary: {error}"
        notes = {step: 1.0 for step in steps(found) if is_summary(found[step.start])}
        rest = await reduce_around(found, notes, 1.0, budget, DigestCompactionStrategy())
        return CompactionResult(rest.messages, note)

    def _old(self, messages: Sequence[Message], budget: CompactionBudget) -> list[Step]:
        """All that may be folded, but the newest that there will be room for."""
        free = free_steps(messages)
        costs = [budget.count(messages[step.start : step.end]) for step in free]
        left = budget.target_tokens * (1 - _NEW) - (budget.count(messages) - sum(costs))
        room = min(budget.target_tokens * self._keep_recent, left)
        while free and (room := room - costs.pop()) >= 0:
            free.pop()
        return free

    async def _summarised(
        self, messages: Sequence[Message], old: Sequence[Step], budget: CompactionBudget
    ) -> list[Message]:
        earlier = [message for message in messages if is_summary(message)]
        asking = _Asking(budget, self._model)
        added = [await asking.notes(part, earlier) for part in asking.parts(messages, old)]
        gone = {message.id for step in old for message in messages[step.start : step.end]}
        left = [message for message in messages if message.id not in gone]
        room = budget.target_tokens - budget.count([message for message in left if not is_summary(message)])
        if _too_much([*earlier, *added], room, budget):
            added = await asking.fewer([*earlier, *added], room)
            gone.update(message.id for message in earlier)
        place = next(n for n, message in enumerate(messages) if message.id in gone)
        before = [message for message in messages[:place] if message.id not in gone]
        after = [message for message in messages[place:] if message.id not in gone]
        return [*before, *added, *after]


def _too_much(notes: Sequence[Message], room: int, budget: CompactionBudget) -> bool:
    cost = budget.count(notes)
    return cost > room or (len(notes) > _MOST and cost > budget.target_tokens * _NOTES)


class _Unusable(Exception):
    """A model's summary may not stand for what it is of."""


@dataclass(frozen=True)
class _Asking:
    budget: CompactionBudget
    model: Any

    def parts(self, messages: Sequence[Message], old: Sequence[Step]) -> list[Piece]:
        groups = [messages[step.start : step.end] for step in old]
        return list(pieces(groups, int(self.budget.window_tokens * _WINDOW), self.budget))

    async def notes(self, part: Piece, earlier: Sequence[Message]) -> Message:
        """The summary of some steps, without what earlier ones say."""
        known = "\n".join(map(body_of, earlier))
        return await self._ask(
            part.messages, part.transcript, _tail(known, int(self.budget.target_tokens * _EARLIER)), known
        )

    async def fewer(self, summaries: Sequence[Message], room: int) -> list[Message]:
        """One summary in the place of several; where the model does not make one within `room`, rules shorten it."""
        found = list(summaries)
        try:
            found = [await self._ask(summaries, "\n".join(map(body_of, summaries)), "", "", most=room * 3 // 4)]
        except (_Unusable, VictorError) as error:
            _logger.warning("Several summaries were not made one: %s", error)
        cost = self.budget.count(found)
        if cost <= room:
            return found
        return [summary_message(trimmed(found, room, cost / max(estimate_messages(found), 1)), summaries)]

    async def _ask(
        self, part: Sequence[Message], transcript: str, tail: str, known: str, most: int | None = None
    ) -> Message:
        cost = self.budget.count(part)
        most_words = max(cost // 4 if most is None else most // 2, 60)
        text = await self.budget.ask(question(transcript, tail, most_words), self.model)
        reason = refusal(text)
        if reason:
            raise _Unusable(reason)
        text = without_known(text, known) or text.strip()
        room = _FORGOTTEN * cost if most is None else most - self.budget.count([Message("user", text)])
        text += forgotten(part, f"{known}\n{text}", room, cost / max(estimate_messages(part), 1))
        found = summary_message(text, part)
        if self.budget.count([found]) > (_SMALLER if most is None else 1) * cost:
            raise _Unusable("it was not smaller")
        return found


def _tail(known: str, most_tokens: int) -> str:
    """The end of the earlier notes, from the beginning of a line."""
    found = known[-most_tokens * 3 :]
    return found if found == known else found.partition("\n")[2] or found

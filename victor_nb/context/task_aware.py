"""A strategy that keeps what belongs to the task at hand, and digests side topics that are finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.entities import shared, task_of
from victor_nb.context.keeping import checked_share, free_steps, reduce_around, text_of
from victor_nb.context.steps import Step
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context

_LEAST: Final = 0.35  # of the best score; a step below it is of a side topic


class TaskAwareCompactionStrategy(BaseCompactionStrategy):
    """Keeps, word for word, the steps that name what the task is about; a digest of the rest.

    The task is told by rules: the goal (first user message), the last user message, what is said to be still to do,
    errors of the last steps that are not mended, and the files and names of the last steps. `share` of the target is
    for what is kept. Raises ConfigError for a share outside of 0 to 0.9.
    """

    def __init__(self, *, share: float = 0.15) -> None:
        self._share = checked_share("share", share)

    async def compact(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: Context, budget: CompactionBudget
    ) -> CompactionResult:
        messages = context.messages
        scores = relevance(messages, free_steps(messages))
        near = {step: score if score >= _LEAST else 0.0 for step, score in scores.items()}
        return await reduce_around(messages, near, self._share, budget, DigestCompactionStrategy())


def relevance(messages: Sequence[Message], found: Sequence[Step]) -> dict[Step, float]:
    """How much each step has to do with the task, 0 to 1; the most relevant has 1."""
    texts = [text_of(messages, step) for step in found]
    return dict(zip(found, shared(task_of(messages), texts), strict=True))

"""A strategy that weighs what is new, what is alike and what belongs to the task against one another."""

from __future__ import annotations

import math
from collections.abc import Sequence

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.keeping import Reducer, checked_share, free_steps, reduce_around
from victor_nb.context.semantic import nearness
from victor_nb.context.steps import Step
from victor_nb.context.summarizing import SummarizingCompactionStrategy
from victor_nb.context.task_aware import relevance
from victor_nb.errors import ConfigError
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context, Embedder


class HybridCompactionStrategy(BaseCompactionStrategy):
    """Keeps, word for word, the steps of the highest score, and a digest of the rest.

    The score is `recency` × how new the step is (1 for the newest, 0 for the oldest) + `similarity` × its nearness to
    what is being talked about (see `SemanticCompactionStrategy`) + `task` × how much it has to do with the task (see
    `TaskAwareCompactionStrategy`), each 0 to 1. Pinned messages stay in any case. `share` of the target is for what is
    kept. With `summarize=True` a summary by `model` takes the digest's place where one can be had.

    Raises ConfigError for a weight below 0, weights that are all 0, or a share outside of 0 to 0.9.
    """

    def __init__(
        self,
        embedder: str | Embedder | None = None,
        *,
        recency: float = 0.4,
        similarity: float = 0.3,
        task: float = 0.3,
        share: float = 0.15,
        summarize: bool = False,
        model: object = None,
    ) -> None:
        self._embedder = embedder
        self._weights = _checked_weights(recency=recency, similarity=similarity, task=task)
        self._share = checked_share("share", share)
        self._reducer: Reducer = DigestCompactionStrategy()
        if summarize:
            self._reducer = SummarizingCompactionStrategy(model, keep_recent=0)

    async def compact(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: Context, budget: CompactionBudget
    ) -> CompactionResult:
        messages = context.messages
        if budget.count(messages) <= budget.target_tokens:
            return CompactionResult(messages)
        scores, note = await self._scores(messages, budget)
        found = await reduce_around(messages, scores, self._share, budget, self._reducer)
        return CompactionResult(found.messages, "; ".join(part for part in (note, found.note) if part))

    async def _scores(self, messages: Sequence[Message], budget: CompactionBudget) -> tuple[dict[Step, float], str]:
        found = free_steps(messages)
        recency, similarity, task = self._weights
        near, note = dict.fromkeys(found, 0.0), ""
        if similarity:
            near, note = await nearness(messages, found, budget, self._embedder)
        relevant = relevance(messages, found) if task else near
        new = {step: number / len(found) for number, step in enumerate(found, 1)}
        return {step: recency * new[step] + similarity * near[step] + task * relevant[step] for step in found}, note


def _checked_weights(**weights: float) -> tuple[float, float, float]:
    for name, weight in weights.items():
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"{name} is {weight!r}.", hint="Weights are numbers from 0.")
    if not any(weights.values()):
        raise ConfigError("All weights are 0.", hint="Give recency, similarity or task a weight above 0.")
    return weights["recency"], weights["similarity"], weights["task"]

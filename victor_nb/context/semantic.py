"""A strategy that keeps what is most like what is being talked about, by the vectors of an embedder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.keeping import checked_share, free_steps, reduce_around, text_of
from victor_nb.context.steps import Step, user_positions
from victor_nb.errors import VictorError
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context, Embedder
from victor_nb.vectors import similarities

_logger = logging.getLogger(__name__)
_LEAST: Final = 0.1  # a cosine below this is chance
_QUESTION: Final = 0.7  # what the last user message weighs; the rest is what was said around it
_LONGEST: Final = 4_000  # characters of what was said around it


class SemanticCompactionStrategy(BaseCompactionStrategy):
    """Keeps, word for word, the steps nearest to the last user message and what was said around it; a digest of the
    rest.

    `embedder` is a model by name, or a function of a list of texts; None is the setting `embedder`, and without one
    TF-IDF, which compares words. `share` of the target is for what is kept. When the embedder fails the whole is
    digested. Raises ConfigError for a share outside of 0 to 0.9.
    """

    def __init__(self, embedder: str | Embedder | None = None, *, share: float = 0.15) -> None:
        self._embedder = embedder
        self._share = checked_share("share", share)

    async def compact(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: Context, budget: CompactionBudget
    ) -> CompactionResult:
        messages = context.messages
        if budget.count(messages) <= budget.target_tokens:
            return CompactionResult(messages)
        scores, note = await nearness(messages, free_steps(messages), budget, self._embedder)
        found = await reduce_around(messages, scores, self._share, budget, DigestCompactionStrategy())
        return CompactionResult(found.messages, note or found.note)


async def nearness(
    messages: Sequence[Message], found: Sequence[Step], budget: CompactionBudget, embedder: str | Embedder | None
) -> tuple[dict[Step, float], str]:
    """How near each step is to what is being talked about, 0 to 1, and a note when the embedder failed (all are 0)."""
    question, around = _talked_about(messages)
    texts = [question, around, *(text_of(messages, step) for step in found)]
    try:
        vectors = await budget.embed(texts, embedder)
        asked, said = (similarities(vector, vectors[2:]) for vector in vectors[:2])
    except (VictorError, ValueError) as error:
        _logger.warning("Nothing was compared, so all was digested: %s", error)
        return dict.fromkeys(found, 0.0), f"no vectors: {error}"
    near = [_QUESTION * a + (1 - _QUESTION) * b for a, b in zip(asked, said, strict=True)]
    return {step: score if score >= _LEAST else 0.0 for step, score in zip(found, near, strict=True)}, ""


def _talked_about(messages: Sequence[Message]) -> tuple[str, str]:
    """The last user message, and the end of what was said around it."""
    users = user_positions(messages)
    last = users[-1] if users else len(messages) - 1
    before = users[-2] if len(users) > 1 else 0
    around = "\n".join(m.content for n, m in enumerate(messages) if n >= before and n != last and m.role != "tool")
    return messages[last].content, around[-_LONGEST:]

"""The default strategy: a digest of what was said, made by rules, with no model and no network.

In order of need it clamps giant parts, replaces old tool results by what they said, folds the oldest steps into digest
messages, and drops what is worth least. The same conversation always gives the same result.
"""

from __future__ import annotations

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest_fold import DigestFolding
from victor_nb.context.digest_parts import Parts
from victor_nb.protocols import CompactionBudget, CompactionResult, Context


class DigestCompactionStrategy(BaseCompactionStrategy):
    """Keeps rules, goals and other words of the user, conclusions, errors, and what has which value, the last value
    counting; drops the words around them. A context that is within its target stays as it is.

    What was folded stands in messages of the user's, marked as digests; they change only where something in them is no
    longer true, or when together they take too much of the target.
    """

    async def compact(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, context: Context, budget: CompactionBudget
    ) -> CompactionResult:
        parts = Parts(context.messages, budget)
        if parts.tokens() <= budget.target_tokens:
            return CompactionResult(context.messages)
        parts.clamp_giants()
        folding = DigestFolding(parts, parts.with_short_results())
        return CompactionResult(folding.messages(), folding.note())

"""One attempt at a compaction: ask the strategy, make its result valid, cut what is still too much, judge the rest.

Nothing here changes the conversation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from victor_nb.context.base import Compactor
from victor_nb.context.compaction import Limits, Outcome, Trigger
from victor_nb.context.conversation import Conversation
from victor_nb.context.steps import drop_steps, is_digest
from victor_nb.context.view import Repaired, repair
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, Context

LEAST_PROGRESS: Final = 0.1
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class CompactionPreview:
    """What a compaction by hand would do now. Tokens are those of a whole request; `limits` is None before the first
    request. `removed` would leave the view and `added` (digests) would come in."""

    strategy: str
    outcome: Outcome
    tokens_before: int
    tokens_after: int
    limits: Limits | None
    messages: tuple[Message, ...] = field(repr=False)
    removed: tuple[Message, ...] = field(repr=False)
    added: tuple[Message, ...] = field(repr=False)
    repaired: bool = False
    note: str = ""
    error: str | None = None


@dataclass(frozen=True)
class Attempt:
    """What a strategy made of `source`, or its error, and the tokens of a request before and after."""

    source: tuple[Message, ...]
    messages: tuple[Message, ...]
    before: int
    tokens: int
    repaired: bool = False
    note: str = ""
    error: Exception | None = None

    def outcome(self, limits: Limits | None, trigger: Trigger) -> Outcome:
        if self.error:
            return "failed"
        if limits and self.tokens > limits.usable:
            return "noop"  # it could not be sent either way, so nothing is lost for it
        enough = LEAST_PROGRESS * self.before if trigger == "threshold" else 1
        return "completed" if self.is_rescue(limits) or self.before - self.tokens >= enough else "noop"

    def is_rescue(self, limits: Limits | None) -> bool:
        """Whether the request fits the window only with what the attempt left."""
        return limits is not None and self.before > limits.usable >= self.tokens

    def counts(self, limits: Limits | None, trigger: Trigger) -> bool:
        """Whether the view should change: also without the strategy, when the request would not fit otherwise."""
        outcome = self.outcome(limits, trigger)
        return outcome == "completed" or (outcome == "failed" and self.is_rescue(limits))

    @property
    def removed(self) -> tuple[Message, ...]:
        kept = {message.id for message in self.messages}
        return tuple(message for message in self.source if message.id not in kept)

    @property
    def added(self) -> tuple[Message, ...]:
        had = {message.id for message in self.source}
        return tuple(message for message in self.messages if message.id not in had)


async def attempt(
    conversation: Conversation, compact: Compactor, budget: CompactionBudget, limits: Limits | None
) -> Attempt:
    """Compact the view as it is now; `limits` is what it is cut down to."""
    source, before, error, note = conversation.view, conversation.tokens(), None, ""
    try:
        proposed = await compact(Context(list(source), {"session_id": conversation.session_id}), budget)
        fixed, note = repair(source, proposed.messages), str(proposed.metadata.get("note", ""))
        if conversation.cost(fixed.messages) > conversation.cost(source):
            fixed = Repaired(source, repaired=True)  # a result that grew is no result
    except Exception as failure:
        _logger.warning("The compaction strategy %s failed.", compact.name, exc_info=failure)
        error, fixed = failure, Repaired(source, repaired=False)
    digests = {message.id for message in fixed.messages if is_digest(message)}
    messages = list(fixed.messages)
    if budget.count(messages) > budget.most_tokens:
        messages = drop_steps(messages, _fits(conversation, limits), digests, lambda one: conversation.cost([one]))
    tokens = conversation.meter.tokens(conversation.cost(messages))
    return Attempt(source, tuple(messages), before, tokens, fixed.repaired, note, error)


def unchanged(conversation: Conversation, error: Exception | None = None) -> Attempt:
    """An attempt that left everything as it is."""
    view, tokens = conversation.view, conversation.tokens()
    return Attempt(view, view, tokens, tokens, error=error)


def _fits(conversation: Conversation, limits: Limits | None) -> Callable[[int], bool]:
    return lambda estimated: limits is None or conversation.meter.tokens(estimated) <= limits.target

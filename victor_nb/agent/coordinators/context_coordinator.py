"""Keeps each session's conversation within the model's window, by a strategy of the user's or the default one.

It knows neither the other coordinators nor the orchestrator, which logs messages, asks `prepare` before each request
and makes events of the records. A strategy can fail or return anything: the log is never touched by it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from victor_nb.context.base import BaseCompactionStrategy, compactor
from victor_nb.context.compaction import CompactionRecord, Limits, Outcome, Trigger, limits_of
from victor_nb.context.conversation import Conversation
from victor_nb.context.recent import RecentMessagesCompactionStrategy
from victor_nb.context.steps import drop_oldest_steps
from victor_nb.context.tokens import estimate_messages
from victor_nb.context.view import Repaired, repair
from victor_nb.errors import ContextError
from victor_nb.messages import Message, ToolSpec, new_id
from victor_nb.protocols import CompactionBudget, Context, ICompactionStrategy

__all__ = ["BaseCompactionStrategy", "CompactionRecord", "ContextCoordinator", "Prepared"]

LEAST_PROGRESS: Final = 0.1
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Prepared:
    """What a request sends, system message first. `tokens` counts tools too; `fraction` is of the window less the
    reserved output. `compaction` is what was done to make it fit, if anything."""

    messages: tuple[Message, ...] = field(repr=False)
    tokens: int
    fraction: float
    compaction: CompactionRecord | None = None


@dataclass(frozen=True)
class _Attempt:
    """What a strategy made of a view, or its error."""

    messages: tuple[Message, ...]
    tokens: int
    repaired: bool = False
    error: BaseException | None = None


class ContextCoordinator:
    """The conversations of all sessions. `compaction_strategy` is any object with `compact(context)`.

    Where a method takes a `session_id`, None means the session of the last `use_session`. Raises TypeError when the
    strategy is none.
    """

    def __init__(self, compaction_strategy: ICompactionStrategy | None = None) -> None:
        self._compact = compactor(compaction_strategy or RecentMessagesCompactionStrategy())
        self._conversations: dict[str, Conversation] = {}
        self._ratios: dict[str, float] = {}
        self._current = ""

    def use_session(self, session_id: str) -> None:
        self._current = session_id

    def conversation(self, session_id: str | None = None) -> Conversation:
        """The session's conversation, begun if it is new."""
        wanted = self._current if session_id is None else session_id
        if wanted not in self._conversations:
            self._conversations[wanted] = Conversation(wanted)
        return self._conversations[wanted]

    def get_context(self, session_id: str | None = None) -> Context:
        """The messages that the next request would send, the system message excepted."""
        found = self.conversation(session_id)
        return Context(list(found.view), {"session_id": found.session_id})

    def records(self, session_id: str | None = None) -> tuple[CompactionRecord, ...]:
        """The session's compactions, oldest first."""
        return tuple(self.conversation(session_id).records)

    def reset(self, session_id: str | None = None) -> None:
        """Forget the session's conversation."""
        self._conversations.pop(self._current if session_id is None else session_id, None)

    async def compact_context(self, context: Context | None = None, *, session_id: str | None = None) -> Context:
        """Compact now: the session, or `context`, which changes the session only if it is what that would send.

        A strategy that fails leaves the session as it was, and `records()[-1]` tells; with another `context` its
        error is raised.
        """
        conversation = self.conversation(session_id)
        view = conversation.view
        if context is None or [m.id for m in context.messages] == [m.id for m in view]:
            await self.force_compact(conversation.session_id)
            return self.get_context(conversation.session_id)
        budget = _budget(conversation, estimate_messages(context.messages))
        proposed = await self._compact(context, budget)
        return Context(list(repair(context.messages, proposed.messages).messages), proposed.metadata)

    async def prepare(
        self,
        session_id: str,
        *,
        system: str,
        tools: Sequence[ToolSpec],
        window: int,
        threshold: float,
        target: float,
        reserved_output: int,
        model_key: str,
    ) -> Prepared:
        """The next request, compacted if it has reached the threshold.

        Raises ContextError when even what may not be dropped exceeds the window; nothing has changed then.
        """
        conversation = self.conversation(session_id)
        limits = conversation.limits = limits_of(window, threshold, target, reserved_output)
        conversation.use_model(model_key, self._ratios.get(model_key, 1.0))
        head = conversation.use_overhead(system, tools)
        tokens = conversation.tokens()
        record = None
        if tokens >= max(limits.threshold, min(conversation.retry_at, limits.usable + 1)):
            record = await self._run(conversation, limits, "threshold")
            tokens = conversation.tokens()
        if tokens > limits.usable:
            raise _too_large(tokens, limits)
        conversation.sent_estimate = conversation.estimate
        messages = (head, *conversation.view) if system else conversation.view
        return Prepared(messages, tokens, tokens / limits.usable, record)

    def observe(self, session_id: str, reported_input_tokens: int) -> None:
        """The provider counted so many input tokens in what was last prepared. Not for invented usage."""
        conversation = self.conversation(session_id)
        conversation.counter.observe(reported_input_tokens, conversation.sent_estimate)
        if conversation.model_key is not None:
            self._ratios[conversation.model_key] = conversation.counter.ratio

    async def force_compact(self, session_id: str | None = None, *, trigger: Trigger = "manual") -> CompactionRecord:
        """Compact now, whatever the size. After the provider's overflow error (`trigger="overflow"`) at least halve it,
        since it was larger than counted."""
        conversation = self.conversation(session_id)
        limits = conversation.limits
        if limits and trigger == "overflow":
            limits = replace(limits, target=min(limits.target, conversation.tokens() // 2))
        return await self._run(conversation, limits, trigger)

    async def _run(self, conversation: Conversation, limits: Limits | None, trigger: Trigger) -> CompactionRecord:
        version, before = conversation.version, conversation.tokens()
        attempt = await self._attempt(conversation, limits, before)
        if version != conversation.version:
            attempt = _Attempt(conversation.view, before, error=ContextError("The conversation went on meanwhile."))
        outcome = _outcome(attempt, before, limits, trigger)
        old = conversation.view
        if outcome == "completed" or (outcome == "failed" and _is_rescue(attempt, before, limits)):
            conversation.commit_view(attempt.messages)
        if outcome == "completed":
            conversation.retry_at = 0
        elif limits and trigger == "threshold":
            conversation.retry_at = before + max(int(LEAST_PROGRESS * limits.threshold), 1)
        record = CompactionRecord(
            id=new_id(),
            session_id=conversation.session_id,
            trigger=trigger,
            strategy=self._compact.name,
            outcome=outcome,
            tokens_before=before,
            tokens_after=conversation.tokens(),
            messages_removed=len({m.id for m in old} - {m.id for m in conversation.view}),
            repaired=attempt.repaired,
            error_type=type(attempt.error).__name__ if attempt.error else None,
        )
        conversation.records.append(record)
        return record

    async def _attempt(self, conversation: Conversation, limits: Limits | None, before: int) -> _Attempt:
        source = conversation.view
        error: Exception | None = None
        try:
            context = Context(list(source), {"session_id": conversation.session_id})
            proposed = await self._compact(context, _budget(conversation, conversation.estimate))
            fixed = repair(source, proposed.messages)
        except Exception as failure:
            _logger.warning("The compaction strategy %s failed.", self._compact.name, exc_info=failure)
            error, fixed = failure, Repaired(source, repaired=False)
        messages = drop_oldest_steps(fixed.messages, _fits(conversation, limits))
        tokens = conversation.tokens(estimate_messages(messages))
        return _Attempt(tuple(messages), tokens, fixed.repaired, error)


def _fits(conversation: Conversation, limits: Limits | None) -> Callable[[int], bool]:
    return lambda estimated: limits is None or conversation.tokens(estimated) <= limits.target


def _budget(conversation: Conversation, estimated: int) -> CompactionBudget:
    limits = conversation.limits
    target = limits.target if limits else estimated // 2
    fixed = conversation.tokens(0) if limits else 0

    def count(messages: Sequence[Message]) -> int:
        return conversation.tokens(estimate_messages(messages)) - fixed

    window = limits.window if limits else estimated
    return CompactionBudget(max(target - fixed, 0), window, count, _ask_nobody, _embed_with_nothing)


async def _ask_nobody(messages: Sequence[Message], model: object) -> str:
    raise ContextError("There is no model to ask.", hint="Give the coordinator to an AgentOrchestrator.")


async def _embed_with_nothing(texts: Sequence[str], embedder: object) -> Sequence[Sequence[float]]:
    raise ContextError("There is no embedder.", hint="Give the coordinator to an AgentOrchestrator.")


def _outcome(attempt: _Attempt, before: int, limits: Limits | None, trigger: Trigger) -> Outcome:
    if attempt.error:
        return "failed"
    if limits and attempt.tokens > limits.usable:
        return "noop"  # it could not be sent either way, so nothing is lost for it
    enough = LEAST_PROGRESS * before if trigger == "threshold" else 1
    return "completed" if _is_rescue(attempt, before, limits) or before - attempt.tokens >= enough else "noop"


def _is_rescue(attempt: _Attempt, before: int, limits: Limits | None) -> bool:
    """Whether the request fits the window only with what the attempt left."""
    return limits is not None and before > limits.usable >= attempt.tokens


def _too_large(tokens: int, limits: Limits) -> ContextError:
    return ContextError(
        f"The conversation takes {tokens:,} tokens, and {limits.usable:,} of the model's {limits.window:,} are free "
        "for it. What is left (system prompt, tools, first and last message, pinned ones) cannot be dropped.",
        hint="Send a shorter message, offer fewer tools, reset the session, or set a larger context_window.",
    )

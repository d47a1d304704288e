"""What one turn did, as events in started/completed pairs and as the sums that its last event carries."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any

from victor_nb import clock
from victor_nb.agent.coordinators.analytics_coordinator import AnalyticsCoordinator
from victor_nb.agent.tools import ToolOutcome
from victor_nb.agent.tools.approval import Decision
from victor_nb.context.compaction import CompactionRecord, Undone
from victor_nb.errors import ModelRequestError
from victor_nb.events import EventContent, TokenCounts, TurnStarted
from victor_nb.host import lent
from victor_nb.messages import JsonValue, ModelReply, ToolCall, Usage


@dataclass(frozen=True)
class TurnOrigin:
    """Where a turn came from; all None outside a notebook.

    `key` names the cell, and `execution` this one run of it: a turn takes the place of the session's turns that have
    its key and come from another execution. Without a key, a turn is added at the end.
    """

    cell_id: str | None = None
    key: str | None = None
    execution: str | None = None
    execution_count: int | None = None
    notebook: str | None = None
    tags: dict[str, JsonValue] = field(default_factory=dict[str, JsonValue])


def lent_origin() -> TurnOrigin:
    """Where a turn that starts here comes from, as the host tells it; nowhere in particular without a host."""
    host = lent()
    return TurnOrigin(**host.turn_origin()) if host else TurnOrigin()


@dataclass
class Totals:
    """Running sums of a turn. Times are seconds of the monotonic clock; `tool_wall_s` is how long the turn waited for
    its tools, which may be less than what they took together."""

    usage: Usage | None = None
    costs: list[float | None] = field(default_factory=list[float | None])
    cost_source: str | None = None
    requests: int = 0
    retries: int = 0
    tool_calls: int = 0
    compactions: int = 0
    model_time_s: float = 0.0
    tool_time_s: float = 0.0
    tool_wall_s: float = 0.0
    time_to_first_token_s: float | None = None
    context_tokens: int | None = None
    context_fraction: float | None = None

    @property
    def cost_usd(self) -> float | None:
        """The sum, or None as soon as one request's price is unknown."""
        known = [cost for cost in self.costs if cost is not None]
        return sum(known) if known and len(known) == len(self.costs) else None


def sha256_of(text: str) -> str:
    """Tells equal texts from different ones where the texts themselves are not kept."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def token_counts(usage: Usage | None, cost_usd: float | None, cost_source: str | None) -> TokenCounts:
    return {
        "input_tokens": usage.input_tokens if usage else None,
        "output_tokens": usage.output_tokens if usage else None,
        "cache_read_tokens": usage.cached_tokens if usage else None,
        "cache_write_tokens": usage.cache_write_tokens if usage else None,
        "reasoning_tokens": usage.reasoning_tokens if usage else None,
        "usage_source": usage.source if usage else None,
        "cost_usd": cost_usd,
        "cost_source": cost_source,
    }


class SessionRecorder:
    """Records events of `session_id` that belong to no turn, and sums up what was asked of a model there."""

    def __init__(self, analytics: AnalyticsCoordinator, session_id: str) -> None:
        self.totals = Totals()
        self._analytics = analytics
        self._session_id = session_id
        self._watch = clock.Stopwatch()

    @property
    def turn_id(self) -> str | None:
        return None

    @property
    def elapsed_s(self) -> float:
        return self._watch.elapsed_s

    def record(self, type: str, data: Mapping[str, Any], content: EventContent | None = None) -> Awaitable[None]:
        return self._analytics.record(type, self._session_id, {"turn_id": self.turn_id, **data}, content)

    def first_token(self) -> None:
        if self.totals.time_to_first_token_s is None:
            self.totals.time_to_first_token_s = self.elapsed_s

    def compaction(self, record: CompactionRecord) -> None:
        self.totals.compactions += record.outcome == "completed"
        self.record(
            "compaction",
            {
                "compaction_id": record.id,
                "trigger": record.trigger,
                "strategy": record.strategy,
                "outcome": record.outcome,
                "tokens_before": record.tokens_before,
                "tokens_after": record.tokens_after,
                "messages_removed": record.messages_removed,
                "repaired": record.repaired,
                "undone": False,
                "error_type": record.error_type,
            },
        )

    def undone(self, undone: Undone) -> None:
        """A compaction counts no more; that it was made stays on record."""
        self.record("compaction_undone", {"compaction_id": undone.compaction_id, "reason": undone.reason})


class TurnRecorder(SessionRecorder):
    """Records the events of one turn of `session_id`."""

    def __init__(self, analytics: AnalyticsCoordinator, session_id: str) -> None:
        super().__init__(analytics, session_id)
        self._turn_id = clock.new_id("turn")

    @property
    def turn_id(self) -> str:
        return self._turn_id

    def turn_started(self, started: TurnStarted, prompt: str) -> None:
        self.record("turn_started", started, {"prompt": prompt})

    def turn_completed(
        self,
        status: str,
        *,
        model: str | None,
        provider: str | None,
        response: str,
        finish_reason: str | None = None,
        error: BaseException | None = None,
    ) -> Awaitable[None]:
        duration, totals = self.elapsed_s, self.totals
        completed = {
            "status": status,
            "error_type": type(error).__name__ if error else None,
            "model": model,
            "provider": provider,
            "duration_s": duration,
            "time_to_first_token_s": totals.time_to_first_token_s,
            "model_time_s": totals.model_time_s,
            "tool_time_s": totals.tool_time_s,
            "overhead_s": round(max(0.0, duration - totals.model_time_s - totals.tool_wall_s), 9),
            "requests": totals.requests,
            "tool_calls": totals.tool_calls,
            "retries": totals.retries,
            "compactions": totals.compactions,
            "context_tokens": totals.context_tokens,
            "context_fraction": totals.context_fraction,
            "response_chars": len(response),
            "response_sha256": sha256_of(response),
            "finish_reason": finish_reason,
            **token_counts(totals.usage, totals.cost_usd, totals.cost_source),
        }
        content: EventContent = {"response": response}
        if error:
            content["error"] = str(error)
        return self.record("turn_completed", completed, content)

    def approval_decided(self, call: ToolCall, decision: Decision) -> None:
        decided: dict[str, object] = {
            "tool_call_id": call.id,
            "tool": call.name,
            "approved": decision.approved,
            "decided_by": decision.decided_by,
            "duration_s": decision.duration_s,
        }
        self.record("approval_decided", decided, {"note": decision.reason} if decision.reason else None)

    def tool_started(self, call: ToolCall) -> ToolRecorder:
        return ToolRecorder(self, call)


class ToolRecorder:
    """Records one tool call of a turn: started at once, then `completed` or `broke_off`."""

    def __init__(self, turn: TurnRecorder, call: ToolCall) -> None:
        self._turn = turn
        self._watch = clock.Stopwatch()
        self._size = len(call.arguments.encode(errors="replace"))
        self._identity = {"tool_call_id": call.id, "tool": call.name, "args_bytes": self._size}
        turn.record("tool_call_started", self._identity, {"arguments": call.arguments})

    def completed(self, outcome: ToolOutcome, *, repeated: bool) -> None:
        result = {
            "status": outcome.status,
            "error_type": outcome.error_type,
            "approved_by": outcome.approved_by,
            "duration_s": outcome.duration_s,
            "result_bytes": outcome.result_bytes,
            "truncated": outcome.truncated,
            "repeated": repeated,
        }
        self._end(result, outcome.duration_s, {"result": outcome.text})

    def broke_off(self, error: BaseException) -> None:
        """The call did not come back: the turn was cancelled, or the user interrupted the function."""
        duration = self._watch.elapsed_s
        result = {
            "status": "interrupted",
            "error_type": type(error).__name__,
            "approved_by": None,
            "duration_s": duration,
            "result_bytes": 0,
            "truncated": False,
            "repeated": False,
        }
        self._end(result, duration, None)

    def _end(self, result: dict[str, Any], duration_s: float, content: EventContent | None) -> None:
        self._turn.totals.tool_calls += 1
        self._turn.totals.tool_time_s += duration_s
        self._turn.record("tool_call_completed", {**self._identity, **result}, content)


class RequestRecorder:
    """Records one model request: `started`, then one of `completed`, `failed`, `interrupted`."""

    def __init__(self, turn: SessionRecorder, *, purpose: str, model: str, provider: str) -> None:
        self._turn = turn
        self._identity = {
            "request_id": clock.new_id("request"),
            "purpose": purpose,
            "model": model,
            "provider": provider,
        }
        self._watch = clock.Stopwatch()
        self._first_token_s: float | None = None

    def started(
        self,
        *,
        temperature: float | None,
        max_tokens: int | None,
        messages: int,
        tools: int,
        window_tokens: int,
        window_source: str,
    ) -> None:
        sizes = {"temperature": temperature, "max_tokens": max_tokens, "messages": messages, "tools": tools}
        window = {"window_tokens": window_tokens, "window_source": window_source}
        self._turn.record("model_request_started", {**self._identity, **sizes, **window})
        self._watch.restart()

    def first_token(self) -> None:
        if self._first_token_s is None:
            self._first_token_s = self._watch.elapsed_s
            self._turn.first_token()

    def completed(self, reply: ModelReply) -> None:
        identity = {"model": reply.model, "provider": reply.provider}
        self._end("ok", reply.usage, reply.cost_usd, reply.cost_source, reply.attempts, reply.finish_reason, identity)

    def failed(self, error: BaseException) -> None:
        attempts = error.attempts if isinstance(error, ModelRequestError) else 1
        self._end("error", None, None, None, attempts, None, {}, error)

    def interrupted(self, usage: Usage) -> None:
        self._end("interrupted", usage, None, None, 1, None, {})

    def _end(
        self,
        status: str,
        usage: Usage | None,
        cost_usd: float | None,
        cost_source: str | None,
        attempts: int,
        finish_reason: str | None,
        identity: dict[str, str],
        error: BaseException | None = None,
    ) -> None:
        duration = self._watch.elapsed_s
        self._add(usage, cost_usd, cost_source, attempts, duration)
        completed = {
            **self._identity,
            **identity,
            "status": status,
            "error_type": type(error).__name__ if error else None,
            "http_status": getattr(error, "status_code", None) if error else None,
            "attempts": attempts,
            "finish_reason": finish_reason,
            "duration_s": duration,
            "time_to_first_token_s": self._first_token_s,
            **token_counts(usage, cost_usd, cost_source),
        }
        self._turn.record("model_request_completed", completed, {"error": str(error)} if error else None)

    def _add(
        self, usage: Usage | None, cost_usd: float | None, cost_source: str | None, attempts: int, duration_s: float
    ) -> None:
        totals = self._turn.totals
        totals.requests += 1
        totals.retries += attempts - 1
        totals.model_time_s += duration_s
        if usage:
            totals.usage = totals.usage + usage if totals.usage else usage
            totals.costs.append(cost_usd)
            totals.cost_source = cost_source or totals.cost_source

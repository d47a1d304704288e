"""What is recorded: the event types, and the payload of each as a typed mapping.

Payloads carry numbers and names only; prompts, answers, tool arguments and results travel beside them as
`EventContent`, which the capture policy may withhold and exporters leave out. Every `..._tokens` is a count,
every `..._s` seconds of a monotonic clock, every `..._usd` US dollars; None means unknown, never zero.
"""

from __future__ import annotations

from typing import Final, Literal, TypedDict

from victor_nb.messages import JsonValue

EventType = Literal[
    "session_started",
    "session_ended",
    "turn_started",
    "turn_completed",
    "model_request_started",
    "model_request_completed",
    "tool_call_started",
    "tool_call_completed",
    "compaction",
    "compaction_undone",
    "approval_decided",
    "budget_exceeded",
    "config_loaded",
    "prompt_built",
    "feedback_given",
    "export_failed",
]


class EventContent(TypedDict, total=False):
    """Text that people wrote or models answered; kept locally, not exported unless asked for."""

    prompt: str
    response: str
    arguments: str
    result: str
    error: str
    note: str


class TokenCounts(TypedDict):
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    usage_source: str | None
    cost_usd: float | None
    cost_source: str | None


class SessionStarted(TypedDict):
    victor_nb_version: str
    python_version: str


class SessionEnded(TypedDict):
    reason: str


class TurnStarted(TypedDict):
    turn_id: str
    turn_index: int
    cell_id: str | None
    execution_count: int | None
    notebook: str | None
    model: str | None
    provider: str | None
    streamed: bool
    prompt_chars: int
    prompt_sha256: str
    tags: dict[str, JsonValue]
    replaces: str | None


class TurnCompleted(TokenCounts):
    turn_id: str
    status: str
    error_type: str | None
    model: str | None
    provider: str | None
    duration_s: float
    time_to_first_token_s: float | None
    model_time_s: float
    tool_time_s: float
    overhead_s: float
    requests: int
    tool_calls: int
    retries: int
    compactions: int
    context_tokens: int | None
    context_fraction: float | None
    response_chars: int
    response_sha256: str
    finish_reason: str | None


class ModelRequestStarted(TypedDict):
    turn_id: str | None
    request_id: str
    purpose: str
    model: str
    provider: str
    temperature: float | None
    max_tokens: int | None
    messages: int
    tools: int
    window_tokens: int | None
    window_source: str | None


class ModelRequestCompleted(TokenCounts):
    turn_id: str | None
    request_id: str
    purpose: str
    status: str
    error_type: str | None
    http_status: int | None
    model: str
    provider: str
    attempts: int
    finish_reason: str | None
    duration_s: float
    time_to_first_token_s: float | None


class ToolCallStarted(TypedDict):
    turn_id: str
    tool_call_id: str
    tool: str
    args_bytes: int


class ToolCallCompleted(TypedDict):
    turn_id: str
    tool_call_id: str
    tool: str
    status: str
    error_type: str | None
    approved_by: str | None
    duration_s: float
    args_bytes: int
    result_bytes: int
    truncated: bool
    repeated: bool


class Compaction(TypedDict):
    turn_id: str | None
    compaction_id: str
    trigger: str
    strategy: str
    outcome: str
    tokens_before: int
    tokens_after: int
    messages_removed: int
    repaired: bool
    undone: bool
    error_type: str | None


class CompactionUndone(TypedDict):
    turn_id: str | None
    compaction_id: str
    reason: str


class ApprovalDecided(TypedDict):
    turn_id: str
    tool_call_id: str
    tool: str
    approved: bool
    decided_by: str
    duration_s: float


class BudgetExceeded(TypedDict):
    turn_id: str | None
    scope: str
    limit_usd: float
    spent_usd: float
    estimated_usd: float | None


class ConfigLoaded(TypedDict):
    turn_id: str
    keys: list[str]
    providers: list[str]
    failed: list[str]
    assignments: dict[str, str]


class PromptBuilt(TypedDict):
    turn_id: str
    sections: list[str]
    failed: list[str]
    prompt_chars: int


class FeedbackGiven(TypedDict):
    turn_id: str
    score: float | None
    label: str | None
    note_chars: int


class ExportFailed(TypedDict):
    exporter: str
    first_seq: int
    last_seq: int
    attempts: int
    error: str


PAYLOADS: Final[dict[str, type]] = {
    "session_started": SessionStarted,
    "session_ended": SessionEnded,
    "turn_started": TurnStarted,
    "turn_completed": TurnCompleted,
    "model_request_started": ModelRequestStarted,
    "model_request_completed": ModelRequestCompleted,
    "tool_call_started": ToolCallStarted,
    "tool_call_completed": ToolCallCompleted,
    "compaction": Compaction,
    "compaction_undone": CompactionUndone,
    "approval_decided": ApprovalDecided,
    "budget_exceeded": BudgetExceeded,
    "config_loaded": ConfigLoaded,
    "prompt_built": PromptBuilt,
    "feedback_given": FeedbackGiven,
    "export_failed": ExportFailed,
}
"""Event type → the typed mapping of its payload. A type that is not here must start with `x_`."""

"""Every frame as a list of columns: name, dtype, and where its values come from. A frame has these columns with these
dtypes whether it holds no row or a million; a value that is unknown is NA, never 0.

Units are in the names: `_s` seconds of a monotonic clock, `_usd` US dollars, `_tokens` counts, `_bytes` UTF-8 bytes;
`_at` and `timestamp` are UTC. Data only: never imports pandas or Arrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Dtype: TypeAlias = Literal["string", "Int64", "Float64", "boolean", "datetime64[us, UTC]"]
Source: TypeAlias = Literal[
    "event", "opened", "closed", "before", "after", "latest", "content before", "content after", "made"
]
TIME: Final = "datetime64[us, UTC]"
TAGS: Final = "tags"
"""The one payload field that is an object: it is read as JSON text with sorted keys, `{}` where there is none."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    `source` says where its values are: an attribute of the row's `event` (of the one that opened it when it has two),
    of the event that `opened` or `closed` it; a field of the payload `before` (the started event's), `after` (the
    completed one's), or the `latest` that is known of the two; a field of the `content` of either; or it is `made` by
    what builds the frame. `field` is what it is called there.
    """

    name: str
    dtype: Dtype
    source: Source
    field: str


def _from(source: Source, dtype: Dtype, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, dtype, source, name) for name in names)


def _content(source: Literal["content before", "content after"], *names: str) -> tuple[Column, ...]:
    return _from(source, "string", *names)


RUN: Final = _from("event", "string", "session_id", "kernel_run_id")
TURN_ID: Final = _from("event", "string", "turn_id")
TIMESTAMP: Final = Column("timestamp", TIME, "event", "timestamp_us")
TIMES: Final = (
    Column("started_at", TIME, "opened", "timestamp_us"),
    Column("completed_at", TIME, "closed", "timestamp_us"),
)
STATUS: Final = _from("made", "string", "status")
TOKENS: Final = (
    *_from("after", "Int64", "input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *_from("after", "Int64", "reasoning_tokens"),
    *_from("after", "string", "usage_source"),
    *_from("after", "Float64", "cost_usd"),
    *_from("after", "string", "cost_source"),
)

EVENTS: Final = (
    *_from("event", "string", "id"),
    *TURN_ID,
    *RUN,
    TIMESTAMP,
    *_from("event", "Int64", "seq"),
    *_from("event", "string", "type", "data"),
)

TURNS: Final = (
    *TURN_ID,
    *RUN,
    *TIMES,
    *_from("before", "Int64", "turn_index"),
    *_from("before", "string", "cell_id"),
    *_from("before", "Int64", "execution_count"),
    *_from("before", "string", "notebook", "replaces"),
    *_from("latest", "string", "model", "provider"),
    *STATUS,
    *_from("after", "string", "error_type"),
    *TOKENS,
    *_from("after", "string", "finish_reason"),
    *_from("after", "Float64", "duration_s", "time_to_first_token_s", "model_time_s", "tool_time_s", "overhead_s"),
    *_from("after", "Int64", "requests", "tool_calls", "retries", "compactions", "context_tokens"),
    *_from("after", "Float64", "context_fraction"),
    *_from("before", "boolean", "streamed"),
    *_from("before", "Int64", "prompt_chars"),
    *_from("after", "Int64", "response_chars"),
    *_from("before", "string", "prompt_sha256"),
    *_from("after", "string", "response_sha256"),
    *_from("made", "Float64", "score"),
    *_from("made", "string", "label"),
    *_from("before", "string", TAGS),
)

REQUESTS: Final = (
    *_from("latest", "string", "request_id"),
    *TURN_ID,
    *RUN,
    *TIMES,
    *_from("latest", "string", "purpose", "model", "provider"),
    *STATUS,
    *_from("after", "string", "error_type"),
    *_from("after", "Int64", "http_status", "attempts"),
    *_from("after", "string", "finish_reason"),
    *_from("before", "Float64", "temperature"),
    *_from("before", "Int64", "max_tokens", "messages", "tools", "window_tokens"),
    *_from("before", "string", "window_source"),
    *TOKENS,
    *_from("after", "Float64", "duration_s", "time_to_first_token_s"),
)

TOOL_CALLS: Final = (
    *_from("latest", "string", "tool_call_id"),
    *TURN_ID,
    *RUN,
    *TIMES,
    *_from("latest", "string", "tool"),
    *STATUS,
    *_from("after", "string", "error_type", "approved_by"),
    *_from("after", "Float64", "duration_s"),
    *_from("latest", "Int64", "args_bytes"),
    *_from("after", "Int64", "result_bytes"),
    *_from("after", "boolean", "truncated", "repeated"),
)

COMPACTIONS: Final = (
    *_from("before", "string", "compaction_id"),
    *TURN_ID,
    *RUN,
    TIMESTAMP,
    *_from("before", "string", "trigger", "strategy", "outcome", "error_type"),
    *_from("before", "Int64", "tokens_before", "tokens_after", "messages_removed"),
    *_from("before", "boolean", "repaired", "undone"),
)

FEEDBACK: Final = (
    *TURN_ID,
    *RUN,
    TIMESTAMP,
    *_from("before", "Float64", "score"),
    *_from("before", "string", "label"),
)

EXPORTS: Final = (
    *_from("made", "string", "exporter", "kernel_run_id"),
    *_from("made", "Int64", "channel"),
    *_from("made", "string", "status"),
    *_from("made", "Int64", "first_seq", "last_seq", "events", "attempts"),
    *_from("made", "string", "last_error"),
    *_from("made", TIME, "updated_at"),
)

CONTENT: Final[dict[str, tuple[Column, ...]]] = {
    "events": _from("event", "string", "content"),
    "turns": (*_content("content before", "prompt"), *_content("content after", "response", "error")),
    "requests": _content("content after", "error"),
    "tool_calls": (*_content("content before", "arguments"), *_content("content after", "result")),
    "feedback": _content("content before", "note"),
}
"""What `content=True` adds to a frame."""

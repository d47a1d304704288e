"""Every frame as a list of columns: name, dtype, and where its values come from. A frame has these columns with these
dtypes whether it holds no row or a million; a value that is unknown is NA, never 0.

Units are in the names: `_s` seconds of a monotonic clock, `_usd` US dollars, `_tokens` counts, `_bytes` UTF-8 bytes;
`_at` and `timestamp` are UTC. Never imports pandas.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final, Literal, TypeAlias

from victor_nb.frames.pairing import Rows

Dtype: TypeAlias = Literal["string", "Int64", "Float64", "boolean", "datetime64[us, UTC]"]
Values: TypeAlias = Sequence[Any]

TIME: Final = "datetime64[us, UTC]"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `get` reads it for all rows at once; times are Unix time in µs."""

    name: str
    dtype: Dtype
    get: Callable[[Rows], Values]


def _of_event(name: str, attribute: str, dtype: Dtype) -> Column:
    """An attribute of the row's event, of the one that opened it when it has two."""
    read = attrgetter(attribute)
    return Column(name, dtype, lambda rows: [read(event) for event in rows.events])


def _time_of(name: str, side: Literal["opened", "closed"]) -> Column:
    read = attrgetter(side)
    return Column(name, TIME, lambda rows: [event and event.timestamp_us for event in read(rows)])


def _before(name: str, dtype: Dtype) -> Column:
    """A field of the started event."""
    return Column(name, dtype, lambda rows: [payload.get(name) for payload in rows.before])


def _after(name: str, dtype: Dtype) -> Column:
    """A field of the completed event, NA without one."""
    return Column(name, dtype, lambda rows: [payload.get(name) for payload in rows.after])


def _latest(name: str, dtype: Dtype) -> Column:
    """A field that both events carry: the completed one knows better, the started one is there sooner."""

    def get(rows: Rows) -> Values:
        pairs = zip(rows.before, rows.after, strict=True)
        return [after[name] if after.get(name) is not None else before.get(name) for before, after in pairs]

    return Column(name, dtype, get)


def _status(rows: Rows) -> Values:
    return [after.get("status", status) for after, status in zip(rows.after, rows.status, strict=True)]


def _tags(rows: Rows) -> Values:
    """Sorted by name, so that equal tags are equal text and can be grouped by."""
    return [json.dumps(tags, sort_keys=True) if (tags := row.get("tags")) else "{}" for row in rows.before]


STATUS: Final = Column("status", "string", _status)
RUN: Final = (_of_event("session_id", "session_id", "string"), _of_event("kernel_run_id", "kernel_run_id", "string"))
TURN_ID: Final = _of_event("turn_id", "turn_id", "string")
TIMES: Final = (_time_of("started_at", "opened"), _time_of("completed_at", "closed"))
TOKENS: Final = (
    _after("input_tokens", "Int64"),
    _after("output_tokens", "Int64"),
    _after("cache_read_tokens", "Int64"),
    _after("cache_write_tokens", "Int64"),
    _after("reasoning_tokens", "Int64"),
    _after("usage_source", "string"),
    _after("cost_usd", "Float64"),
    _after("cost_source", "string"),
)

EVENTS: Final = (
    _of_event("id", "id", "string"),
    TURN_ID,
    *RUN,
    _of_event("timestamp", "timestamp_us", TIME),
    _of_event("seq", "seq", "Int64"),
    _of_event("type", "type", "string"),
    _of_event("data", "data", "string"),
)

TURNS: Final = (
    TURN_ID,
    *RUN,
    *TIMES,
    _before("turn_index", "Int64"),
    _before("cell_id", "string"),
    _before("execution_count", "Int64"),
    _before("notebook", "string"),
    _latest("model", "string"),
    _latest("provider", "string"),
    STATUS,
    _after("error_type", "string"),
    *TOKENS,
    _after("finish_reason", "string"),
    _after("duration_s", "Float64"),
    _after("time_to_first_token_s", "Float64"),
    _after("model_time_s", "Float64"),
    _after("tool_time_s", "Float64"),
    _after("overhead_s", "Float64"),
    _after("requests", "Int64"),
    _after("tool_calls", "Int64"),
    _after("retries", "Int64"),
    _after("compactions", "Int64"),
    _after("context_tokens", "Int64"),
    _after("context_fraction", "Float64"),
    _before("streamed", "boolean"),
    _before("prompt_chars", "Int64"),
    _after("response_chars", "Int64"),
    Column("tags", "string", _tags),
)

REQUESTS: Final = (
    _latest("request_id", "string"),
    TURN_ID,
    *RUN,
    *TIMES,
    _latest("purpose", "string"),
    _latest("model", "string"),
    _latest("provider", "string"),
    STATUS,
    _after("error_type", "string"),
    _after("http_status", "Int64"),
    _after("attempts", "Int64"),
    _after("finish_reason", "string"),
    _before("temperature", "Float64"),
    _before("max_tokens", "Int64"),
    _before("messages", "Int64"),
    _before("tools", "Int64"),
    *TOKENS,
    _after("duration_s", "Float64"),
    _after("time_to_first_token_s", "Float64"),
)

TOOL_CALLS: Final = (
    _latest("tool_call_id", "string"),
    TURN_ID,
    *RUN,
    *TIMES,
    _latest("tool", "string"),
    STATUS,
    _after("error_type", "string"),
    _after("approved_by", "string"),
    _after("duration_s", "Float64"),
    _latest("args_bytes", "Int64"),
    _after("result_bytes", "Int64"),
    _after("truncated", "boolean"),
    _after("repeated", "boolean"),
)

COMPACTIONS: Final = (
    _before("compaction_id", "string"),
    TURN_ID,
    *RUN,
    _of_event("timestamp", "timestamp_us", TIME),
    _before("trigger", "string"),
    _before("strategy", "string"),
    _before("outcome", "string"),
    _before("error_type", "string"),
    _before("tokens_before", "Int64"),
    _before("tokens_after", "Int64"),
    _before("messages_removed", "Int64"),
    _before("repaired", "boolean"),
    _before("undone", "boolean"),
)

"""The columns of the CSV and Parquet files: fixed, so that files of today and of next year can be read together.

Every event has the first six and `data`, its whole payload as JSON. The columns between them are for reading
comfortably: what events of this project hold under that name, NA where an event has no such value of that kind.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

from victor_nb.exporters.event_json import json_bytes
from victor_nb.protocols import AnalyticsEvent

Kind: TypeAlias = Literal["int", "float", "text", "bool"]
Cell: TypeAlias = "int | float | str | bool | None"

EVENT_COLUMNS = ("id", "seq", "kernel_run_id", "session_id", "type", "timestamp")

# Never reorder, rename or remove: what was written with them is still read with them.
PAYLOAD_COLUMNS: Mapping[str, Kind] = {
    "turn_id": "text",
    "request_id": "text",
    "tool_call_id": "text",
    "notebook": "text",
    "cell_id": "text",
    "execution_count": "int",
    "turn_index": "int",
    "status": "text",
    "error_type": "text",
    "model": "text",
    "provider": "text",
    "purpose": "text",
    "tool": "text",
    "finish_reason": "text",
    "http_status": "int",
    "input_tokens": "int",
    "output_tokens": "int",
    "cache_read_tokens": "int",
    "cache_write_tokens": "int",
    "reasoning_tokens": "int",
    "usage_source": "text",
    "cost_usd": "float",
    "cost_source": "text",
    "duration_s": "float",
    "time_to_first_token_s": "float",
    "model_time_s": "float",
    "tool_time_s": "float",
    "requests": "int",
    "tool_calls": "int",
    "retries": "int",
    "attempts": "int",
    "compactions": "int",
    "context_tokens": "int",
    "context_fraction": "float",
    "prompt_chars": "int",
    "response_chars": "int",
    "streamed": "bool",
    "score": "float",
    "label": "text",
}

COLUMNS = (*EVENT_COLUMNS, *PAYLOAD_COLUMNS, "data")


def cells(event: AnalyticsEvent) -> dict[str, Cell]:
    """What is known of `event`, by column."""
    known: dict[str, Cell] = {
        "id": _encodable(event.id),
        "seq": event.seq,
        "kernel_run_id": _encodable(event.kernel_run_id),
        "session_id": _encodable(event.session_id),
        "type": event.type,
        "timestamp": event.timestamp.astimezone(dt.UTC).isoformat(),
    }
    for name, value in event.data.items():
        if (kind := PAYLOAD_COLUMNS.get(name)) and (fitting := _fitting(value, kind)) is not None:
            known[name] = fitting
    return known | {"data": json_bytes(event.data).decode()}


def _fitting(value: object, kind: Kind) -> Cell:
    """A value that is not of the column's kind stays in `data` alone."""
    if isinstance(value, bool):
        return value if kind == "bool" else None
    if kind == "int":
        return value if isinstance(value, int) and -(2**63) <= value < 2**63 else None
    if kind == "float":
        return _finite(value) if isinstance(value, int | float) else None
    return _encodable(value) if kind == "text" and isinstance(value, str) else None


def _encodable(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:  # an integer beyond all floats
        return None
    return number if math.isfinite(number) else None

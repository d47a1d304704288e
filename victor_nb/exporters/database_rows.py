"""Events as rows of a table: the eight values of each, with `data` as JSON text that every database takes.

The timestamp is text, UTC with six digits behind the second, so that it sorts where a database has no such type.
Knows no database.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, TypeAlias, cast

from pydantic_core import to_json

from victor_nb.errors import ExportError
from victor_nb.protocols import AnalyticsEvent

COLUMNS = ("id", "seq", "kernel_run_id", "session_id", "type", "timestamp", "turn_id", "data")
EventRow: TypeAlias = tuple[str, int, str, str, str, str, str | None, str]

_UNFIT = re.compile("[\x00\ud800-\udfff]")
_ESCAPED = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def row_of(event: AnalyticsEvent) -> EventRow:
    """The values of `COLUMNS`.

    Raises:
        ExportError: its data is not JSON.
    """
    turn_id = event.data.get("turn_id")
    return (
        _fit(event.id),
        event.seq,
        _fit(event.kernel_run_id),
        _fit(event.session_id),
        _fit(event.type),
        _utc(event.timestamp).isoformat(timespec="microseconds"),
        _fit(turn_id) if isinstance(turn_id, str) else None,
        _json(event.data),
    )


def copy_text(rows: Iterable[EventRow]) -> bytes:
    """Rows in the text format of PostgreSQL's COPY."""
    escaped = cache(_escaped)  # few sessions, many events
    lines = [
        f"{_escaped(id)}\t{seq}\t{escaped(run)}\t{escaped(session)}\t{escaped(type)}\t{timestamp}"
        f"\t{_escaped(turn) if turn is not None else _NULL}\t{data.replace(_BACKSLASH, _BACKSLASH * 2)}\n"
        for id, seq, run, session, type, timestamp, turn, data in rows
    ]
    return "".join(lines).encode()


_BACKSLASH, _NULL = "\\", "\\N"


def columns_of(rows: Sequence[EventRow]) -> list[list[Any]]:
    """The same values, one list a column."""
    return [[row[index] for row in rows] for index in range(len(COLUMNS))]


def _utc(timestamp: dt.datetime) -> dt.datetime:
    return timestamp if timestamp.tzinfo is dt.UTC else timestamp.astimezone(dt.UTC)


def _escaped(text: str) -> str:
    return text if text.isalnum() else text.translate(_ESCAPED)


def _fit(text: str) -> str:
    """`text` without what PostgreSQL refuses: NUL and unpaired surrogates."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text) if _UNFIT.search(text) else text


def _json(data: Mapping[str, Any]) -> str:
    try:
        text = to_json(data, inf_nan_mode="null").decode()
    except ValueError:  # unpaired surrogates, deeper than it goes, or not JSON at all
        text = ""
    return text if text and "\\u0000" not in text else _mended_json(data)


def _mended_json(data: Mapping[str, Any]) -> str:
    try:
        return json.dumps(_mended(data), allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ExportError(f"an event's data is not JSON: {error}.", retryable=False) from None


def _mended(value: object) -> Any:
    if isinstance(value, str):
        return _fit(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {_mended(key): _mended(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_mended(item) for item in cast("Sequence[object]", value)]
    return value

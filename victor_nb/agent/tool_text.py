"""What a model reads of a tool's result: text as it is, tables by their head, JSON where it can be, else the repr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Final, Protocol, cast

from pydantic import TypeAdapter

ROWS: Final = 20

_anything: TypeAdapter[Any] = TypeAdapter(Any)


class _Table(Protocol):
    shape: tuple[int, ...]

    def head(self, n: int) -> _Table: ...
    def to_string(self) -> str: ...


def result_text(value: object) -> str:
    """Never raises: what cannot be written even by its repr is named by its type."""
    if isinstance(value, str):
        return value
    try:
        if _is_table(value):
            return _table_text(cast("_Table", value))
        if _is_scalar(value):
            value = cast("Any", value).item()
        if isinstance(value, Iterator):  # to write it as JSON would consume it, perhaps for ever
            return _safe_repr(cast("object", value))
        return _anything.dump_json(value).decode()
    except Exception:  # noqa: BLE001 (a user's object may raise anything while it is read)
        return _safe_repr(cast("object", value))


def error_text(error: BaseException, limit: int = 1000) -> str:
    """`ValueError: message`, on one line."""
    try:
        message = " ".join(str(error).split())
    except Exception:  # noqa: BLE001 (as above)
        message = ""
    return f"{type(error).__name__}: {message}"[:limit] if message else type(error).__name__


def capped(text: str, limit: int) -> tuple[str, bool]:
    """`text` up to `limit` characters, and whether it was cut; a cut text says so."""
    if len(text) <= limit:
        return text, False
    return f"{text[:limit]}\n… (cut: the first {limit:,} of {len(text):,} characters)", True


def _is_table(value: object) -> bool:
    pandas = sys.modules.get("pandas")  # what was never imported cannot have made the value
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series))


def _is_scalar(value: object) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _table_text(table: _Table) -> str:
    shape = " × ".join(f"{size:,} {unit}" for size, unit in zip(table.shape, ("rows", "columns"), strict=False))
    rows = f", the first {ROWS}" if table.shape[0] > ROWS else ""
    return f"{type(table).__name__} of {shape}{rows}:\n{table.head(ROWS).to_string()}"


def _safe_repr(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # noqa: BLE001 (as above)
        return f"<a {type(value).__name__} whose repr failed>"

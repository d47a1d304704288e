"""What a column of a table holds, in a few words: its range and mean, or how many distinct values and which.

Large tables are told by every n-th row, so that no view takes seconds. Knows the columns of pandas, polars and pyarrow
and imports none. Never raises: a column that cannot be summed up has no facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

MAX_CELLS: Final = 2_000_000
"""Of a table that is looked at whole."""
_MAX_LISTED: Final = 5
_MAX_VALUE_CHARS: Final = 30


def step_of(rows: int, columns: int) -> int:
    """Every how-many-eth row is looked at."""
    return max(1, rows * columns // MAX_CELLS)


def every(step: int) -> str:
    """`every 3rd`"""
    ending = "th" if step % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(step % 10, "th")
    return f"every {step:,}{ending}"


def _safely(facts: Callable[[Any], str]) -> Callable[[Any], str]:
    def safe(column: Any) -> str:
        try:
            return facts(column)
        except Exception:  # noqa: BLE001 (cells may be of the user's own types, and of several in one column)
            return ""

    return safe


@_safely
def pandas_facts(series: Any) -> str:
    kind = getattr(series.dtype, "kind", "O")
    if kind == "b":
        return _true(series.mean())
    if kind in "iufM" and series.count() > 0:
        return _range(series.min(), series.max(), series.mean() if kind != "M" else None)
    return "" if kind in "mcV" else _distinct(series.nunique(), series.dropna().unique()[: _MAX_LISTED + 1])


@_safely
def polars_facts(series: Any) -> str:
    kind = series.dtype
    if kind.is_numeric() or kind.is_temporal():
        mean = series.mean() if kind.is_numeric() else None
        return "" if series.min() is None else _range(series.min(), series.max(), mean)
    if str(kind) == "Boolean":
        return _true(series.mean())
    known = series.drop_nulls()
    return "" if kind.is_nested() else _distinct(known.n_unique(), known.unique(maintain_order=True).to_list())


@_safely
def arrow_facts(column: Any) -> str:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, compute = column.type, pc
    if pa.types.is_boolean(kind):
        return _true(compute.mean(column).as_py())
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_temporal(kind):
        found = compute.min_max(column).as_py()
        mean = None if pa.types.is_temporal(kind) else compute.mean(column).as_py()
        return "" if found["min"] is None else _range(found["min"], found["max"], mean)
    known = column.drop_null().unique()
    return _distinct(len(known), known.slice(0, _MAX_LISTED + 1).to_pylist())


def array_facts(array: Any) -> str:
    """Of numpy's; NaN and infinite numbers are left out."""
    import numpy as np

    if array.dtype.kind == "b":
        return _true(array.mean())
    if array.dtype.kind not in "iuf":
        return ""
    finite = array[np.isfinite(array)]
    return _range(finite.min(), finite.max(), finite.mean(dtype=float)) if finite.size else ""


def _true(share: Any) -> str:
    return "" if share is None or share != share else f"{100 * float(share):.3g} % true"


def _range(low: Any, high: Any, mean: Any) -> str:
    return f"{_shown(low)} to {_shown(high)}{'' if mean is None else f', mean {_shown(mean)}'}"


def _shown(value: Any) -> str:
    if isinstance(value, float) or hasattr(value, "is_integer"):
        return f"{value:.10g}" if abs(value) >= 1e6 else f"{value:.6g}"
    return str(value)


def _distinct(count: int, values: Iterable[Any]) -> str:
    listed = [_short(value) for value in values]
    return f"{count:,} distinct" + (f": {', '.join(listed)}" if len(listed) == count <= _MAX_LISTED else "")


def _short(value: object) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= _MAX_VALUE_CHARS else f"{text[: _MAX_VALUE_CHARS - 1]}…"

"""Tables and arrays in words: what there is (rows, columns, types, missing values) and a sample, each under a cap.

Knows pandas, polars, pyarrow and numpy, and imports none: what was never imported cannot have made the value.
"""

from __future__ import annotations

import csv
import io
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from victor_nb.agent.tools.columns import array_facts, arrow_facts, every, pandas_facts, polars_facts, step_of

MAX_ROWS: Final = 20
MAX_COLUMNS: Final = 40
MAX_SAMPLE_CHARS: Final = 8_000
_MAX_CELL_CHARS: Final = 100
_MAX_NAME_CHARS: Final = 80
_MAX_OTHER_NAMES_CHARS: Final = 1_000
_MAX_ITEMS: Final = 200
_FACTS: Final = "ranges, means and distinct values"


@dataclass(frozen=True, slots=True)
class TableText:
    """`truncated` where the sample is not the whole."""

    text: str
    truncated: bool


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    dtype: str
    missing: int
    facts: str = ""
    about: bool = False

    def __str__(self) -> str:
        missing = f"{'about ' if self.about else ''}{self.missing:,} missing" if self.missing else ""
        return f"{self.name}: {', '.join(filter(None, [self.dtype, missing, self.facts]))}"


@dataclass(frozen=True, slots=True)
class _Sheet:
    """The part of a table that is shown. `header` and the `sample`'s rows may start with the index; the facts of its
    columns are of every `step`-th row."""

    head: str
    rows: int
    columns: Sequence[_Column]
    others: Sequence[str]
    header: Sequence[str]
    sample: Sequence[Sequence[object]]
    listed: bool = True
    step: int = 1


def table_text(value: object, sample_chars: int = MAX_SAMPLE_CHARS) -> TableText | None:
    """None when the value is no table that is known here. May raise what reading it raises."""
    for package, read in _READERS.items():
        module = sys.modules.get(package)
        if module is not None and (found := read(module, value)) is not None:
            return _written(found, sample_chars) if isinstance(found, _Sheet) else found
    return None


def _pandas(pandas: Any, value: Any) -> _Sheet | None:
    if isinstance(value, pandas.Index):
        value = value.to_series(index=range(len(value)))
    if isinstance(value, pandas.Series):
        return _pandas_series(pandas, value)
    return _pandas_frame(pandas, value) if isinstance(value, pandas.DataFrame) else None


def _pandas_series(pandas: Any, value: Any) -> _Sheet:
    named = "" if value.name is None else f" {_name(value.name)!r}"
    step = step_of(len(value), 1)
    column = _pandas_column(_name(value.name), value, step)
    head = f"Series{named} of {_count(len(value), 'row')}, {str(column).partition(': ')[2]}"
    index = _pandas_index(pandas, value)
    sample = [[*row, cell] for row, cell in zip(index.rows, value.iloc[:MAX_ROWS].tolist(), strict=True)]
    header = [*index.names, _name(value.name)]
    return _Sheet(head, len(value), [column], (), header, sample, listed=False, step=step)


def _pandas_column(name: str, series: Any, step: int) -> _Column:
    """Counting what is missing among objects takes a look at each; other types know it."""
    part = series.iloc[::step] if step > 1 else series
    facts = pandas_facts(part) if len(series) > MAX_ROWS else ""
    if step == 1 or series.dtype != object:
        return _Column(name, str(series.dtype), int(series.isna().sum()), facts)
    missing = round(float(part.isna().mean()) * len(series))
    return _Column(name, str(series.dtype), missing, facts, about=True)


def _pandas_frame(pandas: Any, value: Any) -> _Sheet:
    rows, width = value.shape
    shown = value.iloc[:, :MAX_COLUMNS]
    names = [_name(name) for name in value.columns]
    step = step_of(rows, shown.shape[1])
    columns = [_pandas_column(names[n], shown.iloc[:, n], step) for n in range(shown.shape[1])]
    index = _pandas_index(pandas, value)
    cells = zip(*(shown.iloc[:MAX_ROWS, n].tolist() for n in range(shown.shape[1])), strict=True)
    bodies: list[list[Any]] = [list(row) for row in cells] if columns else [[] for _ in index.rows]
    sample = [[*start, *body] for start, body in zip(index.rows, bodies, strict=True)]
    head = f"DataFrame of {_count(rows, 'row')} × {_count(width, 'column')}"
    return _Sheet(head, rows, columns, names[MAX_COLUMNS:], [*index.names, *names[:MAX_COLUMNS]], sample, step=step)


@dataclass(frozen=True, slots=True)
class _Index:
    """The index of the sampled rows; no names and empty rows when it only counts."""

    names: list[str]
    rows: list[list[object]]


def _pandas_index(pandas: Any, value: Any) -> _Index:
    index = value.index[:MAX_ROWS]
    if isinstance(index, pandas.RangeIndex) and (index.start, index.step) == (0, 1):
        return _Index([], [[] for _ in index])
    names = [_name(name) if name is not None else "index" for name in index.names]
    rows = [list(key) if isinstance(index, pandas.MultiIndex) else [key] for key in index.tolist()]
    return _Index(names, rows)


def _polars(polars: Any, value: Any) -> _Sheet | TableText | None:
    if isinstance(value, polars.Series):
        step = step_of(len(value), 1)
        column = _polars_column(value, step)
        head = f"polars Series {column.name!r} of {_count(len(value), 'row')}, {str(column).partition(': ')[2]}"
        sample = [[cell] for cell in value.head(MAX_ROWS).to_list()]
        return _Sheet(head, len(value), [column], (), [column.name], sample, listed=False, step=step)
    if isinstance(value, polars.LazyFrame):
        columns = [f"- {_name(name)}: {dtype}" for name, dtype in value.collect_schema().items()][:MAX_COLUMNS]
        return TableText("\n".join(["polars LazyFrame, not collected. Columns:", *columns]), True)
    if not isinstance(value, polars.DataFrame):
        return None
    shown = value[:, :MAX_COLUMNS]
    step = step_of(value.height, shown.width)
    columns = [_polars_column(series, step) for series in shown.get_columns()]
    head = f"polars DataFrame of {_count(value.height, 'row')} × {_count(value.width, 'column')}"
    sample = shown.head(MAX_ROWS).rows()
    header = [column.name for column in columns]
    return _Sheet(head, value.height, columns, value.columns[MAX_COLUMNS:], header, sample, step=step)


def _polars_column(series: Any, step: int) -> _Column:
    facts = polars_facts(series.gather_every(step)) if len(series) > MAX_ROWS else ""
    return _Column(_name(series.name), str(series.dtype), series.null_count(), facts)


def _pyarrow(pyarrow: Any, value: Any) -> _Sheet | None:
    if not isinstance(value, pyarrow.Table):
        return None
    names = value.column_names
    shown = value.select(range(min(MAX_COLUMNS, len(names))))
    step = step_of(value.num_rows, len(shown.columns))
    part = shown.take(pyarrow.array(range(0, value.num_rows, step))) if step > 1 else shown
    facts = [arrow_facts(column) if value.num_rows > MAX_ROWS else "" for column in part.columns]
    columns = [
        _Column(_name(field.name), str(field.type), column.null_count, told)
        for field, column, told in zip(shown.schema, shown.columns, facts, strict=True)
    ]
    head = f"Arrow Table of {_count(value.num_rows, 'row')} × {_count(len(names), 'column')}"
    cells = [column.slice(0, MAX_ROWS).to_pylist() for column in shown.columns]
    header = [column.name for column in columns]
    sample = list(zip(*cells, strict=True))
    return _Sheet(head, value.num_rows, columns, names[MAX_COLUMNS:], header, sample, step=step)


def _numpy(numpy: Any, value: Any) -> TableText | None:
    if not isinstance(value, numpy.ndarray) or value.ndim == 0 or _holds_figures(value):
        return None
    shape = " × ".join(f"{size:,}" for size in value.shape)
    missing = int(numpy.isnan(value).sum()) if value.dtype.kind in "fc" else 0
    told = f", {missing:,} NaN" if missing else ""
    told += _numpy_facts(value) if value.size > _MAX_ITEMS else ""
    sample = numpy.array2string(value, threshold=_MAX_ITEMS, edgeitems=3, max_line_width=120, precision=8)
    whole = value.size <= _MAX_ITEMS
    kind = type(value).__name__ if type(value) is not numpy.ndarray else "Array"
    note = "" if whole else ", a sample"
    return TableText(f"{kind} of shape {shape}, {value.dtype}{told}{note}:\n{sample[:MAX_SAMPLE_CHARS]}", not whole)


def _numpy_facts(value: Any) -> str:
    """`, 0 to 1, mean 0.5`; of every n-th slice along the longest axis where there are many numbers."""
    axis, step = value.shape.index(max(value.shape)), step_of(value.size, 1)
    part = value[(slice(None),) * axis + (slice(None, None, step),)]
    facts = array_facts(part)
    return f", {facts}{f' (of {every(step)})' if step > 1 else ''}" if facts else ""


def _holds_figures(value: Any) -> bool:
    """What `plt.subplots()` gives beside its figure is an array of axes: a picture, not a table."""
    return value.dtype == object and value.size > 0 and type(value.flat[0]).__module__.startswith("matplotlib.")


_READERS: Final[dict[str, Callable[[Any, Any], _Sheet | TableText | None]]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "numpy": _numpy,
}


def _written(sheet: _Sheet, sample_chars: int) -> TableText:
    rows = [[_cell(cell) for cell in row] for row in sheet.sample] if sheet.header else []
    lines = _lines([list(sheet.header), *rows], sample_chars) if rows else []
    shown = len(lines) - 1 if lines else 0
    which = f" ({_FACTS} are of {every(sheet.step)} row)" if sheet.step > 1 and not sheet.listed else ""
    return TableText(
        "\n".join([f"{sheet.head}{which}.", *_columns(sheet), *_sample(sheet.rows, shown), *lines]),
        shown < sheet.rows or bool(sheet.others),
    )


def _columns(sheet: _Sheet) -> list[str]:
    if not sheet.listed or not sheet.columns:
        return []
    which = f" ({_FACTS} are of {every(sheet.step)} row)" if sheet.step > 1 else ""
    found = [f"Columns{which}:", *(f"- {column}" for column in sheet.columns)]
    if sheet.others:
        names = ", ".join(map(_name, sheet.others))
        cut = f"{names[:_MAX_OTHER_NAMES_CHARS]}…" if len(names) > _MAX_OTHER_NAMES_CHARS else names
        found.append(f"- and {len(sheet.others):,} more: {cut}")
    return found


def _sample(rows: int, shown: int) -> list[str]:
    if not shown:
        return []
    return ["All rows:" if shown == rows else f"The first {shown:,} rows:" if shown > 1 else "The first row:"]


def _lines(rows: list[list[str]], most: int) -> list[str]:
    """CSV: no other form says as much in as few tokens. As many rows as fit, and always one below the header."""
    found: list[str] = []
    used = 0
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="").writerow(row)
        used += len(buffer.getvalue())
        if used > most and len(found) > 1:
            break
        found.append(buffer.getvalue())
    return found


def _cell(value: object) -> str:
    try:
        text = _number(value) if isinstance(value, float) else str(value)
    except Exception:  # noqa: BLE001 (a cell may hold any object of the user's)
        text = f"<{type(value).__name__}>"
    text = text.replace("\r", "\\r").replace("\n", "\\n")
    return text if len(text) <= _MAX_CELL_CHARS else f"{text[:_MAX_CELL_CHARS]}…"


def _number(value: float) -> str:
    if math.isfinite(value):
        return f"{value:.10g}"
    return "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"


def _name(value: object) -> str:
    if isinstance(value, tuple):
        text = "/".join(map(_cell, cast("tuple[object, ...]", value)))
    else:
        text = "value" if value is None else _cell(value)
    return text if len(text) <= _MAX_NAME_CHARS else f"{text[:_MAX_NAME_CHARS]}…"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"

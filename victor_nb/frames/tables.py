"""Rows of events become an Arrow table of the columns that were declared, and no others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from victor_nb.frames.arrow import arrow_type
from victor_nb.frames.columns import TAGS, Column, Dtype, Source
from victor_nb.frames.pairing import NONE, Rows
from victor_nb.frames.reading import Wanted

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.frames.pairing import Indices
    from victor_nb.frames.reading import Events

_FIELDS: Final[Mapping[Source, tuple[tuple[str, str], ...]]] = {
    "event": (("opened", ""), ("closed", "")),
    "opened": (("opened", ""),),
    "closed": (("closed", ""),),
    "before": (("opened", "data."),),
    "after": (("closed", "data."),),
    "latest": (("closed", "data."), ("opened", "data.")),
    "content before": (("opened", "content."),),
    "content after": (("closed", "content."),),
    "made": (),
}
"""Source → whose field it is, and what events call it; the first of two that is known."""


_NO_KEYS: Final[Mapping[str, Dtype]] = {}


def wanted_by(
    columns: Sequence[Column], side: Literal["opened", "closed"], keys: Mapping[str, Dtype] = _NO_KEYS
) -> Wanted:
    """What these columns, and `keys` besides (fields of the payload), need of the events of one side."""
    found: dict[str, dict[str, Dtype]] = {"": {}, "data.": {**keys}, "content.": {}}
    for column in columns:
        for its_side, prefix in _FIELDS[column.source]:
            if its_side == side:
                found[prefix][column.field] = column.dtype
    return Wanted(("kernel_run_id", "turn_id", *found[""]), found["data."], found["content."])


def to_table(
    rows: Rows, opened: Events, closed: Events, columns: Sequence[Column], made: Mapping[str, pa.Array]
) -> pa.Table:
    """One row for each of `rows`. `made` has the columns whose source is "made".

    Takes the events apart: their columns are let go when the table has no more use for them.
    """
    import pyarrow as pa

    sides = {"opened": _Side(opened, rows.opened), "closed": _Side(closed, rows.closed)}
    uses = Counter(field for column in columns for field in _reads(column))
    found: dict[str, Any] = {}
    for column in columns:
        found[column.name] = made[column.name] if column.source == "made" else _values(sides, column)
        for side, name in _reads(column):
            uses[side, name] -= 1
            if not uses[side, name]:
                sides[side].events.pop(name, None)
    schema = pa.schema([(column.name, arrow_type(column.dtype)) for column in columns])
    return _in_order_of_time(pa.table(found, schema=schema))


@dataclass(slots=True)
class _Side:
    """Events, and which of them each row takes its values from; `all` when each is its own row's, in this order."""

    events: Events
    indices: Indices
    all: bool = field(init=False)

    def __post_init__(self) -> None:
        import numpy as np

        count = len(self.events["position"])
        self.all = len(self.indices) == count and np.array_equal(self.indices, np.arange(count))

    def taken(self, name: str) -> pa.ChunkedArray:
        import pyarrow as pa

        values = self.events[name]
        return values if self.all else values.take(pa.array(self.indices, mask=self.indices == NONE))


def _reads(column: Column) -> list[tuple[str, str]]:
    return [(side, f"{prefix}{column.field}") for side, prefix in _FIELDS[column.source]]


def values_of(rows: Rows, opened: Events, closed: Events, column: Column) -> pa.ChunkedArray:
    """One column of what `to_table` makes, before it takes the events apart."""
    return _values({"opened": _Side(opened, rows.opened), "closed": _Side(closed, rows.closed)}, column)


def _values(sides: Mapping[str, _Side], column: Column) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    first, *other = [(sides[side], name) for side, name in _reads(column)]
    values = first[0].taken(first[1])
    if other and values.null_count:
        values = pc.coalesce(values, other[0][0].taken(other[0][1]))
    return values.fill_null("{}") if column.field == TAGS else values


def _in_order_of_time(table: pa.Table) -> pa.Table:
    """Where the clock was set back between its start and its end, a row ends its duration after its start."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if "completed_at" not in table.column_names:
        return table
    started, completed = table["started_at"], table["completed_at"]
    if not pc.any(pc.less(completed, started)).as_py():
        return table
    micros = pc.cast(pc.round(pc.multiply(table["duration_s"].fill_null(0.0), 1e6)), "int64")
    ended = pc.add(started, pc.cast(pc.max_element_wise(micros, pa.scalar(0, pa.int64())), pa.duration("us")))
    mended = pc.if_else(pc.less(completed, started), ended, completed)
    return table.set_column(table.column_names.index("completed_at"), "completed_at", mended)

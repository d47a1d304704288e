"""Events as Arrow columns: what a frame's columns ask for, read page by page and parsed page by page, so that no
more than one page of JSON is held at a time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from victor_nb.frames.arrow import arrow_type
from victor_nb.frames.columns import TIME, Dtype
from victor_nb.frames.payloads import parsed

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.frames.scope import Scope
    from victor_nb.records import EventQuery

Events: TypeAlias = "dict[str, pa.ChunkedArray]"
"""Column → values, one for each event in the order of the query; fields are called `data.x` and `content.x`."""

_ATTRIBUTES: Final[dict[str, Dtype]] = {
    "position": "Int64",
    "id": "string",
    "seq": "Int64",
    "session_id": "string",
    "type": "string",
    "timestamp_us": TIME,
    "turn_id": "string",
    "kernel_run_id": "string",
    "channel": "Int64",
    "data": "string",
    "content": "string",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to read of an event: attributes besides `position`, fields of its payload and of its content."""

    attributes: Sequence[str] = ()
    data: Mapping[str, Dtype] = field(default_factory=dict[str, "Dtype"])
    content: Mapping[str, Dtype] = field(default_factory=dict[str, "Dtype"])

    @property
    def own(self) -> list[str]:
        return list(dict.fromkeys(("position", *self.attributes)))

    @property
    def columns(self) -> list[str]:
        """What to ask the store for."""
        texts = (name for name, fields in (("data", self.data), ("content", self.content)) if fields)
        return list(dict.fromkeys((*self.own, *texts)))

    @property
    def dtypes(self) -> dict[str, Dtype]:
        data: dict[str, Dtype] = {f"data.{name}": dtype for name, dtype in self.data.items()}
        content: dict[str, Dtype] = {f"content.{name}": dtype for name, dtype in self.content.items()}
        own: dict[str, Dtype] = {name: _ATTRIBUTES[name] for name in self.own}
        return own | data | content


def read_events(scope: Scope, query: EventQuery, wanted: Wanted) -> Events:
    """The events of a query; columns have their dtype whether or not there is any."""
    pages = [_page(rows, wanted.columns, wanted) for rows in scope.pages(query, wanted.columns)]
    return _joined(pages, wanted)


def read_by_type(scope: Scope, query: EventQuery, wanted: Mapping[str, Wanted]) -> list[Events]:
    """The same, at once for several types of which different things are wanted, in the order of `wanted`."""
    columns = ["position", "type", *(name for each in wanted.values() for name in each.columns)]
    columns = list(dict.fromkeys(columns))
    pages: dict[str, list[Events]] = {type: [] for type in wanted}
    for rows in scope.pages(query, columns):
        for type, each in wanted.items():
            pages[type].append(_page([row for row in rows if row[1] == type], columns, each))
    return [_joined(pages[type], each) for type, each in wanted.items()]


def _joined(pages: Sequence[Events], wanted: Wanted) -> Events:
    import pyarrow as pa

    return {
        name: pa.chunked_array([page[name] for page in pages], arrow_type(dtype))
        for name, dtype in wanted.dtypes.items()
    }


def _page(rows: Sequence[tuple[Any, ...]], columns: Sequence[str], wanted: Wanted) -> dict[str, Any]:
    import pyarrow as pa

    values: dict[str, Sequence[Any]] = dict(zip(columns, zip(*rows, strict=True), strict=True)) if rows else {}
    found: dict[str, Any] = {name: pa.array(values.get(name, ()), arrow_type(_ATTRIBUTES[name])) for name in wanted.own}
    for source, fields in (("data", wanted.data), ("content", wanted.content)):
        arrays = parsed(values.get(source, ()), fields) if fields else {}
        found |= {f"{source}.{name}": array for name, array in arrays.items()}
    return found

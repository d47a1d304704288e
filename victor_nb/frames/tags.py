"""Tags of turns: choosing turns, and what belongs to them, by tag; and tags as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from victor_nb.frames.arrow import arrow_type
from victor_nb.frames.columns import TAGS
from victor_nb.frames.filters import tag_text
from victor_nb.frames.reading import Wanted, read_events

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.frames.scope import Scope

PREFIX = "tag_"


def tagged(turns: pa.Table, tags: Mapping[str, frozenset[str]]) -> pa.Table:
    """The turns that have all these tags, each with one of the values."""
    return turns.filter(_has(turns[TAGS], tags)) if tags else turns


def of_tagged_turns(table: pa.Table, scope: Scope, tags: Mapping[str, frozenset[str]]) -> pa.Table:
    """The rows that belong to such turns."""
    import pyarrow.compute as pc

    if not tags:
        return table
    started = read_events(scope, scope.query(["turn_started"]), Wanted(("turn_id",), {TAGS: "string"}))
    ids = started["turn_id"].filter(_has(started[f"data.{TAGS}"], tags))
    return table.filter(pc.is_in(table["turn_id"], value_set=ids, skip_nulls=True))


def expanded(turns: pa.Table) -> pa.Table:
    """With one column `tag_<name>` for each tag that any of them has, text, by name."""
    names = sorted({name for text in _distinct(turns[TAGS]) for name in _read(text)})
    for name in names:
        turns = turns.append_column(f"{PREFIX}{name}", values_of_tag(turns[TAGS], name))
    return turns


def values_of_tag(texts: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """One tag of each turn as text; null where there is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    values = {text: _read(text).get(name) for text in _distinct(texts)}
    shown = [None if value is None else tag_text(value) for value in values.values()]
    kind = arrow_type("string")
    return pa.chunked_array([pa.array(shown, kind)]).take(pc.index_in(texts, value_set=pa.array(values, kind)))


def _has(texts: pa.ChunkedArray, tags: Mapping[str, frozenset[str]]) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    fitting = [text for text in _distinct(texts) if _fits(_read(text), tags)]
    return pc.is_in(texts, value_set=pa.array(fitting, texts.type))


def _fits(found: Mapping[str, Any], tags: Mapping[str, frozenset[str]]) -> bool:
    return all(name in found and tag_text(found[name]) in values for name, values in tags.items())


def _distinct(texts: pa.ChunkedArray) -> list[str]:
    return [text for text in texts.unique().to_pylist() if text is not None]


def _read(text: str) -> Mapping[str, Any]:
    tags = json.loads(text)
    return tags if isinstance(tags, dict) else {}  # pyright: ignore[reportUnknownVariableType]

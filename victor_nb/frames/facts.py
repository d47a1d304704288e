"""The columns of turns that are added up, the short way: a store that keeps them as columns of its own gives them
without a payload being parsed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames.arrow import arrow_type
from victor_nb.frames.columns import TURNS, Dtype
from victor_nb.frames.pairing import NONE, Rows
from victor_nb.frames.payloads import without_nan
from victor_nb.frames.reading import Events, Wanted, read_events
from victor_nb.frames.scope import sliced
from victor_nb.frames.tables import to_table
from victor_nb.frames.turns import FEEDBACK, latest_feedback, turn_status

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.frames.scope import Scope

_KEPT: Final[dict[str, Dtype]] = {
    "status": "string",
    "model": "string",
    "provider": "string",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "cache_read_tokens": "Int64",
    "cost_usd": "Float64",
    "usage_source": "string",
    "duration_s": "Float64",
    "time_to_first_token_s": "Float64",
    "requests": "Int64",
    "tool_calls": "Int64",
}
"""What a store that reads columns has of a completed turn."""
_LATEST: Final[dict[str, Dtype]] = {"model": "string", "provider": "string"}
"""Those of them that a started event tells too."""
_OWN: Final = {"session_id": "session_id", "kernel_run_id": "kernel_run_id", "started_at": "timestamp_us"}
_GIVEN: Final = {"turn_id", "score", "label", *_OWN, *_KEPT}


def kept_facts(scope: Scope, names: Collection[str]) -> pa.Table | None:
    """These columns of `turns()`, as they are there but for the order of the rows; None when the store does not keep
    one of them, or when a turn is not what it should be, so that they have to be read the long way."""
    if not scope.reads_columns or not set(names) <= _GIVEN:
        return None
    attributes = ("turn_id", *(field for name, field in _OWN.items() if name in names))
    kept: dict[str, Dtype] = {name: dtype for name, dtype in _KEPT.items() if name in names or name == "status"}
    started = _kept(scope, "turn_started", Wanted(attributes))
    completed = _kept(scope, "turn_completed", Wanted(attributes, kept))
    rows = _matched(started, completed) if started and completed else None
    if not (started and completed and rows):
        return None
    started |= _told_at_the_start(scope, rows, started, completed, names)
    made = {"status": turn_status(rows, started, completed, scope.runs, lambda: completed["turn_id"])}
    made |= latest_feedback(rows, started, completed, _feedback(scope))
    return to_table(rows, started, completed, [column for column in TURNS if column.name in names], made)


def _kept(scope: Scope, type: str, wanted: Wanted) -> Events | None:
    """What the store has of events of a type without parsing their payloads."""
    import pyarrow as pa

    found = scope.rows(scope.query([type]), [*wanted.own, *wanted.data], ordered=False)
    types = [arrow_type(dtype) for dtype in wanted.dtypes.values()]
    pages: list[list[pa.Array]] = [[] for _ in types]
    try:
        for rows in sliced(found):
            for page, values, type_ in zip(pages, zip(*rows, strict=True), types, strict=True):
                page.append(without_nan(pa.array(values, type_)))
    except (pa.ArrowException, TypeError, OverflowError):  # of another type than it should be
        return None
    return {name: pa.chunked_array(page, type_) for name, page, type_ in zip(wanted.dtypes, pages, types, strict=True)}


def _matched(started: Events, completed: Events) -> Rows | None:
    """The rows of turns each of which was started at most once, and then completed at most once."""
    rows = _rows_of(started["turn_id"], completed["turn_id"])
    if rows is None:
        return None
    both = (rows.opened != NONE) & (rows.closed != NONE)
    began = started["position"].to_numpy()[rows.opened[both]]
    return None if (began > completed["position"].to_numpy()[rows.closed[both]]).any() else rows


def _rows_of(starts: pa.ChunkedArray, ends: pa.ChunkedArray) -> Rows | None:
    """Turns by their ids. An index gives both in one order, equal ids next to each other."""
    import numpy as np
    import pyarrow.compute as pc

    if starts.null_count or ends.null_count:
        return None
    opened = np.arange(len(starts))
    if starts.equals(ends) and not pc.any(pc.equal(starts[1:], starts[:-1])).as_py():
        return Rows(opened, opened)
    if any(len(ids.unique()) < len(ids) for ids in (starts, ends)):
        return None
    closed = pc.index_in(starts, value_set=ends).fill_null(NONE).to_numpy().astype("int64")
    unopened = np.flatnonzero(pc.invert(pc.is_in(ends, value_set=starts)).to_numpy())
    nothing = np.full(len(unopened), NONE)
    return Rows(np.concatenate([opened, nothing]), np.concatenate([closed, unopened]))


def _told_at_the_start(
    scope: Scope, rows: Rows, started: Events, completed: Events, names: Collection[str]
) -> dict[str, Any]:
    """What must be asked of the started events of turns whose end does not tell it; null for all others."""
    import numpy as np
    import pyarrow as pa

    latest: dict[str, Dtype] = {name: dtype for name, dtype in _LATEST.items() if name in names}
    silent = np.zeros(len(completed["position"]) + 1, dtype=bool)
    silent[NONE] = True
    for name in latest:
        silent[:-1] |= completed[f"data.{name}"].is_null().to_numpy()
    asked = np.flatnonzero(silent[rows.closed] & (rows.opened != NONE))
    positions = started["position"].to_numpy()
    asked = asked[np.argsort(positions[rows.opened[asked]])]
    query = replace(scope.query(["turn_started"]), positions=positions[rows.opened[asked]].tolist())
    told = read_events(scope, query, Wanted(("kernel_run_id",), latest))
    places = np.full(len(positions), NONE)
    places[rows.opened[asked]] = np.arange(len(asked))
    indices = pa.array(places, mask=places == NONE)
    return {name: values.take(indices) for name, values in told.items() if name not in started}


def _feedback(scope: Scope) -> Events:
    """An index knows where it is, and there is little of it."""
    found = sorted(scope.rows(scope.query(["feedback_given"]), ["position", "turn_id"], ordered=False))
    query = replace(scope.query(["feedback_given"]), positions=[position for position, _ in found])
    return read_events(scope, query, Wanted(("turn_id",), FEEDBACK))

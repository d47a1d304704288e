"""The columns of turns that are added up, the short way: a store that keeps them as columns of its own gives them
without a payload being parsed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames.arrow import arrow_type
from victor_nb.frames.columns import TURNS, Dtype
from victor_nb.frames.pairing import NONE, Rows, paired
from victor_nb.frames.payloads import without_nan
from victor_nb.frames.reading import Events, Wanted, read_events
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
_LATEST: Final = {name: dtype for name, dtype in _KEPT.items() if name in ("model", "provider")}
_OWN: Final = ("turn_id", "kernel_run_id", "session_id", "timestamp_us")
_GIVEN: Final = {"turn_id", "kernel_run_id", "session_id", "started_at", "score", "label", *_KEPT}


def kept_facts(scope: Scope, names: Collection[str]) -> pa.Table | None:
    """These columns of `turns()`, as they are there but for the order of the rows; None when the store does not keep
    one of them, or when a turn is not what it should be, so that they have to be read the long way."""
    if not scope.reads_columns or not _GIVEN >= set(names):
        return None
    started = read_events(scope, scope.query(["turn_started"]), Wanted(_OWN))
    completed = _completed(scope, names)
    if completed is None or started["turn_id"].null_count or completed["turn_id"].null_count:
        return None
    for side in (started, completed):
        side["data.turn_id"] = side["turn_id"]
    rows = paired(started, completed, "turn_id")
    started |= _of_unfinished(scope, rows, started, completed, names)
    given = read_events(scope, scope.query(["feedback_given"]), Wanted(("turn_id",), FEEDBACK))
    made = {"status": turn_status(rows, started, completed, scope)} | latest_feedback(rows, started, completed, given)
    return to_table(rows, started, completed, [column for column in TURNS if column.name in names], made)


def _completed(scope: Scope, names: Collection[str]) -> Events | None:
    import pyarrow as pa

    kept = {name: dtype for name, dtype in _KEPT.items() if name in names or name == "status"}
    found = scope.rows(scope.query(["turn_completed"]), ["position", *_OWN, *kept])
    values: Sequence[Sequence[Any]] = list(zip(*found, strict=True)) or [()] * (1 + len(_OWN) + len(kept))
    own = Wanted(_OWN).dtypes
    dtypes = {**own, **{f"data.{name}": dtype for name, dtype in kept.items()}}
    try:
        arrays = [pa.array(each, arrow_type(dtype)) for each, dtype in zip(values, dtypes.values(), strict=True)]
    except (pa.ArrowException, TypeError, OverflowError):  # of another type than it should be
        return None
    return {name: pa.chunked_array([without_nan(array)]) for name, array in zip(dtypes, arrays, strict=True)}


def _of_unfinished(
    scope: Scope, rows: Rows, started: Events, completed: Events, names: Collection[str]
) -> dict[str, Any]:
    """What the started events alone tell of turns whose end does not."""
    import numpy as np
    import pyarrow as pa

    wanted = {name: dtype for name, dtype in _LATEST.items() if name in names}
    silent = np.zeros(len(completed["position"]) + 1, dtype=bool)
    silent[NONE] = True
    for name in wanted:
        silent[:-1] |= completed[f"data.{name}"].is_null().to_numpy()
    asked = np.unique(rows.opened[silent[rows.closed] & (rows.opened != NONE)])
    positions = started["position"].to_numpy()
    query = replace(scope.query(["turn_started"]), positions=[int(position) for position in positions[asked]])
    told = read_events(scope, query, Wanted((), wanted)) if wanted else {}
    places = np.full(len(positions), NONE)
    places[asked] = np.arange(len(asked))
    indices = pa.array(places, mask=places == NONE)
    return {name: values.take(indices) for name, values in told.items() if name != "position"}

"""Turns: what is made of several events, namely how a turn ended and how it was rated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from victor_nb.frames.columns import TURN_ID, Column, Dtype
from victor_nb.frames.pairing import Rows, statuses
from victor_nb.frames.reading import Events, Wanted, read_events
from victor_nb.frames.tables import values_of

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.frames.scope import Scope
    from victor_nb.records import KernelRun

FEEDBACK: Final[Mapping[str, Dtype]] = {"score": "Float64", "label": "string"}
_RECORDED: Final = Column("status", "string", "after", "status")


def turn_status(
    rows: Rows,
    started: Events,
    completed: Events,
    runs: Sequence[KernelRun],
    completed_turns: Callable[[], pa.ChunkedArray],
) -> pa.ChunkedArray:
    """The status of turns, and of the requests and tool calls in them: as recorded, or `interrupted` where it never
    will be, or null while it may be."""
    import pyarrow.compute as pc

    cut_off = statuses(rows, started, {run.id: run for run in runs}, completed_turns)
    return pc.coalesce(values_of(rows, started, completed, _RECORDED), cut_off)


def turns_over(scope: Scope, *read: Events) -> pa.ChunkedArray:
    """The ids of turns that were over when these events were read: what came later may have ended more."""
    import pyarrow.compute as pc

    until_position = max((side["position"][-1].as_py() for side in read if len(side["position"])), default=0)
    found = read_events(scope, scope.query(["turn_completed"]), Wanted(("turn_id",)))
    return found["turn_id"].filter(pc.less_equal(found["position"], until_position))


def latest_feedback(rows: Rows, started: Events, completed: Events, given: Events) -> dict[str, pa.ChunkedArray]:
    """For each turn the score and label of the feedback that was given last."""
    latest = _places_of_last(given["turn_id"], values_of(rows, started, completed, TURN_ID[0]))
    return {name: given[f"data.{name}"].take(latest) for name in FEEDBACK}


def _places_of_last(ids: pa.ChunkedArray, wanted: pa.ChunkedArray) -> pa.Array:
    """For each of `wanted` the place of its last occurrence among `ids`, or null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    places = {id: place for place, id in enumerate(ids.to_pylist()) if id is not None}
    if not places:
        return pa.nulls(len(wanted), pa.int64())
    known = pc.index_in(wanted, value_set=pa.array(places, wanted.type), skip_nulls=True)
    return pa.array(list(places.values()), pa.int64()).take(known)

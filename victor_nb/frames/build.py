"""One function a frame: which events it is read from, how they become rows, and which of these are wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from victor_nb.frames import columns, ledger
from victor_nb.frames.arrow import arrow_type
from victor_nb.frames.columns import CONTENT, Column, Dtype
from victor_nb.frames.filters import Filter
from victor_nb.frames.pairing import paired, single
from victor_nb.frames.reading import Events, Wanted, read_by_type, read_events
from victor_nb.frames.scope import PAGE_ROWS, Scope
from victor_nb.frames.tables import to_table, wanted_by
from victor_nb.frames.tags import expanded, of_tagged_turns, tagged
from victor_nb.frames.turns import FEEDBACK, latest_feedback, turn_status, turns_over
from victor_nb.frames.undoing import with_undone

if TYPE_CHECKING:
    import pyarrow as pa

_STARTED: Final = "started_at completed_at"


@dataclass(frozen=True, slots=True)
class Request:
    """What a frame is asked for. `types` is of the frame of events alone."""

    scope: Scope
    filter: Filter
    content: bool = False
    expand_tags: bool = False
    types: Sequence[str] = ()

    def columns_of(self, frame: str, own: Sequence[Column]) -> Sequence[Column]:
        return (*own, *CONTENT[frame]) if self.content else own


def events(request: Request) -> pa.Table:
    return _alone(request, "events", request.types, columns.EVENTS)


def compactions(request: Request) -> pa.Table:
    return _alone(replace(request, content=False), "compactions", ["compaction"], columns.COMPACTIONS, with_undone)


def feedback(request: Request) -> pa.Table:
    return _alone(request, "feedback", ["feedback_given"], columns.FEEDBACK)


def requests(request: Request) -> pa.Table:
    return _pairs(request, "requests", "model_request", "request_id", columns.REQUESTS)


def tool_calls(request: Request) -> pa.Table:
    return _pairs(request, "tool_calls", "tool_call", "tool_call_id", columns.TOOL_CALLS)


def exports(request: Request) -> pa.Table:
    return request.filter.applied(ledger.exports(request.scope), "updated_at")


def turns(request: Request) -> pa.Table:
    scope, filter = request.scope, request.filter
    wanted = request.columns_of("turns", columns.TURNS)
    more = {"feedback_given": Wanted(("turn_id",), FEEDBACK)}
    started, completed, given = _sides(scope, "turn", "turn_id", wanted, more)
    rows = paired(started, completed, "turn_id")
    status = turn_status(rows, started, completed, scope.runs, lambda: completed["turn_id"])
    made = {"status": status} | latest_feedback(rows, started, completed, given)
    table = tagged(to_table(rows, started, completed, wanted, made), filter.tags)
    return filter.applied(expanded(table) if request.expand_tags else table, _STARTED)


def _alone(
    request: Request,
    frame: str,
    types: Sequence[str],
    own: Sequence[Column],
    completed: Callable[[pa.Table, Scope], pa.Table] = lambda table, scope: table,
) -> pa.Table:
    """A frame of one row an event, `completed` by what others say of it. What a limit leaves out is not read where
    nothing else decides."""
    scope, filter = request.scope, request.filter
    wanted = request.columns_of(frame, own)
    query = replace(scope.query(types), since_us=filter.since_us, until_us=filter.until_us)
    few = filter.limit is not None and filter.limit <= PAGE_ROWS and filter.where is None and not filter.tags
    if few:
        query = replace(query, newest_first=filter.newest_first, limit=filter.limit)
    found = read_events(scope, query, wanted_by(wanted, "opened"))
    table = completed(to_table(single(len(found["position"])), found, _nothing(wanted), wanted, {}), scope)
    return table if few else filter.applied(of_tagged_turns(table, scope, filter.tags), "timestamp")


def _pairs(request: Request, frame: str, prefix: str, id_field: str, own: Sequence[Column]) -> pa.Table:
    scope, filter = request.scope, request.filter
    wanted = request.columns_of(frame, own)
    started, completed = _sides(scope, prefix, id_field, wanted, {})
    rows = paired(started, completed, id_field)
    status = turn_status(rows, started, completed, scope.runs, lambda: turns_over(scope, started, completed))
    table = to_table(rows, started, completed, wanted, {"status": status})
    return filter.applied(of_tagged_turns(table, scope, filter.tags), _STARTED)


def _sides(
    scope: Scope, prefix: str, id_field: str, wanted: Sequence[Column], more: Mapping[str, Wanted]
) -> list[Events]:
    """The started and the completed events, and `more`, read at once."""
    keys: dict[str, Dtype] = {id_field: "string"}
    types: dict[str, Wanted] = {
        f"{prefix}_started": wanted_by(wanted, "opened", keys),
        f"{prefix}_completed": wanted_by(wanted, "closed", {**keys, "status": "string"}),
    }
    return read_by_type(scope, scope.query([*types, *more]), {**types, **more})


def _nothing(wanted: Sequence[Column]) -> Events:
    """The completed side of events that come alone."""
    import pyarrow as pa

    dtypes = wanted_by(wanted, "closed").dtypes
    return {name: pa.chunked_array([], arrow_type(dtype)) for name, dtype in dtypes.items()}

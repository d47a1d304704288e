"""One row per session, with the totals of its turns. A session may span several kernel runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames.arrow import arrow_type, from_lists, to_pandas
from victor_nb.frames.build import Request
from victor_nb.frames.columns import TIME, Column, Dtype
from victor_nb.frames.filters import Filter
from victor_nb.frames.pairing import is_over
from victor_nb.frames.reading import Wanted, read_events
from victor_nb.frames.summary import COUNTED, TOTALS, facts, totals
from victor_nb.frames.times import from_us

if TYPE_CHECKING:
    import pyarrow as pa

    from victor_nb.records import KernelRun

_TYPES: Final = ("session_started", "session_ended", "turn_started", "turn_completed")
_DTYPES: Final[Mapping[str, Dtype]] = {
    "session_id": "string",
    "kernel_run_id": "string",
    "started_at": TIME,
    "ended_at": TIME,
    "notebook": "string",
    "ended": "string",
    "kernel_runs": "Int64",
}
_COLUMNS: Final = tuple(Column(name, dtype, "made", name) for name, dtype in _DTYPES.items())
_FIRST_AND_LAST: Final = [
    ("timestamp_us", "first"),
    ("timestamp_us", "last"),
    ("kernel_run_id", "last"),
    ("type", "last"),
    ("kernel_run_id", "count_distinct"),
]


def sessions(request: Request) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    scope, filter = request.scope, request.filter
    wanted = Wanted(("session_id", "timestamp_us", "kernel_run_id", "type"))
    events = pa.table(read_events(scope, scope.query(_TYPES), wanted))
    runs = {run.id: run for run in scope.runs}
    grouped = events.group_by("session_id", use_threads=False).aggregate(_FIRST_AND_LAST).to_pylist()
    rows = [_row(found, runs) for found in grouped]
    table = from_lists({name: [row[name] for row in rows] for name in _DTYPES}, _COLUMNS)
    table = _with_totals(table, Request(scope, Filter(tags=filter.tags)))
    return filter.applied(table.filter(pc.greater(table["turns"], 0)) if filter.tags else table, "started_at")


def _with_totals(table: pa.Table, request: Request) -> pa.Table:
    import pyarrow as pa

    names = ["session_id", "status", "usage_source", *(name for name in TOTALS if name not in COUNTED)]
    frame = to_pandas(facts(request, names))
    sums = totals(frame, ["session_id"]).reindex(table["session_id"].to_pylist())
    sums = sums.fillna(dict.fromkeys(COUNTED, 0))
    for name, dtype in TOTALS.items():
        table = table.append_column(name, pa.array(sums[name].array, arrow_type(dtype)))
    return table


def _row(found: Mapping[str, Any], runs: Mapping[str, KernelRun]) -> dict[str, Any]:
    run = runs.get(found["kernel_run_id_last"])
    ended = _ended(found["type_last"], run)
    return {
        "session_id": found["session_id"],
        "kernel_run_id": found["kernel_run_id_last"],
        "started_at": found["timestamp_us_first"],
        "ended_at": None if ended == "open" else _ended_at(found, run),
        "notebook": run.notebook if run else None,
        "ended": ended,
        "kernel_runs": found["kernel_run_id_count_distinct"],
    }


def _ended(last_type: str, run: KernelRun | None) -> str:
    if last_type == "session_ended" or (run is not None and run.ended_at_us is not None):
        return "clean"
    return "killed" if is_over(run) else "open"


def _ended_at(found: Mapping[str, Any], run: KernelRun | None) -> Any:
    """A killed session ended with the last that was heard of it; none ended before it began, whatever the clock did."""
    last = found["timestamp_us_last"]
    if found["type_last"] != "session_ended" and run is not None and run.ended_at_us is not None:
        last = from_us(run.ended_at_us)
    return max(last, found["timestamp_us_first"])

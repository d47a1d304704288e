"""One row per session, with the totals of its turns. A session may span several kernel runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames.columns import TIME, Dtype
from victor_nb.frames.pairing import is_over
from victor_nb.frames.summary import TOTALS, totals
from victor_nb.frames.tables import from_values

if TYPE_CHECKING:
    import pandas as pd

    from victor_nb.protocols import KernelRun, StoredEvent

SESSION_EVENTS: Final = ("session_started", "session_ended", "turn_started", "turn_completed")
SESSIONS: Final[Mapping[str, Dtype]] = {
    "session_id": "string",
    "kernel_run_id": "string",
    "started_at": TIME,
    "ended_at": TIME,
    "notebook": "string",
    "ended": "string",
    "kernel_runs": "Int64",
}


def session_frame(events: Sequence[StoredEvent], turns: pd.DataFrame, runs: Mapping[str, KernelRun]) -> pd.DataFrame:
    """The frame from the events of `SESSION_EVENTS` and the turns of the same scope."""
    by_session: dict[str, list[StoredEvent]] = {}
    for event in events:
        by_session.setdefault(event.session_id, []).append(event)
    rows = [_row(session_id, found, runs) for session_id, found in by_session.items()]
    sessions = from_values({name: ([row[name] for row in rows], dtype) for name, dtype in SESSIONS.items()})
    frame = sessions.merge(totals(turns, ["session_id"]), on="session_id", how="left")
    for name in ("turns", "errors", "interrupted", "cost_unknown"):
        frame[name] = frame[name].fillna(0)
    return frame.astype(dict(TOTALS))


def _row(session_id: str, events: Sequence[StoredEvent], runs: Mapping[str, KernelRun]) -> dict[str, Any]:
    last = events[-1]
    run = runs.get(last.kernel_run_id)
    ended = _ended(last, run)
    return {
        "session_id": session_id,
        "kernel_run_id": last.kernel_run_id,
        "started_at": events[0].timestamp_us,
        "ended_at": None if ended == "open" else _ended_at(last, run),
        "notebook": run.notebook if run else None,
        "ended": ended,
        "kernel_runs": len({event.kernel_run_id for event in events}),
    }


def _ended(last: StoredEvent, run: KernelRun | None) -> str:
    if last.type == "session_ended" or (run is not None and run.ended_at_us is not None):
        return "clean"
    return "killed" if is_over(run) else "open"


def _ended_at(last: StoredEvent, run: KernelRun | None) -> int:
    """A killed session ended with the last that was heard of it."""
    if last.type != "session_ended" and run is not None and run.ended_at_us is not None:
        return run.ended_at_us
    return last.timestamp_us

"""The latest turns for the dashboard, from the latest events alone: pairing all turns of a large store takes long."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast

from victor_nb.frames.pairing import is_over

if TYPE_CHECKING:
    import pandas as pd

    from victor_nb.frames.handle import Analytics


class LatestTurn(TypedDict):
    """As a row of `turns()`, with None for what is unknown."""

    started_at: pd.Timestamp | None
    model: str | None
    status: str | None
    error_type: str | None
    input_tokens: int | None
    output_tokens: int | None
    usage_source: str | None
    cost_usd: float | None
    duration_s: float | None


_TOLD: Final = tuple(LatestTurn.__annotations__)


def latest_turns(analytics: Analytics, most: int) -> list[LatestTurn]:
    """The newest first, of this notebook."""
    events = analytics.events(type=["turn_started", "turn_completed"], newest_first=True, limit=2 * most)
    runs = {run.id: run for run in analytics.store.runs()}
    turns: dict[tuple[str, str], dict[str, Any]] = {}
    columns = (events[name] for name in ("kernel_run_id", "turn_id", "type", "timestamp", "data"))
    for run_id, turn_id, type, timestamp, data in zip(*columns, strict=True):
        turn = turns.setdefault((run_id, str(turn_id)), dict.fromkeys(_TOLD))
        payload = _read(data)
        if type == "turn_completed":
            turn.update({name: payload[name] for name in _TOLD if name in payload})
            continue
        turn["started_at"] = timestamp
        turn["model"] = turn["model"] or payload.get("model")
        turn["status"] = turn["status"] or ("interrupted" if is_over(runs.get(run_id)) else None)
    begun = [turn for turn in turns.values() if turn["started_at"] is not None]
    newest_first = sorted(begun, key=lambda turn: turn["started_at"], reverse=True)
    return cast("list[LatestTurn]", newest_first[:most])


def _read(data: str) -> Mapping[str, Any]:
    payload: object = json.loads(data)
    return cast("Mapping[str, Any]", payload) if isinstance(payload, dict) else {}

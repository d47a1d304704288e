"""The list of stored sessions as a DataFrame: its columns and dtypes, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from victor_nb.records import SavedSession
from victor_nb.store.kept import described

if TYPE_CHECKING:
    import pandas as pd

_TIME: Final = "datetime64[us, UTC]"
DTYPES: Final = {
    "session_id": "string",
    "notebook": "string",
    "turns": "Int64",
    "messages": "Int64",
    "first_prompt": "string",
    "created_at": _TIME,
    "updated_at": _TIME,
    "size_bytes": "Int64",
    "held_by": "string",
    "held_here": "boolean",
}


def table(saved: Sequence[SavedSession], run_id: str) -> pd.DataFrame:
    """One row a session; `run_id` is the kernel run that asks."""
    import numpy as np
    import pandas as pd

    rows = [_row(session, run_id) for session in saved]
    columns = zip(*rows, strict=True) if rows else ((),) * len(DTYPES)
    found: dict[str, Any] = {}
    for (name, dtype), values in zip(DTYPES.items(), columns, strict=True):
        if dtype == _TIME:  # pandas would read numbers as nanoseconds
            found[name] = pd.DatetimeIndex(np.array(values, "datetime64[us]")).tz_localize("UTC")
        else:
            found[name] = pd.Series(list(values), dtype=cast("Any", dtype))
    return pd.DataFrame(found)


def _row(session: SavedSession, run_id: str) -> tuple[Any, ...]:
    known = _summary(session.summary)
    return (
        session.session_id,
        session.notebook or None,
        known.get("turns"),
        known.get("messages"),
        known.get("first_prompt"),
        session.created_at_us,
        session.updated_at_us,
        session.size_bytes,
        described(session.holder) if session.holder else None,
        session.holder is not None and session.holder.id == run_id,
    )


def _summary(text: str | None) -> dict[str, Any]:
    """Empty where something else has kept the session."""
    found: Any = json.loads(text) if text else None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

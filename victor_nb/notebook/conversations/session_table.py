"""The list of conversations that `%victor sessions` shows: those that are kept, with what was recorded of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pandas as pd

_KEPT: Final = ["session_id", "turns", "messages", "first_prompt", "updated_at", "held_by", "held_here", "size_bytes"]
_RECORDED: Final = {
    "session_id": "session_id",
    "ended": "ended",
    "turns": "turns_run",
    "input_tokens": "input_tokens",
    "output_tokens": "output_tokens",
    "cost_usd": "cost_usd",
}


def joined(kept: pd.DataFrame, recorded: pd.DataFrame) -> pd.DataFrame:
    """A row per session that is kept or has events; the one changed last comes first, and those not kept come last.

    `kept` tells whether the conversation can be gone on with. `turns` are those that stand in it, `turns_run` all that
    ran, also those that a cell has replaced. Where only one side knows of a session, the other's columns are NA.
    """
    right = recorded[list(_RECORDED)].rename(columns=_RECORDED)
    frame = kept[_KEPT].merge(right, on="session_id", how="outer")
    frame.insert(1, "kept", frame["session_id"].isin(kept["session_id"]).astype("boolean"))
    return frame.sort_values("updated_at", ascending=False, kind="stable", na_position="last", ignore_index=True)

"""Turns added up: by session for the frame of sessions, by any columns for `summary(by=)`.

An unknown price is NA and counted in `cost_unknown`, so that no sum hides it. Turns of the demo model are turns, but
their tokens are no model's tokens: they are in no total of tokens or cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.frames.columns import Dtype

if TYPE_CHECKING:
    import pandas as pd

TOTALS: Final[Mapping[str, Dtype]] = {
    "turns": "Int64",
    "errors": "Int64",
    "interrupted": "Int64",
    "requests": "Int64",
    "tool_calls": "Int64",
    "input_tokens": "Int64",
    "output_tokens": "Int64",
    "cache_read_tokens": "Int64",
    "cost_usd": "Float64",
    "cost_unknown": "Int64",
}
"""Column → dtype of what is added up."""

QUANTILES: Final = {
    "duration_s_p50": ("duration_s", 0.5),
    "duration_s_p95": ("duration_s", 0.95),
    "time_to_first_token_s_p50": ("time_to_first_token_s", 0.5),
}
_MEASURED: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cost_usd")


def summarise(turns: pd.DataFrame, by: str | Sequence[str]) -> pd.DataFrame:
    """One row per distinct value of the columns `by`, which come first; see `Analytics.summary`."""
    keys = _checked([by] if isinstance(by, str) else by, list(turns.columns))
    summary = totals(turns, keys)
    groups = turns.groupby(keys, dropna=False, sort=True)
    for name, (column, quantile) in QUANTILES.items():
        summary[name] = groups[column].quantile(quantile).astype("Float64").array
    return summary


def totals(turns: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The keys and the columns of `TOTALS`; a key that is itself such a column is not added up."""
    countable = _countable(turns)
    wanted = [name for name in TOTALS if name not in keys]
    frame = turns[list(keys)].assign(**{name: countable[name] for name in wanted})
    sums = frame.groupby(list(keys), dropna=False, sort=True)[wanted].sum(min_count=1)
    return sums.astype({name: TOTALS[name] for name in wanted}).reset_index()


def _countable(turns: pd.DataFrame) -> dict[str, Any]:
    """For every column of `TOTALS` what each turn adds to it."""
    measured = turns["usage_source"].ne("unmeasured").fillna(True)
    adds = {name: turns[name].where(measured) for name in _MEASURED}
    adds["turns"] = measured | True
    adds["errors"] = turns["status"].eq("error").fillna(False)
    adds["interrupted"] = turns["status"].eq("interrupted").fillna(False)
    sent = turns["requests"].ne(0).fillna(True)  # a turn that asked nobody costs nothing
    adds["cost_unknown"] = measured & sent & turns["cost_usd"].isna()
    for name in ("turns", "errors", "interrupted", "cost_unknown"):
        adds[name] = adds[name].astype("Int64")
    return {**adds, "requests": turns["requests"], "tool_calls": turns["tool_calls"]}


def _checked(by: Sequence[str], known: Sequence[str]) -> list[str]:
    for name in by:
        if name not in known:
            raise UsageError(
                f"turns have no column {name!r}.{did_you_mean(name, known)}",
                hint="by= takes one or several columns of turns(), such as model, session_id or status",
            )
    if not by:
        raise UsageError("summary() needs a column to go by.", hint='for example summary(by="model")')
    return list(dict.fromkeys(by))

"""Turns added up: by session for the frame of sessions, by any columns for `summary(by=)`.

An unknown price is NA and counted in `cost_unknown`, so that no sum hides it. Turns of the demo model are turns, but
their tokens are no model's tokens: they are in no total of tokens or cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.frames.arrow import to_pandas
from victor_nb.frames.build import Request, turns
from victor_nb.frames.columns import TAGS, TURNS, Dtype
from victor_nb.frames.facts import kept_facts
from victor_nb.frames.tags import PREFIX, values_of_tag

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

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
COUNTED: Final = ("turns", "errors", "interrupted", "cost_unknown")
"""Those of them that are never NA."""

_QUANTILES: Final = {
    f"{name}_p{percent}": (name, percent / 100)
    for name in ("duration_s", "time_to_first_token_s")
    for percent in (50, 95)
}
_PERIODS: Final = ("day", "hour")
_MEASURED: Final = ("input_tokens", "output_tokens", "cache_read_tokens", "cost_usd")
_ADDED_UP: Final = {"status", "usage_source", "requests", "tool_calls", *_MEASURED}
_COLUMNS: Final = tuple(column.name for column in TURNS)


def summarise(request: Request, by: str | Sequence[str] | None) -> pd.DataFrame:
    """One row per distinct value of the columns `by`, which come first; see `Analytics.summary`."""
    given = () if by is None else by
    keys = _checked([given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given))  # pyright: ignore[reportUnnecessaryIsInstance]
    needed = {"score", *_ADDED_UP, *(name for name, _ in _QUANTILES.values()), *map(_column_of, keys)}
    table = facts(request, needed)
    found = {f"by {key}": _values_of(table, key) for key in keys}
    for name, values in found.items():
        table = table.append_column(name, values)
    return _named(_summed(to_pandas(table), list(found)), keys)


def facts(request: Request, names: Iterable[str]) -> pa.Table:
    """These columns of `turns()`, in any order of rows."""
    wanted = sorted(set(names))
    kept = kept_facts(request.scope, wanted) if request.filter.takes_all else None
    return turns(replace(request, content=False, expand_tags=False)).select(wanted) if kept is None else kept


def totals(frame: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """The columns of `TOTALS` for each combination of the columns `keys`, which are the index."""
    countable = _countable(frame)
    adds = frame[list(keys)].assign(**{name: countable[name] for name in TOTALS})
    return adds.groupby(list(keys), dropna=False, sort=True)[list(TOTALS)].sum(min_count=1).astype(dict(TOTALS))


def _summed(frame: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    if not keys:
        return _whole(frame)
    summary = totals(frame, keys)
    groups = frame.groupby(keys, dropna=False, sort=True)
    summary["score"] = groups["score"].mean().astype("Float64").array
    for name, (column, quantile) in _QUANTILES.items():
        summary[name] = groups[column].quantile(quantile).astype("Float64").array
    return summary.reset_index()


def _whole(frame: pd.DataFrame) -> pd.DataFrame:
    """One row, also where there is no turn."""
    whole = _summed(frame.assign(all=True), ["all"])
    whole = whole.reindex([0]) if whole.empty else whole
    return whole.fillna(dict.fromkeys(COUNTED, 0)).drop(columns="all")


def _named(summary: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """A key that is itself added up stands in its place."""
    labels = [_label_of(key) for key in keys]
    summary = summary.drop(columns=[label for label in labels if label in summary])
    return summary.rename(columns={f"by {key}": label for key, label in zip(keys, labels, strict=True)})


def _countable(turns: pd.DataFrame) -> dict[str, Any]:
    """For every column of `TOTALS` what each turn adds to it."""
    measured = turns["usage_source"].ne("unmeasured").fillna(True)
    adds = {name: turns[name].where(measured) for name in _MEASURED}
    adds["turns"] = measured | True
    adds["errors"] = turns["status"].eq("error").fillna(False)
    adds["interrupted"] = turns["status"].eq("interrupted").fillna(False)
    sent = turns["requests"].ne(0).fillna(True)  # a turn that asked nobody costs nothing
    adds["cost_unknown"] = measured & sent & turns["cost_usd"].isna()
    for name in COUNTED:
        adds[name] = adds[name].astype("Int64")
    return {**adds, "requests": turns["requests"], "tool_calls": turns["tool_calls"]}


def _column_of(key: str) -> str:
    """The column of `turns()` that a key is made of."""
    if key in _PERIODS:
        return "started_at"
    return TAGS if _tag_of(key) else key


def _values_of(table: pa.Table, key: str) -> pa.ChunkedArray:
    import pyarrow.compute as pc

    values = table[_column_of(key)]
    if key in _PERIODS:
        return pc.floor_temporal(values, unit=key)
    return values_of_tag(values, tag) if (tag := _tag_of(key)) else values


def _tag_of(key: str) -> str:
    prefix = next((prefix for prefix in (PREFIX, "tag:") if key.startswith(prefix)), "")
    return key.removeprefix(prefix) if prefix else ""


def _label_of(key: str) -> str:
    return f"{PREFIX}{tag}" if (tag := _tag_of(key)) else key


def _checked(by: Sequence[str]) -> list[str]:
    for name in by:
        if name not in (*_COLUMNS, *_PERIODS) and not _tag_of(str(name)):
            raise UsageError(
                f"turns have no column {name!r}.{did_you_mean(str(name), (*_COLUMNS, *_PERIODS))}",
                hint='by= takes columns of turns() such as model or status, day, hour, and tags such as "tag:variant"',
            )
    return list(dict.fromkeys(by))

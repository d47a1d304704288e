"""What is drawn, before it is drawn: turns in order, gathered into bins when there are many, or split into groups.

Works on the frames of `Analytics`; knows nothing of matplotlib.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.frames.filters import tag_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_BARS: Final = 60
MOST_GROUPS: Final = 12
_TAG_PREFIXES: Final = ("tag:", "tag_")
_PERIODS: Final = {"day": "%Y-%m-%d", "hour": "%Y-%m-%d %H:00"}


@dataclass(frozen=True)
class Bins:
    """Rows in order, `size` of them to a bin: `of` is each row's bin, `centres` where the bins are, counted from 1."""

    size: int
    of: np.ndarray[Any, Any]
    centres: np.ndarray[Any, Any]

    @property
    def width(self) -> float:
        return self.size * 0.85


def bins(rows: int, most: int = MOST_BARS) -> Bins:
    import numpy as np

    size = max(1, -(-rows // most))
    of = np.arange(rows) // size
    starts = np.arange(0, rows, size)
    ends = np.minimum(starts + size, rows)
    return Bins(size, of, (starts + 1 + ends) / 2)


def each(size: int, what: str = "turn") -> str:
    """`per turn`, or what a bin of several is."""
    return f"per {what}" if size == 1 else f"per {what}, mean of {size:,} {what}s a bar"


def grouped(frame: pd.DataFrame, by: str | Sequence[str]) -> list[tuple[str, pd.DataFrame]]:
    """The frame's rows by the value of a column, of several, or of a tag (`tag:variant`), the largest groups first.
    What is more than `MOST_GROUPS` is one group of the others.

    Raises:
        UsageError: there is no such column.
    """
    names = [by] if isinstance(by, str) else list(by)
    keys = [_values(frame, name).fillna("(none)") for name in names]
    if not keys:
        raise UsageError("by= needs a column to go by.", hint='for example by="model"')
    joined = keys[0]
    for more in keys[1:]:
        joined = joined.str.cat(more, sep=" · ")
    sizes = joined.value_counts()
    kept = list(sizes.index[:MOST_GROUPS] if len(sizes) <= MOST_GROUPS else sizes.index[: MOST_GROUPS - 1])
    others = frame[~joined.isin(kept)]
    last = [(f"{len(sizes) - len(kept):,} others", others)] if len(others) else []
    return [*((str(name), frame.loc[joined == name]) for name in kept), *last]


def _values(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """As text: of a column, of a tag, or the day or hour (UTC) in which a turn began."""
    import pandas as pd

    if name in frame.columns:
        return frame[name].astype("string")
    if name in _PERIODS:
        return frame["started_at"].dt.strftime(_PERIODS[name]).astype("string")
    tags = [json.loads(text) for text in frame["tags"].fillna("{}")] if "tags" in frame.columns else []
    prefix = next((prefix for prefix in _TAG_PREFIXES if name.startswith(prefix)), "")
    if prefix and any(name.removeprefix(prefix) in found for found in tags):
        values = [found.get(name.removeprefix(prefix)) for found in tags]
        texts = [value if value is None else tag_text(value) for value in values]
        return pd.Series(texts, index=frame.index, dtype="string")
    known = [
        *frame.columns,
        *_PERIODS,
        *(f"tag:{tag}" for tag in dict.fromkeys(tag for found in tags for tag in found)),
    ]
    raise UsageError(
        f"there is no column {name!r} to go by.{did_you_mean(name, known)}",
        hint='by= takes a column of the frame, day, hour, or a tag as in by="tag:variant"',
    )


def span(times: pd.Series[Any]) -> str:
    """`22 Nov 2026, 17:41 to 18:02 UTC`"""
    known = times.dropna()
    if known.empty:
        return ""
    first, last = known.min(), known.max()
    day, minute = "%d %b %Y", "%H:%M"
    if last - first < timedelta(minutes=1):
        return f"{first.strftime(f'{day}, {minute}')} UTC"
    if first.date() == last.date():
        return f"{first.strftime(day)}, {first.strftime(minute)} to {last.strftime(minute)} UTC"
    return f"{first.strftime(f'{day}, {minute}')} to {last.strftime(f'{day}, {minute}')} UTC"


def count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def joined_notes(*notes: str) -> str:
    return " · ".join(note for note in notes if note)


def measured(turns: pd.DataFrame) -> pd.Series[bool]:
    """Whether tokens and price are a model's; the demo's are nobody's."""
    return turns["usage_source"].ne("unmeasured").fillna(True).astype(bool)


def price_unknown(turns: pd.DataFrame) -> pd.Series[bool]:
    """As `summary()` counts it: a turn that asked nobody costs nothing."""
    asked = turns["requests"].ne(0).fillna(True).astype(bool)
    return measured(turns) & asked & turns["cost_usd"].isna()


def floats(values: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """As plain floats, NaN for NA."""
    return values.to_numpy(dtype="float64", na_value=float("nan"))

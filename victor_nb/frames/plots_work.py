"""Tool calls by tool, and the size of each conversation's context. Imported by the first plot."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (matplotlib leaves its keyword arguments without types)
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from victor_nb.frames import plots_series as series
from victor_nb.frames.plots_figure import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    VERMILION,
    bars_height,
    canvas,
    colours,
    empty,
    grid,
    label,
    legend,
    whole_numbers,
)
from victor_nb.frames.plots_series import count, joined_notes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from victor_nb.frames.plots_figure import VictorFigure

_STATUSES: Final = {
    "ok": GREEN,
    "error": VERMILION,
    "denied": ORANGE,
    "interrupted": GREY,
    "unknown_tool": "#CC79A7",
    "invalid_arguments": "#8C6D00",
    "running": BLUE,
}
_MOST_LINES: Final = 7
_MARKED_UP_TO: Final = 60


def draw_tools(calls: pd.DataFrame, by: str | Sequence[str]) -> VictorFigure:
    if calls.empty:
        return empty("Tool calls", "No tool was called.")
    groups = series.grouped(calls, by)
    name = label(by if isinstance(by, str) else ", ".join(by))
    note = joined_notes(count(len(calls), "call"), series.span(calls["started_at"]))
    with canvas(f"Tool calls by {name}", note, height_in=bars_height(len(groups))) as (figure, axes):
        left = np.zeros(len(groups))
        for status, colour in _STATUSES.items():
            numbers = np.array([rows["status"].fillna("running").eq(status).sum() for _, rows in groups])
            if numbers.any():
                axes.barh(range(len(groups)), numbers, left=left, color=colour, height=0.7, label=status)
                left += numbers
        for place, (_, rows) in enumerate(groups):
            axes.annotate(_median(rows), (left[place], place), va="center", fontsize=9, annotation_clip=False)
        axes.set_yticks(range(len(groups)), [label(group) for group, _ in groups])
        axes.set_ylim(len(groups) - 0.4, -0.6)
        axes.set_xlim(0, max(left) * 1.25 or 1)
        axes.tick_params(axis="y", length=0)
        whole_numbers(axes.xaxis)
        axes.set_xlabel("calls")
        grid(axes, "x")
        legend(axes, len(axes.containers))
    return figure


def _median(rows: pd.DataFrame) -> str:
    times = rows["duration_s"].dropna()
    return f" median {float(times.median()):.2g} s" if len(times) else ""


def draw_context(turns: pd.DataFrame, compactions: pd.DataFrame, by: str | Sequence[str] | None) -> VictorFigure:
    """A line for each session; with `by`, in the colour of its group."""
    sized = turns[turns["context_tokens"].notna() & turns["turn_index"].notna()]
    if sized.empty:
        return empty("Context", "No turns to show yet." if turns.empty else "No turn has sent a request yet.")
    done = compactions[compactions["outcome"].eq("completed").fillna(False)]
    smaller = sized[sized["turn_id"].isin(done["turn_id"])]
    note = joined_notes(
        count(sized["session_id"].nunique(), "session"), count(len(done), "compaction"), _fullest(sized)
    )
    with canvas("Context sent with each turn", note) as (figure, axes):
        drawn = _by_session(axes, sized) if by is None else _by_group(axes, sized, by)
        if len(smaller):
            axes.plot(
                _numbers(smaller, "turn_index"), _numbers(smaller, "context_tokens"), "v", color=INK, label="compacted"
            )
        axes.set_xlabel("turn of the session")
        axes.set_ylabel("tokens, counted before sending")
        axes.set_ylim(0, float(sized["context_tokens"].max()) * 1.1 or 1)
        whole_numbers(axes.xaxis)
        whole_numbers(axes.yaxis)
        grid(axes)
        legend(axes, drawn + len(smaller))
    return figure


def _fullest(sized: pd.DataFrame) -> str:
    fractions = sized["context_fraction"].dropna()
    if fractions.empty:
        return ""
    percent = 100 * float(fractions.max())
    return f"fullest: {percent:.0f} % of the window" if percent >= 1 else "fullest: less than 1 % of the window"


def _by_session(axes: Axes, sized: pd.DataFrame) -> int:
    """The latest sessions in colour; if there are more, the others behind them in grey."""
    latest = list(dict.fromkeys(sized["session_id"].iloc[::-1]))[:_MOST_LINES]
    others = sized[~sized["session_id"].isin(latest)]
    if len(others):
        _lines(axes, others, "#D0D0D0", f"{others['session_id'].nunique():,} others")
    for colour, session in zip(colours(len(latest)), reversed(latest), strict=True):
        _lines(axes, sized[sized["session_id"].isin([session])], colour, label(session))
    return len(axes.lines)


def _by_group(axes: Axes, sized: pd.DataFrame, by: str | Sequence[str]) -> int:
    groups = series.grouped(sized, by)
    for colour, (name, rows) in zip(colours(len(groups)), groups, strict=True):
        _lines(axes, rows, colour, label(name))
    return len(axes.lines)


def _lines(axes: Axes, rows: pd.DataFrame, colour: str, name: str) -> None:
    """All sessions among `rows` in one go, with a gap between them: thousands of lines would take a minute."""
    ordered = rows.sort_values(["session_id", "turn_index"], kind="stable")
    sessions = ordered["session_id"].to_numpy(dtype=object)
    breaks = np.flatnonzero(sessions[1:] != sessions[:-1]) + 1
    x = np.insert(_numbers(ordered, "turn_index"), breaks, np.nan)
    y = np.insert(_numbers(ordered, "context_tokens"), breaks, np.nan)
    axes.plot(x, y, marker="o" if len(rows) <= _MARKED_UP_TO else ".", ms=4, linewidth=1.5, color=colour, label=name)


def _numbers(rows: pd.DataFrame, column: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return series.floats(rows[column])

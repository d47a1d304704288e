"""Tokens, cost and latency of turns, drawn in the order of the turns or by group. Imported by the first plot."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (matplotlib leaves its keyword arguments without types)
from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from victor_nb.frames import plots_series as series
from victor_nb.frames.plots_figure import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    VERMILION,
    bars_height,
    canvas,
    dollars,
    empty,
    grid,
    label,
    legend,
    usd,
    whole_numbers,
)
from victor_nb.frames.plots_series import Bins, count, joined_notes

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from victor_nb.frames.plots_figure import VictorFigure

By = str | Sequence[str] | None
_NO_TURNS: Final = "No turns to show yet."
_FEW: Final = 300
_LOG_FROM: Final = 30.0
_EACH_TICKED: Final = 15


def draw_tokens(turns: pd.DataFrame, by: By) -> VictorFigure:
    counted = turns[series.measured(turns) & turns["input_tokens"].notna()]
    note = joined_notes(_without(len(turns) - len(counted), "count of tokens"), series.span(turns["started_at"]))
    if counted.empty:
        return empty("Tokens", _why_none(turns, "no turn has a count of a model's tokens"))
    cached = np.nan_to_num(series.floats(counted["cache_read_tokens"]))
    read = np.nan_to_num(series.floats(counted["input_tokens"]))
    stacks = {
        "input": (read - cached, BLUE),
        "input, from cache": (cached, SKY),
        "output": (np.nan_to_num(series.floats(counted["output_tokens"])), ORANGE),
    }
    if not cached.any():
        del stacks["input, from cache"]
    if by is not None:
        return _tokens_by(counted, stacks, by, note)
    binned = series.bins(len(counted))
    with canvas(f"Tokens {series.each(binned.size)}", note) as (figure, axes):
        _stack(axes, binned, stacks)
        _turns_below(axes, len(counted))
        whole_numbers(axes.yaxis)
        axes.set_ylabel("tokens")
        grid(axes)
        legend(axes, len(stacks))
    return figure


def _stack(axes: Axes, binned: Bins, stacks: dict[str, tuple[np.ndarray[Any, Any], str]]) -> None:
    bottom = np.zeros(len(binned.centres))
    rows = np.bincount(binned.of)
    for name, (values, colour) in stacks.items():
        means = np.bincount(binned.of, weights=values) / rows
        axes.bar(binned.centres, means, binned.width, bottom=bottom, color=colour, label=name)
        bottom += means


def _tokens_by(
    counted: pd.DataFrame, stacks: dict[str, tuple[np.ndarray[Any, Any], str]], by: By, note: str
) -> VictorFigure:
    sums = counted.assign(**{name: values for name, (values, _) in stacks.items()})
    groups = series.grouped(sums, by or ())
    with canvas(f"Tokens by {_name(by)}", note, height_in=bars_height(len(groups))) as (figure, axes):
        left = np.zeros(len(groups))
        for name, (_, colour) in stacks.items():
            totals = np.array([rows[name].sum() for _, rows in groups])
            axes.barh(range(len(groups)), totals, left=left, color=colour, label=name, height=0.7)
            left += totals
        _group_names(axes, [f"{label(name)} (n = {len(rows):,})" for name, rows in groups])
        whole_numbers(axes.xaxis)
        axes.set_xlabel("tokens, total")
        legend(axes, len(stacks))
    return figure


def draw_cost(turns: pd.DataFrame, by: By) -> VictorFigure:
    unknown = series.price_unknown(turns)
    priced = series.measured(turns) & turns["cost_usd"].notna()
    shown = turns[unknown | priced]
    total = usd(float(turns["cost_usd"][priced].sum())) if priced.any() else ""
    known = f"{total} is known" if total else "no price is known"
    note = joined_notes(known, _without(int(unknown.sum()), "known price"), series.span(shown["started_at"]))
    if shown.empty:
        return empty("Cost", _why_none(turns, "no turn has cost anything"))
    if by is not None:
        return _cost_by(shown, by, note)
    binned = series.bins(len(shown))
    with canvas(f"Cost {series.each(binned.size)}", note) as (figure, axes):
        costs = series.floats(shown["cost_usd"])
        _cost_bars(axes, binned, costs)
        _turns_below(axes, len(shown))
        axes.set_ylabel("US dollars")
        grid(axes)
        legend(axes, int(np.isnan(costs).any()))
    return figure


def _cost_bars(axes: Axes, binned: Bins, costs: np.ndarray[Any, Any]) -> None:
    """Bars of what is known. Where nothing is, a cross at the foot of the axes: it stands at no height."""
    missing = np.isnan(costs)
    known = np.bincount(binned.of, weights=~missing)
    sums = np.bincount(binned.of, weights=np.nan_to_num(costs))
    means = np.divide(sums, known, out=np.full(len(sums), np.nan), where=known > 0)
    axes.bar(binned.centres, means, binned.width, color=BLUE, label="known price")
    top = float(np.nanmax(means)) if (known > 0).any() else 0.0
    axes.set_ylim(0, top * 1.08 or 1)
    if top > 0:
        dollars(axes.yaxis, top)
    else:
        axes.set_yticks([])
    unknown = binned.centres[known == 0]
    if len(unknown):
        foot = np.full(len(unknown), 0.03)
        axes.plot(unknown, foot, "x", color=VERMILION, label="price unknown", transform=axes.get_xaxis_transform())


def _cost_by(shown: pd.DataFrame, by: By, note: str) -> VictorFigure:
    groups = series.grouped(shown, by or ())
    with canvas(f"Cost by {_name(by)}", note, height_in=bars_height(len(groups))) as (figure, axes):
        known = [rows["cost_usd"].dropna() for _, rows in groups]
        totals = [float(costs.sum()) for costs in known]
        axes.barh(range(len(groups)), totals, color=BLUE, height=0.7)
        for place, ((_, rows), costs) in enumerate(zip(groups, known, strict=True)):
            unknown = f"{len(rows) - len(costs):,} unknown" if len(rows) > len(costs) else ""
            text = " + ".join(part for part in (usd(totals[place]) if len(costs) else "", unknown) if part)
            axes.annotate(f" {text}", (totals[place], place), va="center", fontsize=9, annotation_clip=False)
        _group_names(axes, [f"{label(name)} (n = {len(rows):,})" for name, rows in groups])
        highest = max(totals)
        axes.set_xlim(0, highest * 1.35 or 1)
        if highest > 0:
            dollars(axes.xaxis, highest)
        else:
            axes.set_xticks([])
        axes.set_xlabel("US dollars, total")
    return figure


def draw_latency(turns: pd.DataFrame, by: By) -> VictorFigure:
    timed = turns[turns["duration_s"].notna()]
    failed = int(timed["status"].ne("ok").sum())
    note = joined_notes(
        f"{failed:,} failed or interrupted" if failed else "",
        _without(len(turns) - len(timed), "known duration"),
        series.span(turns["started_at"]),
    )
    if timed.empty:
        return empty("Latency", _why_none(turns, "no turn is over yet"))
    if by is not None:
        return _latency_by(timed, by, note)
    few = len(timed) <= _FEW
    binned = series.bins(len(timed))
    title = "Latency per turn" if few else f"Latency, {binned.size:,} turns a point"
    with canvas(title, note) as (figure, axes):
        shown = _latency_points(axes, timed) if few else _latency_lines(axes, timed, binned)
        _turns_below(axes, len(timed))
        _seconds(axes, shown, "y")
        legend(axes, len(axes.lines))
    return figure


def _latency_points(axes: Axes, timed: pd.DataFrame) -> np.ndarray[Any, Any]:
    numbers = np.arange(1, len(timed) + 1)
    ok = timed["status"].eq("ok").fillna(False).to_numpy(dtype=bool)
    durations, first = series.floats(timed["duration_s"]), series.floats(timed["time_to_first_token_s"])
    axes.vlines(numbers, np.where(np.isnan(first), durations, first), durations, color="#CCCCCC", linewidth=1)
    axes.plot(numbers[ok], durations[ok], "o", color=BLUE, ms=5, label="whole answer")
    if not ok.all():
        axes.plot(numbers[~ok], durations[~ok], "x", color=VERMILION, ms=7, label="failed or interrupted")
    if not np.isnan(first).all():
        axes.plot(numbers, first, "_", color=ORANGE, ms=8, mew=2, label="first token")
    return durations


def _latency_lines(axes: Axes, timed: pd.DataFrame, binned: Bins) -> np.ndarray[Any, Any]:
    durations = timed["duration_s"].groupby(binned.of)
    p50, p95 = series.floats(durations.quantile(0.5)), series.floats(durations.quantile(0.95))
    axes.fill_between(binned.centres, p50, p95, color=BLUE, alpha=0.15, linewidth=0)
    axes.plot(binned.centres, p95, "--", color=BLUE, label="whole answer, 95 %")
    axes.plot(binned.centres, p50, color=BLUE, label="whole answer, median")
    first = series.floats(timed["time_to_first_token_s"].groupby(binned.of).quantile(0.5))
    if not np.isnan(first).all():
        axes.plot(binned.centres, first, color=ORANGE, label="first token, median")
    return p95


def _latency_by(timed: pd.DataFrame, by: By, note: str) -> VictorFigure:
    groups = series.grouped(timed, by or ())
    with canvas(f"Latency by {_name(by)}", note, height_in=bars_height(len(groups))) as (figure, axes):
        values = [series.floats(rows["duration_s"]) for _, rows in groups]
        shares = np.array([np.quantile(found, [0.05, 0.25, 0.5, 0.75, 0.95]) for found in values])
        places = np.arange(len(groups))
        axes.hlines(places, shares[:, 0], shares[:, 4], color=GREY, linewidth=1.5, label="5 to 95 %")
        axes.hlines(places, shares[:, 1], shares[:, 3], color=SKY, linewidth=9, label="25 to 75 %")
        axes.plot(shares[:, 2], places, "o", color=BLUE, ms=7, label="median")
        _group_names(axes, [f"{label(name)} (n = {len(rows):,})" for name, rows in groups])
        _seconds(axes, shares, "x")
        legend(axes, 3)
    return figure


def _seconds(axes: Axes, values: np.ndarray[Any, Any], side: str) -> None:
    positive = values[np.isfinite(values) & (values > 0)]
    wide = bool(positive.size) and float(positive.max()) > _LOG_FROM * float(np.median(positive))
    scale, limit, name = (
        (axes.set_yscale, axes.set_ylim, axes.set_ylabel)
        if side == "y"
        else (axes.set_xscale, axes.set_xlim, axes.set_xlabel)
    )
    if wide:
        scale("log")
    else:
        limit(0, max(float(positive.max()) if positive.size else 0.0, 1e-3) * 1.08)
    (axes.yaxis if side == "y" else axes.xaxis).set_major_formatter("{x:g}")
    name("seconds (logarithmic)" if wide else "seconds")
    grid(axes, side)


def _turns_below(axes: Axes, number: int) -> None:
    axes.set_xlabel("turn, oldest first")
    whole_numbers(axes.xaxis)
    axes.set_xlim(0.4 - max(0, 8 - number) / 2, number + 0.6 + max(0, 8 - number) / 2)
    if number <= _EACH_TICKED:
        axes.set_xticks(range(1, number + 1))


def _group_names(axes: Axes, names: Sequence[str]) -> None:
    """The first group is at the top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    grid(axes, "x")


def _name(by: By) -> str:
    return label(by if isinstance(by, str) else ", ".join(by or ()))


def _without(number: int, what: str) -> str:
    return f"{count(number, 'turn')} without a {what}" if number else ""


def _why_none(turns: pd.DataFrame, otherwise: str) -> str:
    if turns.empty:
        return _NO_TURNS
    if not series.measured(turns).any():
        return f"{count(len(turns), 'turn')}, all of the demo: it is no model, so it has no tokens and no price."
    return f"{count(len(turns), 'turn')}, but {otherwise}."

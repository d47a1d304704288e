"""The charts of the dashboard: tokens, cost, time and context of the latest turns, one below the other. Many turns are
gathered, so that a bar stands for several; nothing unknown is drawn as a zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from victor_nb.frames import charts_svg as draw
from victor_nb.frames.charts_svg import Plot, Slots
from victor_nb.frames.dashboard_facts import DashboardFacts, ShownTurn, quantile
from victor_nb.frames.dashboard_numbers import compact, known, percent, seconds, usd, whole
from victor_nb.frames.dashboard_view import cut

if TYPE_CHECKING:
    from datetime import datetime

MOST_BARS: Final = 60
_ROWS: Final = 4
_KINDS: Final = {"in": "input", "hid": "from cache", "put": "cache write", "out": "output", "own": "reasoning"}
_FEW: Final = 12

Group: TypeAlias = Sequence[ShownTurn]


def charts(facts: DashboardFacts, words: str, *, hints: bool = True, most: int = MOST_BARS) -> str:
    """The picture as SVG, of at most so many bars. `words` tell what it shows; without `hints` the pointer is told
    nothing, which makes it smaller."""
    groups = gathered(facts.turns, most)
    slots = Slots(len(groups))
    parts = [
        *_tokens(groups, slots),
        *_cost(groups, slots),
        *_time(facts.turns, groups, slots),
        *_context(facts, groups, slots),
        _below(groups, slots),
    ]
    if hints:
        parts.append(draw.hints(slots, _ROWS, [_hint(group, numbers) for group, numbers in _numbered(groups)]))
    return draw.svg(_ROWS, words, parts)


def gathered(turns: Group, most: int) -> list[Group]:
    """In order, as many to a group as are needed."""
    size = max(1, -(-len(turns) // most))
    return [turns[start : start + size] for start in range(0, len(turns), size)]


def kinds_of(turn: ShownTurn) -> list[int | None]:
    """Tokens by kind, as `_KINDS` has them. Input counts what the cache was read and written for, output the reasoning;
    here each token is in one kind."""
    if not turn.measured or turn.input_tokens is None:
        return [None] * len(_KINDS)
    read, put = turn.cache_read_tokens or 0, turn.cache_write_tokens or 0
    output, own = turn.output_tokens or 0, turn.reasoning_tokens or 0
    return [max(turn.input_tokens - read - put, 0), read, put, max(output - own, 0), own]


def _tokens(groups: Sequence[Group], slots: Slots) -> Iterable[str]:
    stacks = [[_mean(parts) for parts in zip(*map(kinds_of, group), strict=True)] for group in groups]
    plot = Plot(0, _highest([_sum(stack) for stack in stacks]))
    seen = [kind for place, kind in enumerate(_KINDS) if any(stack[place] for stack in stacks)]
    legend = [(kind, _KINDS[kind]) for kind in seen]
    yield draw.title(plot, "Tokens per turn", legend, "" if seen else "no model has counted any")
    yield draw.grid(plot, compact if seen else lambda value: "0" if value == 0 else "")
    yield draw.bars(plot, slots, stacks, list(_KINDS))


def _cost(groups: Sequence[Group], slots: Slots) -> Iterable[str]:
    sums: list[float] = []
    total = 0.0
    for group in groups:
        total += sum(turn.cost_usd or 0 for turn in group if turn.measured)
        sums.append(total)
    unpriced = [place for place, group in enumerate(groups) if any(turn.unpriced for turn in group)]
    priced = any(turn.cost_usd is not None and turn.measured for group in groups for turn in group)
    plot = Plot(1, draw.round_up(total))
    legend = [("lack", "price unknown")] if unpriced else []
    yield draw.title(plot, f"Cost, added up: {usd(total)}" if priced else "Cost: no price is known", legend)
    yield draw.grid(plot, _dollars(plot.highest) if total else lambda value: "$0" if value == 0 else "")
    yield draw.steps(plot, slots, sums if total else (), "in")
    yield draw.dots(plot, slots, unpriced, "lack")


def _dollars(highest: float) -> Callable[[float], str]:
    """All labels of an axis alike."""
    if highest >= 1:
        return lambda value: f"${value:,.0f}" if highest >= 4 else f"${value:,.2f}"
    return lambda value: f"${value:g}" if highest >= 0.0001 else f"${value:.0e}"


def _time(turns: Group, groups: Sequence[Group], slots: Slots) -> Iterable[str]:
    """Where several turns share a bar it is their median, and a mark says that one of them failed."""
    stacks = [_seconds_of(group) for group in groups]
    whole_turns = [_sum(stack) for stack in stacks]
    plot = Plot(2, _highest(whole_turns, most_share=6))
    has = [any(stack[place] for stack in stacks) for place in range(3)]
    failed = [place for place, group in enumerate(groups) if any(turn.failed for turn in group)]
    legend = [("out", "to the first token")] * has[0] + [("in", "to the last")] * has[1] + [("fail", "failed")] * has[2]
    several = len(groups) < len(turns)
    legend += [("flop", "one failed")] if several and failed else []
    longest = max((value for value in whole_turns if value is not None), default=0.0)
    cut_off = f"the longest took {seconds(longest)}" if longest > plot.highest * 1.001 else ""
    note = cut_off if any(has) else "no turn is over"
    yield draw.title(plot, "Time per turn", legend, note)
    yield draw.grid(plot, _seconds_label if any(has) else lambda value: "0 s" if value == 0 else "")
    yield draw.bars(plot, slots, stacks, ["out", "in", "fail"])
    yield draw.dots(plot, slots, failed if several else (), "flop")


def _seconds_of(group: Group) -> list[float | None]:
    """To the first token, from there to the end, and of a turn that failed."""
    whole_s = quantile([turn.duration_s for turn in group if turn.duration_s is not None], 0.5)
    if whole_s is None:
        return [None, None, None]
    if all(turn.failed for turn in group):
        return [None, None, whole_s]
    first_s = quantile([t.time_to_first_token_s for t in group if t.time_to_first_token_s is not None], 0.5)
    first_s = min(first_s or 0.0, whole_s)
    return [first_s or None, whole_s - first_s, None]


def _seconds_label(value: float) -> str:
    return f"{value / 60:g} min" if value >= 120 else f"{value:g} s" if value >= 0.1 or value == 0 else seconds(value)


def _context(facts: DashboardFacts, groups: Sequence[Group], slots: Slots) -> Iterable[str]:
    """Up to the limit, unless all is far below it."""
    shares = [
        max((t.context_fraction for t in group if t.context_fraction is not None), default=None) for group in groups
    ]
    fullest = max((share for share in shares if share is not None), default=0.0)
    near = fullest >= 0.3
    plot = Plot(3, max(1.0, fullest) if near else draw.round_up(fullest))
    folded = {compaction.place // max(1, len(groups[0])) for compaction in facts.compactions} if groups else set[int]()
    legend = [("head", "made smaller")] if folded else []
    yield draw.title(plot, "Context, of its limit", legend, "" if fullest else "not known yet")
    yield draw.grid(plot, percent if fullest else lambda value: "0 %" if value == 0 else "")
    yield draw.bars(plot, slots, [[share] for share in shares], ["in"])
    yield draw.drops(plot, slots, sorted(folded))
    if near:
        yield draw.level(plot, 1.0)


def _below(groups: Sequence[Group], slots: Slots) -> str:
    if not groups:
        return ""
    first, last = groups[0][0].started_at, groups[-1][-1].started_at
    size = len(groups[0])
    middle = f"{size:,} turns a bar" if size > 1 else ""
    return draw.ends(_ROWS, slots, _moment(first), _moment(last, first) if len(groups) > 1 else "", middle)


def _moment(at: datetime | None, since: datetime | None = None) -> str:
    """UTC; the day only where it is another one than that of `since`."""
    if at is None:
        return ""
    same = since is not None and since.date() == at.date()
    return f"{at:%H:%M} UTC" if same else f"{at.day} {at:%b, %H:%M} UTC"


def _numbered(groups: Sequence[Group]) -> Iterable[tuple[Group, str]]:
    last = 0
    for group in groups:
        first, last = last + 1, last + len(group)
        yield group, f"{first:,}" if len(group) == 1 else f"{first:,}–{last:,}"


def _hint(group: Group, numbers: str) -> str:
    turn = group[0]
    tokens = _mean([None if t.input_tokens is None or not t.measured else t.input_tokens for t in group])
    output = _mean([None if t.output_tokens is None or not t.measured else t.output_tokens for t in group])
    costs = [t.cost_usd for t in group if t.cost_usd is not None and t.measured]
    took = quantile([t.duration_s for t in group if t.duration_s is not None], 0.5)
    failed = sum(t.failed for t in group)
    alone = len(group) == 1
    how = (turn.error_type or turn.status or "running") if alone else f"{failed} failed" if failed else ""
    parts = [
        numbers,
        cut(turn.model, 20) if alone else "",
        cut(how, 24) if how != "ok" else "",
        f"{whole(tokens)} in, {whole(output)} out" if tokens is not None else "",
        usd(sum(costs)) if costs else "",
        seconds(took) if known(took) else "",
        percent(turn.context_fraction) if alone and turn.context_fraction is not None else "",
    ]
    return " · ".join(part for part in parts if part)


def _highest(values: Sequence[float | None], *, most_share: float | None = None) -> float:
    """The upper edge of a plot. With `most_share`, one that few bars outgrow does not make all others tiny: then it is
    that share of what most of them are."""
    found = [value for value in values if value is not None]
    top = max(found, default=0.0)
    usual = quantile(found, 0.9) if len(found) >= _FEW else None
    if most_share and usual and top > most_share * usual:
        top = 1.5 * usual
    return draw.round_up(top)


def _mean(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) / len(found) if found else None


def _sum(values: Sequence[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return sum(found) if found else None

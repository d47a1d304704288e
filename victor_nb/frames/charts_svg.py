"""Drawing charts as inline SVG: plots one below the other over the same turns, so that what stands above one another
belongs together. A bar is a thick stroke, and all bars of a kind are one path, which keeps the page small.

Knows nothing of turns. Texts that it is given are escaped here; colours are classes of the page's style sheet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 460
LEFT: Final = 46
HEIGHT: Final = 56
"""Of one plot, without its title."""
_RIGHT, _WIDEST, _HEAD = WIDTH - 2, 22, 26
PITCH: Final = HEIGHT + _HEAD + 4
_STEPS: Final = (1, 2, 4, 5, 6, 8, 10)
_DROP: Final = "l-3-5h6z"
_MARKS: Final = {"head": "▼", "lack": "▪", "flop": "▪"}


@dataclass(frozen=True, slots=True)
class Slots:
    """Where the bars of so many things stand, in pixels from the left."""

    count: int

    @property
    def width(self) -> int:
        return max(1, min(_WIDEST, (_RIGHT - LEFT) // max(1, self.count)))

    @property
    def bar(self) -> int:
        """The width of a bar, without the gap behind it."""
        return self.width - (2 if self.width > 5 else 1 if self.width > 2 else 0)

    @property
    def right(self) -> int:
        return self.left(self.count)

    def left(self, place: int) -> int:
        return LEFT + place * self.width

    def centre(self, place: int) -> float:
        return self.left(place) + self.bar / 2


@dataclass(frozen=True, slots=True)
class Plot:
    """The plot number `row` from the top, and the value at its upper edge."""

    row: int
    highest: float

    @property
    def foot(self) -> int:
        return self.row * PITCH + _HEAD + HEIGHT

    @property
    def top(self) -> int:
        return self.foot - HEIGHT

    def up(self, value: float) -> int:
        """Pixels of a value; what is more than nothing is seen."""
        return max(1, round(min(value / self.highest, 1) * HEIGHT)) if value > 0 else 0


def round_up(value: float) -> float:
    """The next number that labels an axis well, and so does half of it."""
    if not 0 < value < math.inf:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    step = next(step for step in (*_STEPS, 20) if step * power >= value * 0.999)
    return float(f"{step * power:.6g}")


def svg(rows: int, words: str, parts: Iterable[str]) -> str:
    """The picture of so many plots, with what it shows in words for those who cannot see it."""
    height = rows * PITCH + 18
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img"'
        f' aria-label="{escape(words)}">{"".join(parts)}</svg>'
    )


def title(plot: Plot, name: str, legend: Iterable[tuple[str, str]], note: str = "") -> str:
    """A plot's name, the kinds that it shows as (class, name), and a remark."""
    kinds = "".join(
        f'<tspan class="{kind}" dx="7">{_MARKS.get(kind, "■")}</tspan> {escape(what)}' for kind, what in legend
    )
    last = f'<tspan dx="7">{escape(note)}</tspan>' if note else ""
    return f'<text y="{plot.top - 9}"><tspan class="h">{escape(name)}</tspan> {kinds}{last}</text>'


def grid(plot: Plot, label: Callable[[float], str]) -> str:
    """Lines at nothing, at half and at the top, and what they stand for."""
    levels = [(plot.foot, 0.0), (plot.foot - HEIGHT // 2, plot.highest / 2), (plot.top, plot.highest)]
    lines = "".join(f"M{LEFT} {y}.5H{_RIGHT}" for y, _ in levels)
    texts = "".join(f'<text class="y" x="{LEFT - 5}" y="{y + 4}">{escape(label(value))}</text>' for y, value in levels)
    return f'<path class="grid" d="{lines}"/>{texts}'


def bars(plot: Plot, slots: Slots, stacks: Sequence[Sequence[float | None]], kinds: Sequence[str]) -> str:
    """A bar for each of `stacks`, made of one part for each of `kinds`; one whose parts are all unknown is a stub. One
    that does not fit is cut, with a notch that says so."""
    paths = dict.fromkeys([*kinds, "none", "cut"], "")
    for place, stack in enumerate(stacks):
        x, below = slots.centre(place), 0
        if all(part is None for part in stack):
            paths["none"] += f"M{x:g} {plot.foot}v-2"
        total = 0.0
        for kind, part in zip(kinds, stack, strict=True):
            total += part or 0
            if (height := plot.up(total) - below) > 0:
                paths[kind] += f"M{x:g} {plot.foot - below}v-{height}"
                below += height
        if total > plot.highest * 1.001:
            paths["cut"] += f"M{x:g} {plot.top + 8}v-3"
    drawn = "".join(f'<path class="{kind}" d="{path}"/>' for kind, path in paths.items() if path)
    return f'<g class="bars" stroke-width="{slots.bar}">{drawn}</g>' if drawn else ""


def steps(plot: Plot, slots: Slots, values: Sequence[float], kind: str) -> str:
    """A filled line that goes up in steps, as of a sum."""
    if not values:
        return ""
    drawn = "".join(f"V{plot.foot - plot.up(value)}h{slots.width}" for value in values)
    return f'<path class="{kind} sum" d="M{LEFT} {plot.foot}{drawn}V{plot.foot}z"/>'


def dots(plot: Plot, slots: Slots, places: Iterable[int], kind: str) -> str:
    """A mark below the foot."""
    drawn = "".join(f"M{slots.centre(place):g} {plot.foot + 3}v4" for place in places)
    return f'<path class="dot {kind}" d="{drawn}"/>' if drawn else ""


def drops(plot: Plot, slots: Slots, places: Iterable[int]) -> str:
    """A line from top to foot ahead of these places, with a head."""
    xs = [slots.left(place) - 1 for place in places]
    lines = "".join(f"M{x}.5 {plot.foot}V{plot.top}" for x in xs)
    heads = "".join(f"M{x}.5 {plot.top + 1}{_DROP}" for x in xs)
    return f'<path class="drop" d="{lines}"/><path class="head" d="{heads}"/>' if xs else ""


def level(plot: Plot, value: float) -> str:
    """A dashed line at a value, such as a limit."""
    return f'<path class="limit" d="M{LEFT} {plot.foot - plot.up(value)}.5H{_RIGHT}"/>'


def ends(row: int, slots: Slots, first: str, last: str, middle: str = "") -> str:
    """What stands below the first and the last bar; where they would touch, the last one is left out."""
    y, narrow = row * PITCH + 10, slots.right - LEFT < 6 * (len(first) + len(last) + len(middle) + 6)
    parts = [f'<text x="{LEFT}" y="{y}">{escape(first)}</text>']
    if last and not narrow:
        parts.append(f'<text class="y" x="{slots.right}" y="{y}">{escape(last)}</text>')
    if middle:
        x = (LEFT + slots.right) // 2
        parts.append(f'<text class="mid" x="{x}" y="{y}">{escape(middle)}</text>')
    return "".join(parts)


def hints(slots: Slots, rows: int, texts: Sequence[str]) -> str:
    """What the pointer is told above each place, over all plots."""
    foot, middle = rows * PITCH - 4, slots.width / 2
    told = "".join(
        f'<path d="M{slots.left(place) + middle:g} 8V{foot}"><title>{escape(text)}</title></path>'
        for place, text in enumerate(texts)
    )
    return f'<g class="hit" stroke-width="{slots.width}">{told}</g>'

"""What all plots share: a figure that shows itself in every front end, the colours, and labels that cannot break it.

The one module that imports matplotlib, and itself imported by the first plot. It uses matplotlib's objects, never
pyplot: no global state, and nothing that a cell would show a second time.
"""

# ruff: noqa: TID253 (see above: this module is the function that uses it)
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (matplotlib leaves its keyword arguments without types)
from __future__ import annotations

import io
import math
import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

import matplotlib
import matplotlib.style
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from matplotlib.transforms import offset_copy

BLUE, SKY, ORANGE, GREEN, VERMILION = "#0072B2", "#56B4E9", "#E69F00", "#009E73", "#D55E00"
PALETTE: Final = (BLUE, ORANGE, GREEN, "#CC79A7", SKY, VERMILION, "#8C6D00", "#000000")
"""Okabe and Ito's colours, which people with any kind of colour vision can tell apart (their yellow darkened)."""
GREY, INK = "#9A9A9A", "#222222"

_DPI: Final = 100
_SHARP: Final = 2  # pixels of the picture for each pixel on the page
_ASIAN_FONTS: Final = (
    "Noto Sans CJK JP",
    "Noto Sans CJK SC",
    "Hiragino Sans",
    "PingFang SC",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class VictorFigure(Figure):
    """A matplotlib figure that is the value of a cell as a picture, whether or not pyplot was ever imported."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        FigureCanvasAgg(self)

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Twice as many pixels as it takes on the page, so that it is sharp on every screen."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", dpi=self.dpi * _SHARP)
        width, height = self.get_size_inches() * self.dpi
        return picture.getvalue(), {"width": round(width), "height": round(height)}


@contextmanager
def _own_style() -> Generator[None]:
    """Matplotlib's defaults in the user's font: their dark style would be white on our white."""
    fonts = {name: matplotlib.rcParams[name] for name in ("font.sans-serif", "font.serif", "font.monospace")}
    fonts["font.family"] = _families()
    own = {"axes.spines.top": False, "axes.spines.right": False, "axes.axisbelow": True, "text.color": INK}
    with matplotlib.style.context(["default", fonts | own]):
        yield


@contextmanager
def canvas(title: str, note: str = "", *, height_in: float = 4.0) -> Generator[tuple[VictorFigure, Axes]]:
    """A figure with one pair of axes to draw on; `note` is a line of small print below the title."""
    with _own_style():
        figure = VictorFigure(figsize=(8.0, height_in), dpi=_DPI, facecolor="white", layout="constrained")
        axes = figure.subplots()
        axes.set_title(title, loc="left", fontsize=12, fontweight="bold", color=INK, pad=22 if note else 8)
        if note:
            above = offset_copy(axes.transAxes, figure, x=0, y=7, units="points")
            axes.text(0, 1, note, fontsize=9, color="#555555", transform=above)
        yield figure, axes


def empty(title: str, reason: str) -> VictorFigure:
    """A figure of nothing, which says why."""
    with canvas(title, height_in=2.2) as (figure, axes):
        axes.set_axis_off()
        axes.text(0.5, 0.5, reason, ha="center", va="center", fontsize=11, color="#555555", transform=axes.transAxes)
    return figure


def grid(axes: Axes, axis: str = "y") -> None:
    axes.grid(visible=True, axis=axis, color="#E4E4E4", linewidth=0.8)  # pyright: ignore[reportArgumentType]


def legend(axes: Axes, count: int) -> None:
    """Beside the axes, where it covers no data."""
    if count:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9, borderaxespad=0)


def whole_numbers(axis: Axis) -> None:
    axis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))


def dollars(axis: Axis, highest: float) -> None:
    """Ticks such as $0.002, with as many decimals as the highest value needs."""
    decimals = 2 if highest <= 0 else min(9, max(2, 1 - math.floor(math.log10(highest))))
    axis.set_major_formatter(StrMethodFormatter(rf"\${{x:,.{decimals}f}}"))


def usd(value: float) -> str:
    """`$1.23`, `$0.0012`: two digits that count, to be read beside a bar."""
    if value == 0:
        return r"\$0"
    return rf"\${value:,.2f}" if value >= 1 else rf"\${value:.{min(9, 1 - math.floor(math.log10(value)))}f}"


def bars_height(count: int) -> float:
    """Inches for so many horizontal bars."""
    return 1.5 + 0.38 * max(count, 2)


def label(value: object, longest: int = 28) -> str:
    """A name as a label: short, on one line, without what matplotlib reads as mathematics or the font cannot draw."""
    text = " ".join(str(value).split()) or "(empty)"
    if _UUID.fullmatch(text):
        text = f"…{text[-6:]}"  # the beginning is the time, the same for neighbours
    if len(text) > longest:
        text = f"{text[: longest - 1]}…"
    drawable = _characters(tuple(_families()))
    return "".join(sign if ord(sign) in drawable else "□" for sign in text).replace("$", r"\$")


def _families() -> list[str]:
    """The user's fonts, and behind them those of this machine that have what they lack."""
    return [*matplotlib.rcParams["font.family"], *_asian_fonts()]


@cache
def _asian_fonts() -> Sequence[str]:
    there = set(font_manager.get_font_names())
    return [name for name in _ASIAN_FONTS if name in there]


@cache
def _characters(families: tuple[str, ...]) -> frozenset[int]:
    fonts = [font_manager.findfont(font_manager.FontProperties(family=[name])) for name in families]
    return frozenset().union(*(FT2Font(font).get_charmap() for font in fonts))


def colours(count: int) -> Sequence[str]:
    return [PALETTE[number % len(PALETTE)] for number in range(count)]

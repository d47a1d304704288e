"""What a figure shows, in words: for models that take no pictures, and for figures that cannot be drawn here.

Knows matplotlib's figures and plotly's by what they have, and imports neither. Texts, ranges and numbers of points are
told, never the points.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, cast

_MAX_AXES: Final = 6
_MAX_SERIES: Final = 8
_MAX_LABEL_CHARS: Final = 80


def figure_words(figure: Any) -> str:
    """A matplotlib figure: a line of titles, and one for each of its axes. Empty when nothing can be said."""
    try:
        return "\n".join(_figure_lines(figure))
    except Exception:  # noqa: BLE001 (artists and formatters may be the user's)
        return ""


def _figure_lines(figure: Any) -> Iterator[str]:
    title = figure.get_suptitle()
    if title:
        yield f"The figure {_quoted(title)}."
    axes = [one for one in figure.axes if one.get_visible()]
    for number, one in enumerate(axes[:_MAX_AXES], 1):
        where = f"Axes {number}" if len(axes) > 1 else "Axes"
        yield f"{where}: {'; '.join(_axes_parts(one))}."
    if len(axes) > _MAX_AXES:
        yield f"And {len(axes) - _MAX_AXES} more axes."


def _axes_parts(axes: Any) -> Iterator[str]:
    if axes.get_title():
        yield f"title {_quoted(axes.get_title())}"
    for name, label, limits in (
        ("x", axes.get_xlabel(), axes.get_xlim()),
        ("y", axes.get_ylabel(), axes.get_ylim()),
    ):
        named = f" {_quoted(label)}" if label else ""
        yield f"{name}{named} from {limits[0]:.4g} to {limits[1]:.4g}"
    yield from _series("line", [(line.get_label(), len(line.get_xdata())) for line in axes.lines])
    yield from _series("set", [(one.get_label(), len(one.get_offsets())) for one in axes.collections])
    if axes.patches:
        bars = all(type(patch).__name__ == "Rectangle" for patch in axes.patches)
        yield _count(len(axes.patches), "bar" if bars else "shape")
    if axes.images:
        yield _count(len(axes.images), "image")
    texts = [text.get_text() for text in axes.texts if text.get_text()]
    if texts:
        yield f"texts {_listed(map(_quoted, texts))}"


def _series(noun: str, series: Sequence[tuple[object, int]]) -> Iterator[str]:
    """`2 lines ("a": 10 points, 12 points)`; labels that matplotlib made up begin with an underscore."""
    if series:
        points = [f"{_label(label)}{_count(count, 'point')}" for label, count in series]
        yield f"{_count(len(series), noun)} ({_listed(points)})"


def _label(label: object) -> str:
    return f"{_quoted(label)}: " if isinstance(label, str) and label and not label.startswith("_") else ""


def plotly_words(value: object) -> str | None:
    """A plotly figure: its titles and what it draws; None when `value` is none."""
    kind = getattr(sys.modules.get("plotly.basedatatypes"), "BaseFigure", None)
    if not isinstance(kind, type) or not isinstance(value, kind):
        return None
    try:
        drawn = cast("Mapping[str, Any]", cast("Any", value).to_dict())
        return "; ".join(_plotly_parts(drawn.get("layout", {}), drawn.get("data", ())))
    except Exception:  # noqa: BLE001 (as above)
        return ""


def _plotly_parts(layout: Mapping[str, Any], traces: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for name, part in (("title", layout), ("x", layout.get("xaxis", {})), ("y", layout.get("yaxis", {}))):
        title: Any = part.get("title", {})
        text = cast("Any", title).get("text") if isinstance(title, Mapping) else title
        if text:
            yield f"{name} {_quoted(text)}"
    shown = [f"{trace.get('type', 'scatter')} {_label(trace.get('name'))}{_points(trace)}" for trace in traces]
    yield f"{_count(len(shown), 'trace')}{f' ({_listed(shown)})' if shown else ''}"


def _points(trace: Mapping[str, Any]) -> str:
    sizes = [_length(trace[name]) for name in ("y", "x", "z", "values", "lat") if name in trace]
    return _count(max(sizes, default=0), "point")


def _length(values: Any) -> int:
    """Newer versions write arrays as base64 with their type."""
    if not isinstance(values, Mapping):
        return len(values)
    packed = cast("Mapping[str, str]", values)
    size = len(packed["bdata"]) * 3 // 4 - packed["bdata"].count("=")
    return size // int(packed["dtype"].lstrip("fiu"))


def _listed(texts: Iterable[str]) -> str:
    found = list(texts)
    more = len(found) - _MAX_SERIES
    return ", ".join(found[:_MAX_SERIES]) + (f", and {more} more" if more > 0 else "")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _quoted(text: object) -> str:
    line = " ".join(str(text).split())
    return f'"{line if len(line) <= _MAX_LABEL_CHARS else line[: _MAX_LABEL_CHARS - 1] + "…"}"'

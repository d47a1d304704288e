"""The pieces of the dashboard as HTML: numbers, tables, bars as inline SVG, and the style sheet. Nothing here runs in
the browser or is fetched, and every text from outside is escaped.

Colours are JupyterLab's own variables, so that they follow its theme; the fallbacks, for other front ends, are legible
on white and on black.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Any, Final

UNKNOWN: Final = "–"
_BAR, _GAP, _HEIGHT = 7, 2, 44
_RULES: Final = """
A{line-height:1.45;max-width:62em;font-variant-numeric:tabular-nums}
A .tiles{display:flex;flex-wrap:wrap;gap:.6em;margin:.6em 0}
A .tile{border:1px solid var(--jp-border-color2,#8886);border-radius:6px;padding:.5em .9em;min-width:8.5em}
A .tile b{display:block;font-size:1.5em;font-weight:600;line-height:1.3}
A .quiet{color:var(--jp-ui-font-color2,#777)}
A .bad{color:var(--jp-error-color0,#d33)}
A h4{margin:.9em 0 .2em;font-size:1em;font-weight:600}
AA table{border-collapse:collapse;border:0;margin:0;font-size:.95em}
AA :is(th,td){text-align:right;padding:.2em .9em .2em 0;background:none;max-width:28em;overflow-wrap:anywhere}
AA :is(th,td):is(.text){text-align:left}
AA th{font-weight:500;color:var(--jp-ui-font-color2,#777);border-bottom:1px solid var(--jp-border-color2,#8886)}
A svg{display:block}
A path{fill:var(--jp-brand-color1,#2a7fc0)}
A i{color:var(--jp-brand-color1,#2a7fc0);font-style:normal;margin-left:.5em}
A path.out{fill:var(--jp-warn-color1,#d98a00)}
A i.out{color:var(--jp-warn-color1,#d98a00);font-style:normal;margin-left:.5em}
A path.bad{fill:var(--jp-error-color1,#d33)}
A i.bad{color:var(--jp-error-color1,#d33);font-style:normal;margin-left:.5em}
A path.none{fill:var(--jp-border-color1,#8888)}
A .bars{display:flex;flex-wrap:wrap;gap:0 2.5em}
A .foot{margin-top:.9em}
"""
STYLE: Final = f"<style>{_RULES.replace(chr(10), '').replace('A', '.victor-nb-dash')}</style>"


def tile(value: str, name: str, note: str = "") -> str:
    small = f'<div class="quiet">{note}</div>' if note else ""
    return f'<div class="tile"><span class="quiet">{escape(name)}</span><b>{value}</b>{small}</div>'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = 1) -> str:
    """Cells are HTML; the first `text` columns are words, the others numbers."""
    lines = [_row("th", heads, text), *(_row("td", row, text) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[str], text: int) -> str:
    opened = [f'<{tag} class="text">' if number < text else f"<{tag}>" for number in range(len(cells))]
    inside = "".join(f"{start}{cell}</{tag}>" for start, cell in zip(opened, cells, strict=True))
    return f"<tr>{inside}</tr>"


def bars(stacks: Sequence[Sequence[float | None]], kinds: Sequence[str], name: str) -> str:
    """A bar for each of `stacks`, made of one part for each of `kinds`; one whose parts are all unknown is a grey stub.
    All bars of a kind are one path, which keeps the page small."""
    highest = max((math.fsum(part or 0 for part in stack) for stack in stacks), default=0) or 1
    paths = dict.fromkeys([*kinds, "none"], "")
    for number, stack in enumerate(stacks):
        x, y = number * (_BAR + _GAP), float(_HEIGHT)
        if all(part is None for part in stack):
            paths["none"] += _box(x, y, 2)
        for kind, part in zip(kinds, stack, strict=True):
            if part:
                height = max(1.0, part / highest * (_HEIGHT - 2))
                paths[kind] += _box(x, y, height)
                y -= height
    drawn = "".join(f'<path class="{kind}" d="{path}"/>' for kind, path in paths.items() if path)
    width = max(1, len(stacks) * (_BAR + _GAP))
    return f'<svg width="{width}" height="{_HEIGHT}" role="img" aria-label="{escape(name)}">{drawn}</svg>'


def _box(x: int, foot: float, height: float) -> str:
    return f"M{x} {foot:.1f}v-{height:.1f}h{_BAR}v{height:.1f}z"


def text(value: Any, longest: int = 40) -> str:
    """A name, cut and escaped."""
    words = " ".join(str(value).split()) if known(value) else UNKNOWN
    return escape(words if len(words) <= longest else f"{words[: longest - 1]}…")


def known(value: Any) -> bool:
    """Neither None nor any of pandas' NAs."""
    return isinstance(value, str) or str(value) not in ("None", "<NA>", "NaT", "nan")


def whole(value: Any) -> str:
    return f"{int(value):,}" if known(value) else UNKNOWN


def seconds(value: Any) -> str:
    if not known(value):
        return UNKNOWN
    if value < 0.1:
        return f"{float(value) * 1000:.0f} ms"
    return f"{float(value):.2f} s" if value < 10 else f"{float(value):,.0f} s"


def usd(value: Any) -> str:
    if not known(value):
        return UNKNOWN
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if value >= 1 else f"${value:.2g}" if value >= 0.0001 else "&lt; $0.0001"


def size(number: int) -> str:
    """In thousands, as disks are sold."""
    value, units = float(number), ["bytes", "kB", "MB", "GB", "TB"]
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.3g} {units[0]}"


def exporter_name(key: str) -> str:
    """What an exporter is called in the ledger, without the place that tells it from others of its class."""
    own, here, _ = key.partition(" in ")
    return own.rpartition(".")[2].removesuffix("#1") if here else key

"""The pieces of the dashboard as HTML: tiles and tables. Every text from outside is escaped and cut."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from victor_nb.frames.dashboard_numbers import UNKNOWN, known


def tile(name: str, value: str, note: str = "") -> str:
    """`value` and `note` are HTML."""
    small = f'\n<div class="quiet">{note}</div>' if note else ""
    return f'<div class="tile"><span class="quiet">{escape(name)}</span> <b>{value}</b>{small}</div>'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, text: int = 1) -> str:
    """Cells are HTML; the first `text` columns are words, the others numbers."""
    lines = [_row("th", heads, text), *(_row("td", row, text) for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _row(tag: str, cells: Sequence[str], text: int) -> str:
    scope = ' scope="col"' if tag == "th" else ""
    opened = [f'<{tag} class="text"{scope}>' if number < text else f"<{tag}{scope}>" for number in range(len(cells))]
    inside = "".join(f"{start}{cell}</{tag}>" for start, cell in zip(opened, cells, strict=True))
    return f"<tr>{inside}</tr>"


def cut(value: Any, longest: int = 40) -> str:
    """A name on one line, at most so long, not escaped. What cannot be seen, and turns text around or breaks a
    message, becomes U+FFFD."""
    words = " ".join(str(value)[: 4 * longest].split()) if known(value) else UNKNOWN
    words = words if words.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in words)
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def text(value: Any, longest: int = 40) -> str:
    """The same, escaped, and at most three bytes for each character that it might have."""
    words = cut(value, longest)
    html = escape(words)
    while len(html.encode()) > 3 * longest:
        words = f"{words[: len(words) * 4 // 5 - 1]}…"
        html = escape(words)
    return html


def bad(html: str) -> str:
    return f'<span class="bad">{html}</span>'


def foot(told: str, *, wrong: bool = False) -> str:
    return f'<div class="foot {"bad" if wrong else "quiet"}">{told}</div>'


def exporter_name(key: str) -> str:
    """What an exporter is called in the ledger, without the place that tells it from others of its class."""
    own, here, _ = key.partition(" in ")
    return own.rpartition(".")[2].removesuffix("#1") if here else key

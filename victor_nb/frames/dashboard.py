"""The dashboard: what `vn.analytics` shows of itself as the value of a cell, and `vn.analytics.dashboard(…)` of some
turns. A static picture of one moment, as HTML with inline SVG, at most 20 KB: no script, nothing from elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import UsageError
from victor_nb.frames import dashboard_tables as tables
from victor_nb.frames.dashboard_charts import charts
from victor_nb.frames.dashboard_facts import DashboardFacts, read_facts
from victor_nb.frames.dashboard_numbers import counted, size
from victor_nb.frames.dashboard_style import CLASSES, STYLE
from victor_nb.frames.dashboard_view import cut, foot, text
from victor_nb.frames.dashboard_words import as_text, in_words, is_proven, proof_told
from victor_nb.protocols import IStoreUpkeep

if TYPE_CHECKING:
    from victor_nb.errors import VictorError
    from victor_nb.frames.build import Request
    from victor_nb.protocols import IEventStore

MOST_BYTES: Final = 20_000
_PAGE: Final = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    '<meta name="viewport" content="width=device-width"><title>Analytics</title>'
    "<style>body{font:14px system-ui,sans-serif;margin:2em}</style></head><body>\n%s\n</body></html>\n"
)


@dataclass(frozen=True)
class Dashboard:
    """Shown in a cell, it is a page of key figures, charts and tables; `print` gives the key figures as text."""

    html: str
    text: str

    @classmethod
    def of(cls, request: Request, told_filters: str = "") -> Dashboard:
        """
        Raises:
            StoreError: the store cannot be read.
        """
        facts, store = read_facts(request), request.scope.store
        head = [*_place(store), *([told_filters] if told_filters else [])]
        html = _page(facts, store, head)
        if len(html.encode()) > MOST_BYTES:
            html = _page(facts, store, head, hints=False)
        return cls(html, as_text(facts, told_filters))

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text

    def to_html(self, path: str | os.PathLike[str]) -> Path:
        """Write it as a page of its own, which needs no network; a file that is there is replaced by a whole one.

        Raises:
            UsageError: `path` is no path of a file.
        """
        if not isinstance(path, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"{path!r} is no path.", hint='name a file, such as "analytics.html"')
        target = Path(path).expanduser()
        if target.is_dir():
            raise UsageError(f"{target} is a folder.", hint='name a file, such as "analytics.html"')
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f".{uuid.uuid4().hex}")
        try:
            draft.write_text(_PAGE % self.html, encoding="utf-8")
            draft.replace(target)
        finally:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
        return target


def render_error(error: VictorError) -> str:
    """What is shown in place of the dashboard of a store that cannot be read."""
    said = f"✗ {error.message} → {error.hint}" if error.hint else f"✗ {error.message}"
    return _wrapped("<b>Analytics</b>" + foot(text(said, 500), wrong=True))


def told(model: str | list[str] | None, filters: Mapping[str, Any]) -> str:
    """The filters in words."""
    given = {"model": model, **filters}
    return " · ".join(f"{name}: {cut(_one(value))}" for name, value in given.items() if value)


def _one(value: object) -> object:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={one}" for name, one in value.items())  # pyright: ignore[reportUnknownVariableType]
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _wrapped(inside: str) -> str:
    return f'<div class="{CLASSES}">{STYLE}{inside}</div>'


def _place(store: IEventStore) -> list[str]:
    place = cut(getattr(store, "place", type(store).__name__), 120)
    bytes_there = size(store.size_bytes()) if isinstance(store, IStoreUpkeep) and not store.degraded else ""
    return [part for part in (place, bytes_there) if part]


def _page(facts: DashboardFacts, store: IEventStore, head: list[str], *, hints: bool = True) -> str:
    beside = tables.by_model(facts.models) + tables.tools(facts)
    below = [tables.latest(facts.turns), tables.exporters(facts.proof["exporters"], facts.errors)]
    parts = [
        f'<div class="quiet">{" · ".join(["<b>Analytics</b>", *(text(part, 140) for part in head)])}</div>',
        tables.tiles(facts.totals),
        f'<div class="sides"><div>{_charts(facts, hints=hints)}</div><div>{beside}</div></div>',
        f'<div class="sides">{"".join(f"<div>{part}</div>" for part in below if part)}</div>' if facts.turns else "",
        _proof(facts, store.degraded),
    ]
    return _wrapped("".join(parts))


def _charts(facts: DashboardFacts, *, hints: bool) -> str:
    """Hidden by an attribute and shown by the style sheet, and the words the other way round: see `dashboard_style`."""
    if not facts.turns:
        return f'<p class="quiet">{_nothing(facts)}</p>'
    words = in_words(facts)
    lines = "".join(f"<div>{text(line, 300)}</div>" for line in words if line)
    return (
        f'<div class="charts" hidden="">{charts(facts, " ".join(words), hints=hints)}</div>'
        f'<div class="quiet">{_which(facts)}</div><div class="words">{lines}</div>'
    )


def _nothing(facts: DashboardFacts) -> str:
    return "No turn fits." if facts.narrowed else "No turns yet. Ask something, then look again."


def _which(facts: DashboardFacts) -> str:
    shown, every = len(facts.turns), int(facts.totals["turns"])
    if shown == 1:
        return "one turn"
    return f"the last {shown:,} of {counted(every, 'turn')}" if shown < every else f"{shown:,} turns, oldest first"


def _proof(facts: DashboardFacts, degraded: str | None) -> str:
    if degraded:
        counts = proof_told(facts)[2:].partition(": ")[0]
        return foot(f"✗ {counts}, in memory only: {text(degraded, 200)}", wrong=True)
    return foot(proof_told(facts), wrong=not is_proven(facts))

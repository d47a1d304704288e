"""The dashboard: what `vn.analytics` shows of itself as the value of a cell, and `vn.analytics.dashboard(…)` of some
turns. A static picture of one moment, as HTML with inline SVG, at most 20 KB: no script, nothing from elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import UsageError
from victor_nb.frames import dashboard_tables as tables
from victor_nb.frames.dashboard_charts import MOST_BARS, charts
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
_FEWER_BARS: Final = 25
_PAGE: Final = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">'
    '<meta name="viewport" content="width=device-width"><title>Analytics</title>'
    "<style>body{font:14px system-ui,sans-serif;margin:2em}</style></head><body>\n%s\n</body></html>\n"
)


@dataclass(frozen=True)
class Dashboard:
    """Shown in a cell, it is a page of key figures, charts and tables; `print` gives the key figures as text.

    `facts` is what it tells; `head` says where it comes from and of what; `degraded` why the store is only in memory.
    """

    facts: DashboardFacts = field(repr=False)
    head: tuple[str, ...] = ()
    degraded: str | None = None

    @classmethod
    def of(cls, request: Request, told_filters: str = "") -> Dashboard:
        """
        Raises:
            StoreError: the store cannot be read.
        """
        store = request.scope.store
        head = (*_place(store), *([told_filters] if told_filters else []))
        return cls(read_facts(request), head, store.degraded)

    @cached_property
    def html(self) -> str:
        """At most `MOST_BYTES`: where names are very long the pointer is told nothing, and then bars are fewer."""
        rest, found = self._lists() + self._proof(), ""
        for hints, most in ((True, MOST_BARS), (False, MOST_BARS), (False, _FEWER_BARS)):
            found = _wrapped(self._parts(hints=hints, most=most) + rest)
            if len(found.encode()) <= MOST_BYTES:
                break
        return found

    @cached_property
    def text(self) -> str:
        return as_text(self.facts, " · ".join(self.head[2:]))

    def overview(self) -> str:
        """The same as HTML without the lists of turns and exporters, for who shows these in another way."""
        return _wrapped(self._parts() + self._proof())

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

    def _parts(self, *, hints: bool = True, most: int = MOST_BARS) -> str:
        facts = self.facts
        beside = tables.by_model(facts.models) + tables.tools(facts)
        head = " · ".join(["<b>Analytics</b>", *(text(part, 140) for part in self.head if part)])
        return (
            f'<div class="quiet">{head}</div>{tables.tiles(facts.totals)}'
            f'<div class="sides"><div>{_charts(facts, hints=hints, most=most)}</div><div>{beside}</div></div>'
        )

    def _lists(self) -> str:
        facts = self.facts
        lists = [tables.latest(facts.turns), tables.exporters(facts.proof["exporters"], facts.errors)]
        return f'<div class="sides">{"".join(f"<div>{part}</div>" for part in lists if part)}</div>'

    def _proof(self) -> str:
        if self.degraded:
            counts = proof_told(self.facts)[2:].partition(": ")[0]
            return foot(f"✗ {counts}, in memory only: {text(self.degraded, 200)}", wrong=True)
        return foot(proof_told(self.facts), wrong=not is_proven(self.facts))


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


def _place(store: IEventStore) -> tuple[str, str]:
    """Where the events are, and how much room they take, if that is known."""
    place = cut(getattr(store, "place", type(store).__name__), 120)
    return place, size(store.size_bytes()) if isinstance(store, IStoreUpkeep) and not store.degraded else ""


def _charts(facts: DashboardFacts, *, hints: bool, most: int) -> str:
    """Hidden by an attribute and shown by the style sheet, and the words the other way round: see `dashboard_style`."""
    if not facts.turns:
        return f'<p class="quiet">{_nothing(facts)}</p>'
    words = in_words(facts)
    lines = "".join(f"<div>{text(line, 300)}</div>" for line in words if line)
    return (
        f'<div class="charts" hidden="hidden">{charts(facts, " ".join(words), hints=hints, most=most)}</div>'
        f'<div class="quiet">{_which(facts)}</div><div class="words">{lines}</div>'
    )


def _nothing(facts: DashboardFacts) -> str:
    return "No turn fits." if facts.narrowed else "No turns yet. Ask something, then look again."


def _which(facts: DashboardFacts) -> str:
    shown, every = len(facts.turns), int(facts.totals["turns"])
    if shown == 1:
        return "one turn"
    return f"the last {shown:,} of {counted(every, 'turn')}" if shown < every else f"{shown:,} turns, oldest first"

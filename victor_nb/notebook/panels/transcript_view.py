"""The turns of a conversation in a panel: the last ones, and earlier ones on request, so that a thousand turns cost no
more than twenty. A turn that has not changed is not sent again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from victor_nb.notebook.panels.questions import turn_html
from victor_nb.notebook.panels.widgets import button, close_all, html, ipywidgets
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.notebook.turns import ReadTurn

SHOWN_AT_ONCE: Final = 20


class TranscriptView:
    """`show` takes all turns; how many of them are seen is decided here."""

    def __init__(self, work: PanelWork) -> None:
        self._earlier = button("Show earlier turns", "Show earlier turns")
        self._earlier.on_click(work.starts(self._more))
        self._limit = SHOWN_AT_ONCE
        self._turns: Sequence[ReadTurn] = ()
        self._seen: dict[str, tuple[tuple[str, ...], Any]] = {}
        self.widget = ipywidgets().VBox()

    def show(self, turns: Sequence[ReadTurn]) -> None:
        self._turns = turns
        shown = {turn.turn_id or turn.mark[0]: turn for turn in turns[-self._limit :]}
        gone = [self._seen.pop(name)[1] for name in list(self._seen) if name not in shown]
        children = [self._widget(name, turn) for name, turn in shown.items()]
        self._earlier.description = f"Show earlier turns ({len(turns) - len(shown):,} more)"
        self.widget.children = (*([self._earlier] if len(turns) > len(shown) else []), *children)
        for widget in gone:
            close_all(widget)

    def forget(self) -> None:
        """Begin again at the end, as in another conversation."""
        self._limit = SHOWN_AT_ONCE

    async def _more(self) -> None:
        self._limit += SHOWN_AT_ONCE
        self.show(self._turns)

    def _widget(self, name: str, turn: ReadTurn) -> Any:
        mark, widget = self._seen.get(name, ((), None))
        if widget is None:
            widget = html(turn_html(turn), typeset=True)
        elif mark != turn.mark:
            widget.value = turn_html(turn)
        self._seen[name] = (turn.mark, widget)
        return widget

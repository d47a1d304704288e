"""A box of widgets as an answer's front end: what `stream.AnswerDisplay` shows in a cell, it shows here."""

from __future__ import annotations

from typing import Any

from victor_nb.notebook.answers.publisher import Bundle
from victor_nb.notebook.panels.widgets import close_all, html


class WidgetOutlet:
    """A `Publisher` into `box`, each display a widget of its own: frozen ones are never sent again."""

    live = True

    def __init__(self, box: Any) -> None:
        self._box = box
        self._shown: dict[str, Any] = {}
        self._clearing = False

    def show(self, bundle: Bundle, display_id: str) -> None:
        made = html(bundle["text/html"], typeset=True)
        gone, self._shown = (self._shown, {}) if self._clearing else ({}, self._shown)
        self._shown[display_id], self._clearing = made, False
        self._box.children = tuple(self._shown.values())
        for widget in gone.values():
            close_all(widget)

    def update(self, bundle: Bundle, display_id: str) -> None:
        self._shown[display_id].value = bundle.get("text/html", "")

    def clear(self) -> None:
        """With the next display, as in a cell."""
        self._clearing = True

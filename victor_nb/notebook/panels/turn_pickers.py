"""Which turns the Analytics panel is about: by model, session, tag and time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from victor_nb.frames.dashboard_facts import ShownTurn
from victor_nb.frames.dashboard_view import cut
from victor_nb.frames.filters import tag_text
from victor_nb.notebook.panels.widgets import ipywidgets, row

_MOST: Final = 50
_ALL: Final = ""
"""The value of what chooses nothing: a widget takes None for a list in which nothing is selected, and shows no text."""
_TIMES: Final = (
    ("all times", _ALL),
    ("last hour", "1h"),
    ("today", "today"),
    ("last 7 days", "7 days"),
    ("last 30 days", "30 days"),
)


class TurnPickers:
    """Calls `changed` when a person has chosen something."""

    def __init__(self, changed: Callable[..., None]) -> None:
        self._changed = changed
        self._offering = False
        self._model = self._picker("Model", "all models")
        self._session = self._picker("Session", "all sessions")
        self._tag = self._picker("Tag", "all tags")
        self._since = self._picker("Time", *_TIMES[0])
        self._since.options = _TIMES
        self.widget = row(self._model, self._session, self._tag, self._since)

    @property
    def chosen(self) -> dict[str, Any]:
        """The arguments of `vn.analytics.dashboard`."""
        tag = self._tag.value
        given = {
            "model": self._model.value,
            "session": self._session.value,
            "tags": {tag[0]: tag[1]} if tag else _ALL,
            "since": self._since.value,
        }
        return {name: value for name, value in given.items() if value != _ALL}

    def offer(self, turns: Sequence[ShownTurn]) -> None:
        """What these turns have, the latest first; what is chosen stays."""
        latest = turns[::-1]
        self._fill(self._model, "all models", [(cut(t.model), t.model) for t in latest if t.model is not None])
        self._fill(self._session, "all sessions", [(cut(t.session_id), t.session_id) for t in latest])
        self._fill(self._tag, "all tags", [pair for t in latest for pair in _tags_of(t)])

    def _picker(self, name: str, everything: str, value: str = _ALL) -> Any:
        widgets = ipywidgets()
        made = widgets.Dropdown(
            options=[(everything, value)],
            description=name,
            tooltip=f"{name}: which turns are shown",
            layout=widgets.Layout(width="auto", max_width="19em", flex="1 1 11em", margin="2px 12px 2px 0"),
            style={"description_width": "auto"},
        )
        made.observe(self._tell, "value")
        return made

    def _fill(self, picker: Any, everything: str, found: Sequence[tuple[str, Any]]) -> None:
        values = dict.fromkeys(value for _, value in found)
        chosen, labels = picker.value, {value: label for label, value in reversed(found)}
        labels.setdefault(chosen, cut(chosen))
        kept = [value for value in values if value != chosen][:_MOST]
        kept += [chosen] if chosen != _ALL else []
        options = ((everything, _ALL), *sorted((labels[value], value) for value in kept))
        if options == tuple(picker.options):
            return
        self._offering = True
        try:
            with picker.hold_sync():
                picker.options = options  # which chooses the first one
                picker.value = chosen
        finally:
            self._offering = False

    def _tell(self, change: object) -> None:
        if not self._offering:
            self._changed(change)


def _tags_of(turn: ShownTurn) -> list[tuple[str, tuple[str, str]]]:
    tags: object = json.loads(turn.tags or "{}")
    pairs = [(str(name), tag_text(value)) for name, value in tags.items()] if isinstance(tags, dict) else []  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return [(cut(f"{name}={value}"), (name, value)) for name, value in pairs]

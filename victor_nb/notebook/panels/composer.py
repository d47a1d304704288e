"""Where a question is written: one line, which Enter sends, or several, and the Send button beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from victor_nb.notebook.panels.widgets import button, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork

SETTLE_S: Final = 0.15
"""A front end holds a text back while the kernel has not answered the one before; the click on Send overtakes it."""


class Composer:
    """Calls `send` with what was written. What is in the field when it is sent leaves it. `beside` are more buttons."""

    def __init__(self, work: PanelWork, send: Callable[[str], Coroutine[Any, Any, object]], *beside: Any) -> None:
        widgets = ipywidgets()
        self._send = send
        wide = {"placeholder": "Ask something", "continuous_update": False}
        self._line = widgets.Text(layout=widgets.Layout(flex="1 1 14em", width="auto"), **wide)
        self._lines = widgets.Textarea(layout=widgets.Layout(flex="1 1 14em", width="auto", height="7em"), **wide)
        self._several = widgets.ToggleButton(
            description="Lines", tooltip="Write several lines", layout=widgets.Layout(width="auto")
        )
        self._button = button("Send", "Send the question", style="primary")
        self.widget = row(self._line, self._several, self._button, *beside)
        self._several.observe(work.starts(self._change), "value")
        self._button.on_click(work.starts(self._take))
        self._line.on_msg(self._on_key)
        self._work = work

    @property
    def _field(self) -> Any:
        return self._lines if self._several.value else self._line

    @property
    def hidden(self) -> Any:
        """The field that is not seen at the moment."""
        return self._line if self._several.value else self._lines

    def give_back(self, text: str) -> None:
        """Put a question that was not answered into the field again, unless something else is there."""
        if not self._field.value.strip():
            self._several.value = self._several.value or "\n" in text
            self._field.value = text

    def _on_key(self, _: Any, content: dict[str, object], __: Any) -> None:
        if content.get("event") == "submit":
            self._work.start(self._take())

    async def _change(self) -> None:
        before, now = (self._line, self._lines) if self._several.value else (self._lines, self._line)
        now.value, before.value = before.value, ""
        self.widget.children = (now, *self.widget.children[1:])

    async def _take(self) -> None:
        await asyncio.sleep(SETTLE_S)
        field = self._field
        text = field.value
        if text.strip():
            field.value = ""
            await self._send(text.strip())

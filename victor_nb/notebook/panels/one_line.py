"""A field of one line with a button: Enter and the button do the same."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from victor_nb.notebook.panels.composer import SETTLE_S
from victor_nb.notebook.panels.widgets import button, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork


class OneLine:
    """Awaits `take` with what was written; the field is empty then, unless `keep`."""

    def __init__(
        self,
        work: PanelWork,
        name: str,
        hint: str,
        take: Callable[[str], Coroutine[Any, Any, object]],
        *,
        icon: str = "",
        keep: bool = False,
    ) -> None:
        widgets = ipywidgets()
        self._work, self._take, self._keep = work, take, keep
        layout = widgets.Layout(flex="1 1 14em", width="auto", max_width="30em")
        self._field = widgets.Text(placeholder=hint, continuous_update=False, layout=layout)
        self._field.on_msg(self._on_key)
        self._button = button(name, f"{name} {hint}", icon=icon)
        self._button.on_click(work.starts(self._send))
        self.widget = row(self._field, self._button)
        self.widget.layout.margin = "8px 0 0"

    @property
    def words(self) -> str:
        return self._field.value.strip()

    def _on_key(self, _: Any, content: dict[str, object], __: Any) -> None:
        if content.get("event") == "submit":
            self._work.start(self._send())

    async def _send(self) -> None:
        await asyncio.sleep(SETTLE_S)
        words = self.words
        if words or self._keep:
            await self._take(words)
        if not self._keep:
            self._field.value = ""

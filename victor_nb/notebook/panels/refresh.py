"""Keeps the tab that is seen up to date: it is asked twice a second whether there is something new, which costs next to
nothing, and refreshed when there is. One refresh at a time, so that a slow one is not overtaken by the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from victor_nb.notebook.panels.tab import PanelTab

INTERVAL_S: Final = 0.5


class Refresher:
    """`seen` gives the tab to keep up to date, or None while nobody looks; `failed` is told of errors, of the same one
    only once."""

    def __init__(self, seen: Callable[[], PanelTab | None], failed: Callable[[BaseException], None]) -> None:
        self._seen = seen
        self._failed = failed
        self._shown: object = None
        self._told = ""

    async def run(self, alive: Callable[[], bool]) -> None:
        """Until the panel is closed."""
        while alive():
            await self._look()
            await asyncio.sleep(INTERVAL_S)

    async def _look(self) -> None:
        try:
            if tab := self._seen():
                version = (id(tab), tab.version())
                if version != self._shown:
                    self._shown = version
                    await tab.refresh()
                self._told = ""
        except Exception as error:  # noqa: BLE001 (a tab that fails is told of, and looked at again)
            if self._told != (told := repr(error)):
                self._told = told
                self._failed(error)

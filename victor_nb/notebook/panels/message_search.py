"""Looking for words in all messages of a conversation, also those that are no longer sent, in the Context panel."""

from __future__ import annotations

import asyncio

from victor_nb.frames.dashboard_style import CLASSES
from victor_nb.notebook.panels import context_lists
from victor_nb.notebook.panels.one_line import OneLine
from victor_nb.notebook.panels.widgets import html, ipywidgets
from victor_nb.notebook.panels.work import PanelWork


class MessageSearch:
    """What was found stays until something else is looked for; an empty field takes it away."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._field = OneLine(work, "Search", "in all messages", self._look, icon="search", keep=True)
        self._found = html()
        self.widget = ipywidgets().VBox([self._field.widget, self._found])

    async def _look(self, words: str) -> None:
        if not words:
            self._found.value = ""
            return
        context = self._work.session.orchestrator.context_coordinator
        found = await asyncio.to_thread(context.search, words)
        self._found.value = f'<div class="{CLASSES}">{context_lists.hits(words, found)}</div>'

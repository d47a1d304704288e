"""The Context panel: how much of the model's window the conversation takes, what is sent of it and what is not, and the
means to steer that: compact, undo, pin, search.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import TYPE_CHECKING

from victor_nb.frames.dashboard_style import CLASSES
from victor_nb.frames.dashboard_style import STYLE as TABLES
from victor_nb.notebook.conversations.state import ConversationState
from victor_nb.notebook.panels.compaction_box import CompactionBox
from victor_nb.notebook.panels.context_lists import not_sent
from victor_nb.notebook.panels.message_search import MessageSearch
from victor_nb.notebook.panels.pins_box import PinsBox
from victor_nb.notebook.panels.widgets import html, ipywidgets
from victor_nb.notebook.panels.window_bar import STYLE as BAR
from victor_nb.notebook.panels.window_bar import window_bar
from victor_nb.notebook.panels.work import PanelWork

if TYPE_CHECKING:
    from victor_nb.context.conversation import Conversation


class ContextTab:
    """The conversation that the cells are in. What counts a thousand messages does so in a worker thread."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._showing = asyncio.Lock()
        self._window, self._left = html(), html()
        self._compaction = CompactionBox(work, self.refresh)
        self._pins = PinsBox(work, self.refresh)
        self._search = MessageSearch(work)
        self.widget = ipywidgets().VBox(
            [
                html(TABLES + BAR),
                self._window,
                self._compaction.widget,
                self._pins.widget,
                self._search.widget,
                self._left,
            ]
        )

    @property
    def _conversation(self) -> Conversation:
        return self._work.session.orchestrator.context_coordinator.conversation()

    def version(self) -> Hashable:
        one = self._conversation
        return one.session_id, id(one), one.version, len(one.records), one.turn_id, one.tokens(), one.meter.limits

    async def refresh(self) -> None:
        async with self._showing:
            conversation = self._conversation
            window, left = await asyncio.to_thread(self._drawn, conversation)
            self._window.value, self._left.value = window, left
            self._compaction.show(conversation)
            self._pins.show(conversation)

    def _drawn(self, conversation: Conversation) -> tuple[str, str]:
        context = self._work.session.orchestrator.context_coordinator
        state = ConversationState.of(context, conversation.session_id)
        left = not_sent(conversation.log, conversation.view)
        return (
            f'<div class="{CLASSES}">{window_bar(state)}</div>',
            f'<div class="{CLASSES}">{left}</div>' if left else "",
        )

    def close(self) -> None:
        self._compaction.close()

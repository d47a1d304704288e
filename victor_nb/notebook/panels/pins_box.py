"""The pins of a conversation in the Context panel: what is always sent as it is, with a field to pin one more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames.dashboard_style import CLASSES
from victor_nb.notebook.conversations.conversation import NotebookConversation
from victor_nb.notebook.conversations.listing import said
from victor_nb.notebook.panels.excerpts import excerpt
from victor_nb.notebook.panels.one_line import OneLine
from victor_nb.notebook.panels.widgets import button, close_all, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.notebook.words import whole_number

if TYPE_CHECKING:
    from victor_nb.context.conversation import Conversation
    from victor_nb.messages import Message

_MOST: Final = 10


class PinsBox:
    """`changed` is awaited when a pin was set or taken back."""

    def __init__(self, work: PanelWork, changed: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._work, self._changed = work, changed
        self._shown: tuple[tuple[int, str], ...] | None = None
        self._list = ipywidgets().VBox()
        field = OneLine(work, "Pin", "a message: its number, or words that only it holds", self._pin, icon="thumb-tack")
        self.widget = ipywidgets().VBox([field.widget, self._list])

    @property
    def _notebook(self) -> NotebookConversation:
        return NotebookConversation(lambda: self._work.session.orchestrator)

    def show(self, conversation: Conversation) -> None:
        pinned = [(number, message) for number, message in enumerate(conversation.log) if message.pinned]
        shown = tuple((number, message.id) for number, message in pinned)
        if shown == self._shown:
            return
        self._shown, before = shown, self._list.children
        rows = [self._row(number, message) for number, message in pinned[:_MOST]]
        more = f" · and {len(pinned) - _MOST:,} more" if len(pinned) > _MOST else ""
        told = f"<h4>{len(pinned):,} pinned{more}</h4>" if pinned else "Nothing is pinned."
        head = html(f'<div class="{CLASSES}"><span class="quiet">{told}</span></div>')
        self._list.children = (head, *rows)
        for old in before:
            close_all(old)

    def _row(self, number: int, message: Message) -> Any:
        one = button("Unpin", f"Take the pin of message {number} back", icon="times")
        one.on_click(self._work.starts(partial(self._unpin, message)))
        words = f'<div class="{CLASSES}">{number} · {excerpt(message.role, 20)} · {excerpt(said(message), 90)}</div>'
        told = html(words)
        told.layout.flex = "1 1 16em"
        return row(one, told)

    async def _pin(self, words: str) -> None:
        number = whole_number(words)
        message = await asyncio.to_thread(self._notebook.pin, words if number is None else number)
        self._work.line.say(f"Pinned, so that it is always sent: {said(message)[:80]}")
        await self._changed()

    async def _unpin(self, message: Message) -> None:
        await asyncio.to_thread(self._notebook.unpin, message.id)
        self._work.line.say(f"No longer pinned: {said(message)[:80]}")
        await self._changed()

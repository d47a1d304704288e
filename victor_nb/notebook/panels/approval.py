"""Asks in the panel whether a tool may be called: the whole call as it is going to be made, and three buttons."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any, Final

from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.panels.widgets import button, close_all, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork

_UNSEEN_S: Final = 3
"""Running the panel's cell again takes its view away for a moment."""
_NOBODY: Final = "A tool was not run: nobody saw the question, or a cell was waiting for this conversation."
_ANSWERS: Final = (
    ("Allow once", "y", "Make this call", "success"),
    ("Always", "a", "Make this call, and ask no more about this tool until the kernel ends", ""),
    ("Deny", "n", "Do not make this call; the model is told so", "danger"),
)


class PanelApproval:
    """`widget` is empty but for an open question. The call is denied where nobody can answer: when nobody looks at the
    panel, and when a cell waits for this very turn (`blocked`), so that the kernel hears no click."""

    def __init__(self, work: PanelWork, blocked: Callable[[], bool]) -> None:
        self._work = work
        self._blocked = blocked
        self._answer: asyncio.Future[str] | None = None
        self.widget = ipywidgets().VBox()

    async def ask(self, question: str) -> str | None:
        """What was clicked, as it would be typed below a cell; None where nobody could."""
        if not self._work.seen():
            return None
        self._work.show("chat")
        self._answer = asyncio.get_running_loop().create_future()
        shown = (html(_question_html(question)), row(*(self._button(*each) for each in _ANSWERS)))
        self.widget.children = shown
        try:
            return await self._clicked_while_seen(self._answer)
        finally:
            self._answer = None
            self.widget.children = ()
            for widget in shown:
                close_all(widget)

    def _button(self, text: str, answer: str, tooltip: str, style: str) -> Any:
        made = button(text, tooltip, style=style)
        made.on_click(self._work.starts(partial(self._clicked, answer)))
        return made

    async def _clicked_while_seen(self, answer: asyncio.Future[str]) -> str | None:
        unseen = 0
        while unseen < _UNSEEN_S:
            done, _ = await asyncio.wait([answer], timeout=1)
            if done:
                return answer.result()
            unseen = 0 if self._work.seen() and not self._blocked() else unseen + 1
        self._work.line.say(_NOBODY)
        return None

    async def _clicked(self, answer: str) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_result(answer)


def _question_html(question: str) -> str:
    shown = escape(show_bidi(clean(question)))
    told = "The model wants to run a tool."
    return f'<div class="victor-nb-approval" role="alert">{told}<pre tabindex="0">{shown}</pre></div>'

"""A turn that was asked in the panel, while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from functools import partial
from html import escape
from typing import Any, Final

from victor_nb.agent.inquiry import Emit
from victor_nb.agent.interruption import left_by
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools.approval import Asker
from victor_nb.background import model_loop
from victor_nb.messages import ChatResponse
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.render import render_note, wrap
from victor_nb.notebook.answers.showing import safely, streamed
from victor_nb.notebook.answers.stream import AnswerDisplay
from victor_nb.notebook.conversations.turns import ReadTurn
from victor_nb.notebook.panels.desk import PanelDesk
from victor_nb.notebook.panels.outlet import WidgetOutlet
from victor_nb.notebook.panels.questions import question_html
from victor_nb.notebook.panels.values import with_values
from victor_nb.notebook.panels.widgets import html, ipywidgets

_WAITS: Final = (
    "Waiting for the kernel: a cell is running, and the tool or expression runs when that is over. Stop ends the wait."
)


class LiveTurn:
    """Shows one question and streams its answer below it. `run` may be called once, on the private loop; `known` are
    the turns that there were before."""

    def __init__(self, question: str, known: Collection[str], asker: Asker) -> None:
        answer = ipywidgets().VBox()
        self._printed, self._state = html(), html()
        self.widget = ipywidgets().VBox([html(question_html(question)), answer, self._printed, self._state])
        self.question = self._sent = question
        self._known = known
        self._asker = asker
        self._desk = PanelDesk()
        self._display = AnswerDisplay(WidgetOutlet(answer), sole=True)
        self._task: asyncio.Task[Any] | None = None

    async def run(self, orchestrator: AgentOrchestrator, session_id: str) -> ChatResponse | None:
        """The answer; None when it was stopped before there was any.

        Raises:
            VictorError: the turn failed. What had come is shown, and marked.
        """
        self._task = asyncio.current_task()
        try:
            with self._desk.open(self._asker, self.stop):
                asked = partial(self._ask, orchestrator, session_id)
                return await streamed(asked, self._display, beside=self._show_state)
        except asyncio.CancelledError as error:
            return left_by(error)
        finally:
            safely(self._show_state)

    async def _ask(self, orchestrator: AgentOrchestrator, session_id: str, emit: Emit) -> ChatResponse:
        asked = await with_values(self.question)
        self._sent = asked.text
        return await orchestrator.chat(asked.text, images=asked.images, session_id=session_id, on_chunk=emit)

    def is_of(self, turn: ReadTurn) -> bool:
        """Whether this is that turn: its id is not known before it is over."""
        return turn.turn_id not in self._known and turn.question == self._sent

    def stop(self) -> None:
        """Cancel the turn; what has come is kept, by the conversation too. Any thread may call this, again too."""
        model_loop().loop.call_soon_threadsafe(self._cancel_once)

    @property
    def printed_html(self) -> str:
        """What its tools printed; empty when that is nothing."""
        text, more = self._desk.printed, self._desk.left_out
        if not text.strip():
            return ""
        cut = f"\n… ({more:,} more characters)" if more else ""
        shown = f"<pre>{escape(show_bidi(clean(text)))}{cut}</pre>"
        return wrap(f"<details open><summary>Printed by tools</summary>{shown}</details>", styled=False)

    def _cancel_once(self) -> None:
        if self._task and not self._task.cancelling():
            self._task.cancel()

    def _show_state(self) -> None:
        self._printed.value = self.printed_html
        self._state.value = wrap(render_note(_WAITS), styled=False) if self._desk.waits else ""

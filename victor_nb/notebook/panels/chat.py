"""The Chat panel: the conversation that the cells are in, and a field to go on with it."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, Final

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.context.conversation import Conversation
from victor_nb.host import lent
from victor_nb.messages import ChatResponse
from victor_nb.notebook.answers.render import wrap
from victor_nb.notebook.conversations.turns import ReadTurn, turns_of
from victor_nb.notebook.kernel.kernel_host import KernelHost
from victor_nb.notebook.panels.approval import PanelApproval
from victor_nb.notebook.panels.composer import Composer
from victor_nb.notebook.panels.live_turn import LiveTurn
from victor_nb.notebook.panels.pickers import ModelPicker, SessionPicker
from victor_nb.notebook.panels.transcript_view import TranscriptView
from victor_nb.notebook.panels.turn_notes import TurnNotes
from victor_nb.notebook.panels.widgets import button, close_all, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork

_BUSY: Final = "An answer is being given here: wait for it, or stop it."


class ChatTab:
    """One turn of the panel runs at a time; cells may ask meanwhile, and what they ask shows up here."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._live: LiveTurn | None = None
        self._looks = 0
        self._notes = TurnNotes()
        self._transcript = TranscriptView(work, self.refresh)
        self._behind: LiveTurn | None = None
        self._stop = button("Stop", "Stop the answer; what has come is kept")
        self._stop.on_click(work.starts(self._stop_turn))
        self._stop.disabled = True
        self._approval = PanelApproval(work, self._cell_waits)
        self._composer = Composer(work, self._ask, self._stop)
        self._model = ModelPicker(work)
        self._session = SessionPicker(work, lambda: _BUSY if self._live else "", self._enter)
        self.widget = ipywidgets().VBox(
            [
                html(wrap("")),
                row(self._session.widget, self._model.widget),
                _scrolled(self._transcript.widget),
                self._approval.widget,
                self._composer.widget,
            ]
        )

    def version(self) -> Hashable:
        session_id = self._orchestrator.session_id
        found = self._orchestrator.context_coordinator.conversations.get(session_id)
        state = (id(found), found.version, found.turn_id) if found else None
        return session_id, state, self._looks

    async def refresh(self) -> None:
        """At once with what is known, then with what the store knows of it."""
        conversation = await self._opened()
        last = self._transcript.last(self._show())
        if await self._notes.learn(self._work.session.store, conversation.session_id, last):
            self._show()
        elif not self._notes.is_whole(last):
            self._looks += 1
        if conversation.turn_id is None:
            await self._session.refresh()
            await self._model.refresh()

    @property
    def _orchestrator(self) -> AgentOrchestrator:
        return self._work.session.orchestrator

    @property
    def _conversation(self) -> Conversation:
        return self._orchestrator.context_coordinator.conversation()

    async def _opened(self) -> Conversation:
        """Reading it from the store blocks."""
        return await asyncio.to_thread(self._orchestrator.context_coordinator.conversation)

    def _show(self) -> Sequence[ReadTurn]:
        turns = self._finished()
        self._transcript.show(turns, self._notes.below, [self._behind.widget] if self._behind else [])
        return turns

    def close(self) -> None:
        if self._live:
            self._live.stop()
        for widget in (self._composer.hidden, self._transcript.earlier):
            close_all(widget)

    def _finished(self) -> Sequence[ReadTurn]:
        """All turns but the one that streams here."""
        turns = turns_of(self._conversation.log, self._notes.calls)
        return [self._notes.with_thoughts(one) for one in turns if not (self._live and self._live.is_of(one))]

    async def _ask(self, text: str) -> None:
        conversation = await self._opened()
        if self._live:  # asked only now: while that waited another question may have come
            self._composer.give_back(text)
            self._work.line.say(_BUSY)
            return
        self._work.line.clear()
        self._live = live = LiveTurn(text, known=conversation.turn_ids, asker=self._approval.ask)
        self._put_behind(live)
        self._stop.disabled = False
        try:
            response = await live.run(self._orchestrator, conversation.session_id)
        except Exception:
            self._composer.give_back(text)
            raise
        else:
            self._finish(live, response)
        finally:
            self._live = None
            self._stop.disabled = True

    def _finish(self, live: LiveTurn, response: ChatResponse | None) -> None:
        """From now on the turn stands with the others."""
        if response:
            self._notes.keep(response, live.printed_html)
        else:
            self._composer.give_back(live.question)
        self._live = None
        self._put_behind(None)

    def _put_behind(self, live: LiveTurn | None) -> None:
        """Behind the turns stands the one that runs here, and one that failed until the next is asked."""
        before, self._behind = self._behind, live
        self._show()
        if before:
            close_all(before.widget)

    def _cell_waits(self) -> bool:
        """Whether a cell waits for the turn that runs here. Then no click may come through until it is over."""
        host = lent()
        return isinstance(host, KernelHost) and host.asker.waits_in(self._orchestrator.session_id)

    async def _enter(self) -> None:
        """Another session was chosen."""
        self._looks += 1  # who goes back at once finds what was there before, and has to be shown it
        self._transcript.forget()
        self._put_behind(None)
        await self.refresh()

    async def _stop_turn(self) -> None:
        if self._live:
            self._live.stop()


def _scrolled(*content: Any) -> Any:
    """A box that stays at its end while it grows: its one child stands in a column that begins at the bottom."""
    widgets = ipywidgets()
    inside = widgets.VBox(content, layout=widgets.Layout(flex="0 0 auto", width="auto"))
    shape = {"flex_flow": "column-reverse", "overflow": "hidden auto", "max_height": "32em", "align_items": "stretch"}
    return widgets.Box([inside], layout=widgets.Layout(width="100%", **shape))

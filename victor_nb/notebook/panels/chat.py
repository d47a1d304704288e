"""The Chat panel: the conversation that the cells are in, and a field to go on with it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from victor_nb.context.conversation import Conversation
from victor_nb.messages import ChatResponse
from victor_nb.notebook.panels.approval import PanelApproval
from victor_nb.notebook.panels.composer import Composer
from victor_nb.notebook.panels.live_turn import LiveTurn
from victor_nb.notebook.panels.transcript_view import TranscriptView
from victor_nb.notebook.panels.turn_notes import TurnNotes
from victor_nb.notebook.panels.widgets import button, close_all, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.notebook.render import wrap
from victor_nb.notebook.turns import ReadTurn, turns_of


class ChatTab:
    """One turn of the panel runs at a time; cells may ask meanwhile, and what they ask shows up here."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._live: LiveTurn | None = None
        self._looks = 0
        self._notes = TurnNotes()
        self._transcript = TranscriptView(work, self.refresh)
        self._behind: LiveTurn | None = None
        self._stop = button("Stop", "Stop the answer; what has come is kept", icon="stop")
        self._stop.on_click(work.starts(self._stop_turn))
        self._stop.disabled = True
        self._approval = PanelApproval(work)
        self._composer = Composer(work, self._ask)
        self.widget = ipywidgets().VBox(
            [
                html(wrap("")),
                _scrolled(self._transcript.widget),
                self._approval.widget,
                self._composer.widget,
                row(self._stop),
            ]
        )

    @property
    def _conversation(self) -> Conversation:
        return self._work.session.orchestrator.context_coordinator.conversation()

    def version(self) -> Hashable:
        conversation = self._conversation
        return conversation.session_id, id(conversation), conversation.version, conversation.turn_id, self._looks

    async def refresh(self) -> None:
        """At once with what is known, then with what the store knows of it."""
        turns = self._show()
        conversation, last = self._conversation, self._transcript.last(turns)
        store = self._work.session.store
        if await self._notes.learn(store, conversation.session_id, last):
            self._show()
        elif not self._notes.is_whole(last):
            self._looks += 1

    def _show(self) -> Sequence[ReadTurn]:
        turns = self._finished()
        self._transcript.show(turns, self._notes.below, [self._behind.widget] if self._behind else [])
        return turns

    def close(self) -> None:
        if self._live:
            self._live.stop()

    def _finished(self) -> Sequence[ReadTurn]:
        """All turns but the one that streams here."""
        turns = turns_of(self._conversation.log, self._notes.calls)
        return [turn for turn in turns if not (self._live and self._live.is_of(turn))]

    async def _ask(self, text: str) -> None:
        if self._live:
            self._work.line.say("An answer is being given here: wait for it, or stop it.")
            return
        self._put_behind(None)
        self._live = live = LiveTurn(text, known=self._conversation.turn_ids, asker=self._approval.ask)
        self._put_behind(live)
        self._stop.disabled = False
        try:
            response = await live.run(self._work.session.orchestrator, self._conversation.session_id)
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
        self._live = None
        self._put_behind(None)

    def _put_behind(self, live: LiveTurn | None) -> None:
        """Behind the turns stands the one that runs here, and one that failed until the next is asked."""
        before, self._behind = self._behind, live
        self._show()
        if before:
            close_all(before.widget)

    async def _stop_turn(self) -> None:
        if self._live:
            self._live.stop()


def _scrolled(*content: Any) -> Any:
    """A box that stays at its end while it grows: its one child stands in a column that begins at the bottom."""
    widgets = ipywidgets()
    inside = widgets.VBox(content, layout=widgets.Layout(width="100%"))
    return widgets.Box(
        [inside], layout=widgets.Layout(flex_flow="column-reverse", overflow="auto", max_height="32em", width="100%")
    )

"""The turns of a conversation in a panel: the last ones, and earlier ones on request, so that a thousand turns cost no
more than twenty. A turn that has not changed is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

from victor_nb.messages import code_blocks
from victor_nb.notebook.code_cells import offer
from victor_nb.notebook.conversations.turns import ReadTurn
from victor_nb.notebook.panels.questions import turn_html
from victor_nb.notebook.panels.widgets import button, close_all, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork

SHOWN_AT_ONCE: Final = 20
_INSERTED: Final = "Run %victor paste in a cell: the code of this answer comes into the cell below it."


class TranscriptView:
    """`show` takes all turns, of which `last` are seen; `more` is called when it is to show more of them."""

    def __init__(self, work: PanelWork, more: Callable[[], Any]) -> None:
        self._work = work
        self._more = more
        self.earlier = button("Show earlier turns", "Show earlier turns")
        self.earlier.on_click(work.starts(self._show_more))
        self._limit = SHOWN_AT_ONCE
        self._seen: dict[str, _ShownTurn] = {}
        self.widget = ipywidgets().VBox()

    def last(self, turns: Sequence[ReadTurn]) -> Sequence[ReadTurn]:
        return turns[-self._limit :]

    def show(self, turns: Sequence[ReadTurn], below: Callable[[ReadTurn], str], running: Sequence[Any] = ()) -> None:
        """`below` gives the HTML under an answer; `running` are widgets that stand behind the turns."""
        shown = {turn.turn_id or turn.mark[0]: turn for turn in self.last(turns)}
        gone = [self._seen.pop(name) for name in list(self._seen) if name not in shown]
        for name, turn in shown.items():
            self._seen.setdefault(name, _ShownTurn(self._work)).show(turn, below(turn))
        hidden = len(turns) - len(shown)
        self.earlier.description = f"Show earlier turns ({hidden:,} more)"
        children = (*([self.earlier] if hidden else []), *(self._seen[name].widget for name in shown), *running)
        if self.widget.children != children:
            self.widget.children = children
        for one in gone:
            close_all(one.widget)

    def forget(self) -> None:
        """Begin again at the end, as in another conversation."""
        self._limit = SHOWN_AT_ONCE

    async def _show_more(self) -> None:
        self._limit += SHOWN_AT_ONCE
        await self._more()


class _ShownTurn:
    """One turn, with a button for its code if it has any."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._shown: object = None
        self._text = html(typeset=True)
        self._prose = ""
        self.widget = ipywidgets().VBox([self._text])

    def show(self, turn: ReadTurn, below: str) -> None:
        state = (turn.mark, turn.segments, below)
        if state == self._shown:
            return
        self._shown, self._prose = state, turn.prose
        self._text.value = turn_html(turn, below)
        if code_blocks(turn.prose) and len(self.widget.children) == 1:
            insert = button("Insert code", "Offer the code of this answer to %victor paste")
            insert.on_click(self._work.starts(partial(self._insert)))
            self.widget.children = (self._text, row(insert))

    async def _insert(self) -> None:
        """Only a cell that runs can ask for a new cell."""
        offer(self._prose)
        self._work.line.say(_INSERTED)

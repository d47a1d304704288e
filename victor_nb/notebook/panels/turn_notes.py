"""What stands below the answers of a transcript: the footer, and what tools printed.

Footers of turns that the panel did not ask itself come from the store. It is asked again when a turn is not in it yet;
one that is not there after a few times, as where analytics are off, has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from victor_nb.messages import ChatResponse, ToolResult
from victor_nb.notebook.answers.render import render_footer
from victor_nb.notebook.answers.transcript import Thought
from victor_nb.notebook.conversations.turn_facts import TurnFacts
from victor_nb.notebook.conversations.turns import ReadTurn
from victor_nb.protocols import IEventStore

_TRIES: Final = 4
_EVENTS_A_TURN: Final = 20


class TurnNotes:
    """By turn. `asked` counts how often the store was asked, for those that refresh when it has been."""

    def __init__(self) -> None:
        self._answers: dict[str, ChatResponse] = {}
        self._calls: dict[str, ToolResult] = {}
        self._printed: dict[str, str] = {}
        self._tries: dict[str, int] = {}

    @property
    def calls(self) -> Mapping[str, ToolResult]:
        """How tool calls ended, by their id."""
        return self._calls

    def keep(self, response: ChatResponse, printed: str) -> None:
        """Of a turn that was asked here; `printed` is HTML."""
        self._answers[response.turn_id] = response
        self._calls.update((call.id, call) for call in response.tool_calls)
        self._printed[response.turn_id] = printed

    def with_thoughts(self, turn: ReadTurn) -> ReadTurn:
        """Of a turn that was asked here: a conversation does not keep what its model thought."""
        known = self._answers.get(turn.turn_id or "")
        if known is None or not known.reasoning:
            return turn
        return replace(turn, segments=(Thought(known.reasoning), *turn.segments))

    async def learn(self, store: IEventStore, session_id: str, turns: Sequence[ReadTurn]) -> bool:
        """Ask the store about turns that nothing is known of; whether there was anything new. While a turn runs there
        is nothing to know of it."""
        unknown = [one.turn_id for one in turns if one.turn_id and one.segments and self._is_open(one.turn_id)]
        if not unknown:
            return False
        for turn_id in unknown:
            self._tries[turn_id] = self._tries.get(turn_id, 0) + 1
        facts = await asyncio.to_thread(TurnFacts.read, store, session_id, _EVENTS_A_TURN * len(turns))
        self._answers = {**facts.answers, **self._answers}
        self._calls = {**facts.calls, **self._calls}
        return any(turn_id in facts.answers for turn_id in unknown)

    def is_whole(self, turns: Sequence[ReadTurn]) -> bool:
        """Whether asking again would be of no use."""
        return not any(one.turn_id and self._is_open(one.turn_id) for one in turns)

    def below(self, turn: ReadTurn) -> str:
        """The HTML that belongs under the answer."""
        known = self._answers.get(turn.turn_id or "")
        return self._printed.get(turn.turn_id or "", "") + (render_footer(known) if known else "")

    def _is_open(self, turn_id: str) -> bool:
        return turn_id not in self._answers and self._tries.get(turn_id, 0) < _TRIES

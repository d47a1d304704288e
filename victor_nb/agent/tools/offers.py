"""Which tools a turn offers. A turn that takes another's place is offered what that one had to choose from, so that
running a notebook again sends the same requests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from victor_nb.agent.tools.selection import ToolSelector
from victor_nb.agent.tools.toolbox import Toolbox
from victor_nb.config.settings import Settings
from victor_nb.messages import Message, ToolSpec

_LOOKED_BACK = 40
"""Messages in which a call makes its tool one that the conversation is using."""


@dataclass(frozen=True)
class Asked:
    """What a turn asks for: its message and session, the turn that it replaces, and the messages before it."""

    session_id: str
    turn_id: str
    message: str
    replaces: str | None
    view: Callable[[], Sequence[Message]]


class ToolOffers:
    """Those of one orchestrator."""

    def __init__(self) -> None:
        self._selector = ToolSelector()
        self._before: dict[str, tuple[str, ...]] = {}

    def rehearsal(self, unasked: Callable[[str], None]) -> ToolOffers:
        """One that offers the same, of which nothing here is changed; `unasked` is told of an embedder that it does not
        ask."""
        twin = ToolOffers()
        twin._selector, twin._before = self._selector.rehearsal(unasked), dict(self._before)
        return twin

    async def of(self, toolbox: Toolbox, asked: Asked, settings: Settings) -> tuple[ToolSpec, ...]:
        if len(toolbox) <= settings.tool_selection_limit:
            return toolbox.specs
        if asked.replaces in self._before:
            self._selector.restore(asked.session_id, self._before[asked.replaces])
        self._before[asked.turn_id] = self._selector.offered(asked.session_id)
        used = _used(asked.view())
        return await self._selector.select(asked.session_id, toolbox, asked.message, used, settings)


def _used(view: Sequence[Message]) -> list[str]:
    """Names of the tools that were called last, the latest at the end."""
    return [call.name for message in view[-_LOOKED_BACK:] for call in message.tool_calls]

"""The variable that `-o` names. An interrupted turn may need longer to put its affairs in order than its cell waits for
it; what it leaves is bound then, too, so that the variable never keeps an older answer as if it were this one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final

from victor_nb.agent.interruption import left_by
from victor_nb.messages import ChatResponse

_NOTHING: Final = object()


class Binding:
    """Of one turn. Without a `name` nothing is bound, and what the turn leaves is still known."""

    def __init__(self, shell: Any, name: str | None) -> None:
        self._shell = shell
        self._name = name
        self._before = self._value
        self._guard = threading.Lock()
        self._partial: ChatResponse | None = None
        self._given_up = False

    async def note(self, turn: Coroutine[Any, Any, ChatResponse]) -> ChatResponse:
        """Await the turn, on the loop thread, and keep what it leaves."""
        try:
            response = await turn
        except asyncio.CancelledError as error:
            self._keep(left_by(error))
            raise
        self._keep(response)
        return response

    def bind(self, response: ChatResponse) -> None:
        if self._name:
            self._shell.push({self._name: response})

    def give_up(self) -> ChatResponse | None:
        """Bind what there is of the answer; what comes later is bound then, unless something else is already."""
        with self._guard:
            self._given_up = True
            if self._partial:
                self.bind(self._partial)
            return self._partial

    def _keep(self, response: ChatResponse | None) -> None:
        with self._guard:
            self._partial = response
            if response and self._given_up and self._value is self._before:
                self.bind(response)

    @property
    def _value(self) -> object:
        return self._shell.user_ns.get(self._name, _NOTHING)

"""`Victor`, what the fixture of that name gives a test: something to chat with, and what was recorded of it."""

from __future__ import annotations

import asyncio
from typing import Any

from victor_nb.agent.budget import Budget
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools.sources import IToolSource
from victor_nb.errors import UsageError
from victor_nb.exporters.home import running_loop
from victor_nb.frames import Analytics
from victor_nb.messages import ChatResponse, ModelRequest
from victor_nb.protocols import IChatModel, IEventStore, ToolFunction
from victor_nb.session import Session, set_current
from victor_nb.testing.doubles.replies import Scripted
from victor_nb.testing.doubles.scripted import ScriptedModel


class Victor:
    """An orchestrator whose model answers from a script, or is `model`. It is the notebook's as well:
    `vn.orchestrator`, `vn.analytics` and `vn.tool` mean it for as long as it is open.

    What other orchestrators of the test record is in `analytics` too, unless they are given a store of their own.
    """

    def __init__(self, model: str | IChatModel | None = None, *, scripted: bool = True) -> None:
        self._script = ScriptedModel()
        self._runner: asyncio.Runner | None = None
        self._session = Session()
        chosen = self._script if scripted and model is None else model
        self._session.orchestrator = AgentOrchestrator(model=chosen, budget=Budget())
        self._before = set_current(self._session)

    @property
    def orchestrator(self) -> AgentOrchestrator:
        return self._session.orchestrator

    @property
    def tools(self) -> list[ToolFunction | IToolSource]:
        """What the model may call; add yours."""
        return self.orchestrator.tools

    @property
    def store(self) -> IEventStore:
        return self.orchestrator.analytics_coordinator.store

    @property
    def analytics(self) -> Analytics:
        """Frames of all that happened in the test."""
        return Analytics(lambda: self.store)

    @property
    def requests(self) -> list[ModelRequest]:
        """What the script's model was asked, oldest first."""
        return self._script.requests

    def script(self, *answers: Scripted) -> ScriptedModel:
        """Answer so, behind what is left of earlier answers; see `ScriptedModel`. Returns the model."""
        self._script.add(*answers)
        return self._script

    def chat(self, message: str, **arguments: Any) -> ChatResponse:
        """`orchestrator.chat`, for tests that are no coroutines. Raises what that raises, and UsageError when an event
        loop is running here: `await victor.chat_async(…)` then."""
        if running_loop():
            raise UsageError("an event loop is running here.", hint="write: await victor.chat_async(…)")
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self.chat_async(message, **arguments))

    async def chat_async(self, message: str, **arguments: Any) -> ChatResponse:
        return await self.orchestrator.chat(message, **arguments)

    def close(self) -> None:
        set_current(self._before)
        self._session.close()
        if self._runner:
            self._runner.close()

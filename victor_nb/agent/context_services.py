"""What the context coordinator is given by its orchestrator: a model to ask, an embedder, and a place for its records.

It knows the sessions' running turns, so that what is asked for a compaction within a turn is part of that turn.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from victor_nb.agent.budget import Purse
from victor_nb.agent.coordinators.analytics_coordinator import AnalyticsCoordinator
from victor_nb.agent.inquiry import Inquiry, ModelInUse
from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.recorder import SessionRecorder
from victor_nb.agent.turn import Turn
from victor_nb.config.settings import Settings
from victor_nb.context.compaction import CompactionRecord, Undone
from victor_nb.context.tokens import estimate_messages
from victor_nb.messages import Message, ModelRequest
from victor_nb.models.embeddings import embed
from victor_nb.protocols import IChatModel
from victor_nb.store.redaction import redact_of

Resolve: TypeAlias = Callable[[Any], Awaitable[IChatModel]]


class ContextServices:
    """`running` gives a session's turn in progress, `last_model` the model that answered in it last. What belongs to no
    turn is paid from `purse`."""

    def __init__(
        self,
        settings: Settings,
        analytics: AnalyticsCoordinator,
        middlewares: Middlewares,
        resolve: Resolve,
        purse: Purse,
        running: Callable[[str], Turn | None],
        last_model: Callable[[str], ModelInUse | None],
    ) -> None:
        self._settings = settings
        self._analytics = analytics
        self._middlewares = middlewares
        self._resolve = resolve
        self._purse = purse
        self._running = running
        self._last_model = last_model

    def notice(self, session_id: str, record: CompactionRecord | Undone) -> None:
        """Put on record what happened beside a turn's own requests."""
        recorder = self._recorder(session_id)
        if isinstance(record, Undone):
            recorder.undone(record)
        else:
            recorder.compaction(record)

    async def ask(self, session_id: str, messages: Sequence[Message], model: Any = None) -> str:
        """The text that `model`, or the conversation's, answers to these messages. Raises VictorError."""
        used = await self._model(session_id, model)
        recorder = self._recorder(session_id)
        timeout_s = self._settings.timeout_s
        request = ModelRequest(
            tuple(messages),
            settings={} if timeout_s is None else {"timeout": timeout_s},
            session_id=session_id,
            turn_id=recorder.turn_id or "",
            purpose="compaction",
        )
        turn = self._running(session_id)
        inquiry = Inquiry(used, recorder, self._middlewares, turn.purse if turn else self._purse)
        reply = await inquiry.ask(request, estimate_messages(messages))
        return reply.message.content

    async def embed(self, texts: Sequence[str], embedder: Any = None) -> list[list[float]]:
        """A vector for each text, by `embedder` or the configured one. Raises VictorError."""
        wanted = self._settings.embedder if embedder is None else embedder
        return await embed(texts, wanted, redact=redact_of(self._settings))

    async def _model(self, session_id: str, model: Any) -> ModelInUse:
        turn = self._running(session_id)
        own = turn.plan.used if turn and turn.plan else self._last_model(session_id)
        if model is None and own is not None:
            return own
        found = await self._resolve(model)
        return own if own is not None and own.model is found else ModelInUse.of(found, own_prices=self._settings.prices)

    def _recorder(self, session_id: str) -> SessionRecorder:
        turn = self._running(session_id)
        return turn.recorder if turn else SessionRecorder(self._analytics, session_id)

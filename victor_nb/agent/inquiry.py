"""A model asked once: through the middleware, streamed or not, with each request that is really sent on record.

What is asked, and what becomes of the answer, is the caller's business: a turn's exchange, or a compaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, cast

from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.recorder import RequestRecorder, SessionRecorder
from victor_nb.context.tokens import estimate_text
from victor_nb.errors import ModelResponseError
from victor_nb.messages import ChatChunk, ModelDelta, ModelReply, ModelRequest, Usage, new_id
from victor_nb.protocols import IChatModel

Emit: TypeAlias = Callable[[ChatChunk], None]
WindowSource: TypeAlias = Literal["settings", "profile", "fallback"]

FALLBACK_WINDOW_TOKENS = 32_768
"""Assumed for a model whose context window nobody states (most local servers run with less than they could)."""


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model, the tokens of its window, and who stated them: the settings, the model's profile, or nobody."""

    model: IChatModel
    window_tokens: int
    window_source: WindowSource

    @classmethod
    def of(cls, model: IChatModel, configured_window: int | None = None) -> ModelInUse:
        if configured_window is not None:
            return cls(model, configured_window, "settings")
        known = model.context_window
        return cls(model, known, "profile") if known else cls(model, FALLBACK_WINDOW_TOKENS, "fallback")


class Inquiry:
    """Asks a model for `recorder`'s turn, or outside of any.

    Attributes:
        partial: the text that has come so far of an answer that is not whole; empty otherwise.
        sent: the request that the model was sent, and
        answered: its own answer; None when a middleware answered or refused.
    """

    def __init__(
        self, used: ModelInUse, recorder: SessionRecorder, middlewares: Middlewares, emit: Emit | None = None
    ) -> None:
        self.partial = ""
        self.sent: ModelRequest | None = None
        self.answered: ModelReply | None = None
        self._used = used
        self._recorder = recorder
        self._middlewares = middlewares
        self._emit = emit
        self._reasoning = ""
        self._tokens = 0

    async def ask(self, request: ModelRequest, tokens: int) -> ModelReply:
        """The answer that comes out of the middleware. `tokens` is what the request is counted to take.

        Raises:
            ModelRequestError: the provider failed.
            DeniedError: a middleware refused the request, or the answer.
        """
        self.partial = self._reasoning = ""
        self.sent = self.answered = None
        self._tokens = tokens
        reply = await self._middlewares.around_request(request, self._send)
        shown, self.partial = self.partial, ""
        reply = self._adopted(reply)
        self._show_rest(reply.message.content, shown)
        return reply

    def _adopted(self, reply: ModelReply) -> ModelReply:
        """A middleware's answer as a message of its own: it may be one that it gave before, or another's changed."""
        if reply is self.answered:
            return reply
        message, own = reply.message, self.answered.message if self.answered else None
        same = own is not None and (message.content, message.tool_calls) == (own.content, own.tool_calls)
        wire = message.wire if same else None  # the model library's own form would say something else
        return replace(reply, message=replace(message, id=new_id(), turn_id=None, pinned=False, wire=wire))

    def _show_rest(self, text: str, shown: str) -> None:
        """To the screen, what a middleware said itself, or added; what it took back has been seen."""
        if self._emit and len(text) > len(shown) and text.startswith(shown):
            self._emit(ChatChunk(content=text[len(shown) :]))

    async def _send(self, request: ModelRequest) -> ModelReply:
        recorder = self._started(request)
        self.sent = request
        try:
            reply = await self._answer(request, recorder)
        except (asyncio.CancelledError, KeyboardInterrupt):
            recorder.interrupted(self._estimated_usage())
            raise
        except BaseException as error:
            recorder.failed(error)
            raise
        recorder.completed(reply)
        self.answered = reply
        return reply

    def _started(self, request: ModelRequest) -> RequestRecorder:
        used, settings = self._used, request.settings
        recorder = RequestRecorder(
            self._recorder, purpose=request.purpose, model=used.model.name, provider=used.model.provider
        )
        recorder.started(
            temperature=cast("float | None", settings.get("temperature")),
            max_tokens=cast("int | None", settings.get("max_tokens")),
            messages=len(request.messages),
            tools=len(request.tools),
            window_tokens=used.window_tokens,
            window_source=used.window_source,
        )
        return recorder

    async def _answer(self, request: ModelRequest, recorder: RequestRecorder) -> ModelReply:
        model = self._used.model
        if self._emit is None:
            return await model.request(request)
        stream = model.stream(request)
        try:
            async for item in stream:
                if isinstance(item, ModelReply):
                    return item
                recorder.first_token()
                self._show(item, self._emit)
        finally:
            if isinstance(stream, AsyncGenerator):
                await stream.aclose()  # closes the connection of an answer that nobody reads on
        raise ModelResponseError(f"{model.name} ended its stream without an answer.")

    def _show(self, delta: ModelDelta, emit: Emit) -> None:
        self.partial += delta.text
        self._reasoning += delta.reasoning
        if delta.text or delta.reasoning:
            emit(ChatChunk(content=delta.text, reasoning=delta.reasoning))

    def _estimated_usage(self) -> Usage:
        source = "unmeasured" if self._used.model.provider == "demo" else "estimated"
        return Usage(self._tokens, estimate_text(self.partial + self._reasoning), source=source)

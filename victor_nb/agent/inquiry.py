"""A model asked once: through the middleware, streamed or not, with each request that is really sent on record.

What is asked, and what becomes of the answer, is the caller's business: a turn's exchange, or a compaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias, cast

from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.recorder import RequestRecorder, SessionRecorder
from victor_nb.context.tokens import estimate_messages, estimate_text, estimate_tools
from victor_nb.errors import ModelResponseError
from victor_nb.messages import ChatChunk, ModelDelta, ModelReply, ModelRequest, Usage, new_id
from victor_nb.models import prices
from victor_nb.protocols import IChatModel

Emit: TypeAlias = Callable[[ChatChunk], None]
WindowSource: TypeAlias = Literal["settings", "profile", "fallback"]

FALLBACK_WINDOW_TOKENS = 32_768
"""Assumed for a model whose context window nobody states (most local servers run with less than they could)."""


@dataclass(frozen=True, slots=True)
class ModelInUse:
    """A model, the tokens of its window, and who stated them: the settings, the model's profile, or nobody. `own_price`
    is what the settings say that it costs."""

    model: IChatModel
    window_tokens: int
    window_source: WindowSource
    own_price: tuple[float, float] | None = None

    @classmethod
    def of(
        cls, model: IChatModel, configured_window: int | None = None, own_prices: Mapping[str, tuple[float, float]] = {}
    ) -> ModelInUse:
        price = prices.own_price(own_prices, model.name, model.provider, model.base_url) if own_prices else None
        if configured_window is not None:
            return cls(model, configured_window, "settings", price)
        known = model.context_window
        return cls(model, known or FALLBACK_WINDOW_TOKENS, "profile" if known else "fallback", price)

    @property
    def is_free(self) -> bool:
        """A model that runs on a machine of one's own, or is none."""
        return self.own_price is None and prices.is_free(self.model.provider, self.model.base_url)

    def price_of(self, usage: Usage) -> tuple[float | None, str | None]:
        """(US dollars, whose price that is), or (None, None) when it is unknown."""
        if self.own_price and usage.source != "unmeasured":
            return prices.at_price(usage, self.own_price), prices.OWN
        return prices.price(usage, self.model.name, self.model.provider, self.model.base_url)


class IPurse(Protocol):
    """What requests are paid from, as `budget.Purse`: `admit` puts aside what one is expected to cost, or raises
    BudgetError; `settle` is told what it did cost, None when nobody knows."""

    def admit(self, used: ModelInUse, request: ModelRequest, tokens: int, recorder: SessionRecorder) -> float: ...
    def settle(self, reserved: float, spent: float | None, turn_id: str | None) -> None: ...


class Inquiry:
    """Asks a model for `recorder`'s turn, or outside of any.

    Attributes:
        partial: the text that has come so far of an answer that is not whole; empty otherwise.
        sent: the request that the model was sent, and
        answered: its own answer; None when a middleware answered or refused.
    """

    def __init__(
        self,
        used: ModelInUse,
        recorder: SessionRecorder,
        middlewares: Middlewares,
        purse: IPurse,
        emit: Emit | None = None,
    ) -> None:
        self.partial = ""
        self.sent: ModelRequest | None = None
        self.answered: ModelReply | None = None
        self._asked: ModelRequest | None = None
        self._used = used
        self._recorder = recorder
        self._middlewares = middlewares
        self._purse = purse
        self._emit = emit
        self._reasoning = ""
        self._tokens = 0
        self._spent: float | None = 0.0

    async def ask(self, request: ModelRequest, tokens: int) -> ModelReply:
        """The answer that comes out of the middleware. `tokens` is what the request is counted to take.

        Raises:
            ModelRequestError: the provider failed.
            DeniedError: a middleware refused the request, or the answer.
            BudgetError: it would cost more than may be spent.
        """
        self.partial = self._reasoning = ""
        self.sent = self.answered = None
        self._tokens, self._asked = tokens, request
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
        reserved = self._purse.admit(self._used, request, self._counted(request), self._recorder)
        self._spent = 0.0
        try:
            return await self._recorded(request)
        finally:
            self._purse.settle(reserved, self._spent, self._recorder.turn_id)

    def _counted(self, request: ModelRequest) -> int:
        """As `ask` was told, unless a middleware has sent something larger."""
        if request is self._asked:
            return self._tokens
        return max(self._tokens, estimate_messages(request.messages) + estimate_tools(request.tools))

    async def _recorded(self, request: ModelRequest) -> ModelReply:
        recorder = self._started(request)
        self.sent = request
        try:
            reply = self._priced(await self._answer(request, recorder))
        except (asyncio.CancelledError, KeyboardInterrupt):
            usage = self._estimated_usage()
            self._spent = self._cost_of(usage)
            recorder.interrupted(usage)
            raise
        except BaseException as error:
            self._spent = self._cost_of(self._estimated_usage()) if self.partial else 0.0
            recorder.failed(error)
            raise
        self._spent = self._cost_of(reply.usage) if reply.cost_usd is None else reply.cost_usd
        recorder.completed(reply)
        self.answered = reply
        return reply

    def _priced(self, reply: ModelReply) -> ModelReply:
        """What the settings say of a price counts more than any table."""
        cost, source = self._used.price_of(reply.usage) if self._used.own_price else (None, None)
        return reply if cost is None else replace(reply, cost_usd=cost, cost_source=source)

    def _cost_of(self, usage: Usage) -> float | None:
        """US dollars, about; None when no price is known."""
        return 0.0 if self._used.is_free or usage.source == "unmeasured" else self._used.price_of(usage)[0]

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

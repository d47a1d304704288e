"""A model behind a provider's API, through pydantic-ai's model layer. All its I/O happens on the one model loop.

Requests may be awaited from any loop or thread. The model library is imported and its model built at the first
request, in a worker thread, so that a notebook stays responsive.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from victor_nb.background import iterate_on, model_loop
from victor_nb.errors import ModelConnectionError
from victor_nb.messages import MODEL_SETTINGS, ModelDelta, ModelReply, ModelRequest
from victor_nb.models import prices, wire_guard, wire_messages
from victor_nb.models.failures import Target, translate
from victor_nb.models.vision import takes_images
from victor_nb.models.wire_clients import close_client, close_later

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse, ModelResponseStreamEvent
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

Item = ModelDelta | ModelReply


@dataclass(frozen=True, slots=True)
class _Built:
    model: Model
    converter: wire_messages.MessageConverter


class WireModel:
    """`build` makes the library's model when it is first needed; with `owned` its client is closed with this object.

    `target` names the model in prices and errors.
    """

    def __init__(self, target: Target, build: Callable[[], Model], *, owned: bool = True) -> None:
        self.name = target.model
        self.provider = target.provider
        self.base_url = target.base_url
        self._target = target
        self._build = build
        self._owned = owned
        self._built: _Built | None = None
        self._building = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<WireModel {self.provider}:{self.name}>"

    @property
    def context_window(self) -> int | None:
        """Tokens, from the library's profile once it is loaded, else from the price tables; None when unknown."""
        profile: dict[str, Any] = dict(self._built.model.profile) if self._built else {}
        known = profile.get("context_window") if not self._is_local() else None
        return known or prices.context_window(self.name, self.provider, self.base_url)

    @property
    def accepts_images(self) -> bool:
        """Whether it takes images: as its name suggests, until the library's profile is loaded."""
        return self._built.converter.images if self._built else self._takes_images(None)

    def _takes_images(self, profiled: object) -> bool:
        return takes_images(self.provider, self.name, self.base_url, profiled is not False)

    def _is_local(self) -> bool:
        return self.base_url is not None and prices.is_private(self.base_url)

    async def request(self, request: ModelRequest) -> ModelReply:
        return await model_loop().run(self._request(request))

    def stream(self, request: ModelRequest) -> AsyncIterator[Item]:
        items = self._stream(request)
        return items if model_loop().is_current() else iterate_on(model_loop(), items)

    async def aclose(self) -> None:
        """Close the connections. The next request opens new ones."""
        built, self._built = self._built, None
        if built is not None and self._owned:
            await model_loop().run(close_client(built.model))

    async def _request(self, request: ModelRequest) -> ModelReply:
        wire_guard.check_request(self.provider, self.name, request)
        built = await self._ready()
        with self._translated():
            from pydantic_ai.direct import model_request

            response = await model_request(
                built.model,
                built.converter.convert(request.messages),
                model_settings=_settings(request),
                model_request_parameters=wire_messages.parameters(request),
            )
        return self._reply(request, response)

    async def _stream(self, request: ModelRequest) -> AsyncGenerator[Item, None]:
        wire_guard.check_request(self.provider, self.name, request)
        built = await self._ready()
        with self._translated():
            from pydantic_ai.direct import model_request_stream

            async with model_request_stream(
                built.model,
                built.converter.convert(request.messages),
                model_settings=_settings(request),
                model_request_parameters=wire_messages.parameters(request),
            ) as events:
                read = _delta_reader()
                async for event in events:
                    if (delta := read(event)) is not None:
                        yield delta
                response = events.get()
        if response.state == "incomplete":
            raise ModelConnectionError(f"{self.name} stopped answering before the end.", hint="Try again.")
        ended = response.finish_reason is not None or self.base_url is None
        yield self._reply(request, response, complete=ended)

    async def _ready(self) -> _Built:
        if self._built is None:
            async with self._building:
                if self._built is None:
                    with self._translated():
                        model = await asyncio.to_thread(self._build)
                    if self._owned:
                        weakref.finalize(self, close_later, model).atexit = False
                    images = self._takes_images(dict(model.profile).get("supports_image_input"))
                    self._built = _Built(model, wire_messages.MessageConverter(model.system, images=images))
        return self._built

    @contextmanager
    def _translated(self) -> Generator[None]:
        try:
            yield
        except Exception as error:
            failure = translate(error, self._target)
            if failure is None:
                raise
            raise failure from error

    def _reply(self, request: ModelRequest, response: ModelResponse, *, complete: bool = True) -> ModelReply:
        usage = wire_messages.to_usage(response, request)
        cost, source = prices.price(usage, self.name, self.provider, self.base_url)
        message = wire_messages.to_message(response)
        reason = response.finish_reason
        return ModelReply(
            message,
            usage,
            response.model_name or self.name,
            self.provider,
            finish_reason="tool_call" if message.tool_calls and reason == "stop" else reason,
            reasoning=wire_messages.reasoning_of(response),
            cost_usd=cost,
            cost_source=source,
            complete=complete,
        )


def _settings(request: ModelRequest) -> ModelSettings:
    known = {name: value for name, value in request.settings.items() if name in MODEL_SETTINGS}
    return cast("ModelSettings", known)


def _delta_reader() -> Callable[[ModelResponseStreamEvent], ModelDelta | None]:
    """What an event of the library's stream means to us. The types are looked up once a stream, not once an event."""
    from pydantic_ai import messages as library

    def start(part: library.ModelResponsePart) -> ModelDelta | None:
        match part:
            case library.TextPart(content) if content:
                return ModelDelta(text=content)
            case library.ThinkingPart(content) if content:
                return ModelDelta(reasoning=content)
            case library.ToolCallPart(tool_name):
                return ModelDelta(tool_name=tool_name)
            case _:
                return None

    def read(event: ModelResponseStreamEvent) -> ModelDelta | None:
        if isinstance(event, library.PartDeltaEvent):
            delta = event.delta
            if isinstance(delta, library.TextPartDelta):
                return ModelDelta(text=delta.content_delta) if delta.content_delta else None
            if isinstance(delta, library.ThinkingPartDelta) and delta.content_delta:
                return ModelDelta(reasoning=delta.content_delta)
            return None
        return start(event.part) if isinstance(event, library.PartStartEvent) else None

    return read

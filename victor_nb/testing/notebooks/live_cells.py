"""Cells that are tagged `victor-live` ask the real model, whatever the others do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from victor_nb.messages import ModelDelta, ModelReply, ModelRequest
from victor_nb.models.taping import Build
from victor_nb.protocols import IChatModel


class LiveCells:
    """Asks `model`, and where `is_live()` what `build` makes; that is made when it is first needed."""

    def __init__(self, model: IChatModel, build: Build, is_live: Callable[[], bool]) -> None:
        self.name, self.provider, self.base_url = model.name, model.provider, model.base_url
        self._model = model
        self._build = build
        self._is_live = is_live
        self._real: IChatModel | None = None

    @property
    def context_window(self) -> int | None:
        return self._model.context_window

    async def request(self, request: ModelRequest) -> ModelReply:
        return await (await self._asked()).request(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        source = (await self._asked()).stream(request)
        try:
            async for item in source:
                yield item
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    async def _asked(self) -> IChatModel:
        if not self._is_live():
            return self._model
        if self._real is None:
            self._real = await self._build()
        return self._real

"""A model of a notebook of which it cannot be told yet which one it is. It is made at its first request: by then more
cells have been executed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from victor_nb.messages import ModelDelta, ModelReply, ModelRequest
from victor_nb.models.taping import Build
from victor_nb.protocols import IChatModel
from victor_nb.testing.cassettes.sent import public_name


class LateModel:
    """Asks what `make` gives, which is what the user has called `named`."""

    base_url: str | None = None

    def __init__(self, named: str, make: Build) -> None:
        self.provider, _, self.name = public_name(named).rpartition(":")
        self._make = make
        self._made: IChatModel | None = None

    @property
    def context_window(self) -> int | None:
        return self._made.context_window if self._made else None

    async def request(self, request: ModelRequest) -> ModelReply:
        return await (await self._decided()).request(request)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        source = (await self._decided()).stream(request)
        try:
            async for item in source:
                yield item
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    async def _decided(self) -> IChatModel:
        if self._made is None:
            self._made = await self._make()
            self.name, self.provider = self._made.name, self._made.provider
        return self._made

"""A model whose key, or package, is missing: enough of it to see what it would be sent and what that would cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from victor_nb.errors import MissingExtraError, MissingKeyError
from victor_nb.messages import ModelDelta, ModelReply, ModelRequest
from victor_nb.models import prices, wire_guard
from victor_nb.models.catalog import ModelName


class KeylessModel:
    """Is never asked; who asks it all the same is told why it cannot be."""

    def __init__(self, name: ModelName, error: MissingKeyError | MissingExtraError) -> None:
        self.name = name.model
        self.provider = name.provider
        self.base_url = name.base_url
        self.error = error

    @property
    def context_window(self) -> int | None:
        return prices.context_window(self.name, self.provider, self.base_url)

    async def request(self, request: ModelRequest) -> ModelReply:
        wire_guard.check_request(self.provider, self.name, request)
        raise self.error

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        wire_guard.check_request(self.provider, self.name, request)
        raise self.error
        yield ModelDelta()

"""What recording an event returns besides a store's own receipt: something to await that says when it is safe."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Awaitable, Generator, Sequence
from typing import Any

# A store that another kernel keeps locked makes an event wait at most so long for its exporters.
_LONGEST_CLAIM_S = 5.0


class NothingRecorded:
    """Stands for an event where analytics are switched off; need not be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()


class KnownToExporters:
    """Awaiting it returns when an event is durable, and it is as durable which exporters are to have it: a kernel that
    is killed right then leaves both."""

    def __init__(self, recorded: Awaitable[None], claims: Sequence[concurrent.futures.Future[None]]) -> None:
        self._recorded = recorded
        self._claims = claims

    def __await__(self) -> Generator[Any, None, None]:
        return self._wait().__await__()

    async def _wait(self) -> None:
        await self._recorded
        await asyncio.wait([asyncio.wrap_future(claim) for claim in self._claims], timeout=_LONGEST_CLAIM_S)

"""`stream_chat`'s result: chunks while the turn runs, the whole answer afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from types import TracebackType

from victor_nb.errors import UsageError
from victor_nb.messages import ChatChunk, ChatResponse

Start = Callable[[Callable[[ChatChunk], None]], Awaitable[ChatResponse]]


class ChatStream:
    """Iterate over it once, with `async for`; then `response` holds the answer.

    Leaving the loop early, or an `async with` block around it, stops the turn as an interruption does: the connection
    is closed and the partial answer kept.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._started = False
        self._task: asyncio.Task[ChatResponse] | None = None

    @property
    def response(self) -> ChatResponse:
        """The whole answer.

        Raises:
            UsageError: the stream has not been read to its end.
        """
        if self._task is None or not self._task.done() or self._task.cancelled():
            raise UsageError("the stream has not been read to its end.", hint="read it with `async for` first")
        return self._task.result()

    def __aiter__(self) -> AsyncIterator[ChatChunk]:
        """
        Raises:
            UsageError: the stream was iterated over before.
        """
        if self._started:
            raise UsageError("the stream has been read already.", hint="ask again with stream_chat()")
        self._started = True
        return self._read()  # kept by nobody: a loop that is left drops it, which runs its `finally`

    async def __aenter__(self) -> ChatStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop the turn if it still runs, and wait until it has put its affairs in order."""
        if self._task and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _read(self) -> AsyncIterator[ChatChunk]:
        chunks: asyncio.Queue[ChatChunk | None] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._start(chunks.put_nowait))

        def ended(task: asyncio.Task[ChatResponse]) -> None:
            if not task.cancelled():
                task.exception()  # retrieved, also when nobody reads any more
            chunks.put_nowait(None)

        self._task.add_done_callback(ended)
        try:
            while (chunk := await chunks.get()) is not None:
                yield chunk
            self._task.result()
        finally:
            if not self._task.done():
                self._task.cancel()

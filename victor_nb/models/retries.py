"""Sending a request again when that may help. Wraps any chat model; knows only our errors.

A stream is retried only while nothing of it has arrived. The time the provider asks for is waited, up to a minute.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar, cast

from victor_nb.errors import ModelRequestError, ModelResponseError
from victor_nb.messages import ModelDelta, ModelReply, ModelRequest
from victor_nb.protocols import IChatModel

T = TypeVar("T")
Item = ModelDelta | ModelReply
LONGEST_WAIT_S = 60.0


def backoff(attempt: int) -> float:
    """Seconds to wait after the failed `attempt` (1 is the first): 0.5, 1, 2 … with up to half as much again."""
    # A generator of its own, so that a notebook's `random.seed` neither is disturbed nor makes kernels move in step.
    return min(LONGEST_WAIT_S, 0.5 * 2.0 ** (attempt - 1) * (1 + 0.5 * random.SystemRandom().random()))


class RetryingModel:
    """`inner`, asked up to `attempts` times while its errors say `retryable`.

    `wait(attempt)` gives the seconds to wait after a failed attempt; what the provider asked for goes first. Replies
    and errors tell in `attempts` how often the request was sent.
    """

    def __init__(self, inner: IChatModel, attempts: int = 3, wait: Callable[[int], float] = backoff) -> None:
        self.inner = inner
        self.name = inner.name
        self.provider = inner.provider
        self.base_url = inner.base_url
        self._attempts = attempts
        self._wait = wait

    @property
    def context_window(self) -> int | None:
        return self.inner.context_window

    @property
    def accepts_images(self) -> bool | None:
        """None when the inner model does not say."""
        return getattr(self.inner, "accepts_images", None)

    async def request(self, request: ModelRequest) -> ModelReply:
        reply, attempts = await self._ask(lambda: self.inner.request(request))
        return dataclasses.replace(reply, attempts=attempts)

    async def stream(self, request: ModelRequest) -> AsyncIterator[Item]:
        (items, item), attempts = await self._ask(lambda: _open(self.inner, request))
        async with aclosing(items):
            yield _counted(item, attempts)
            try:
                async for item in items:
                    yield _counted(item, attempts)
            except ModelRequestError as error:
                error.attempts = attempts
                raise

    async def aclose(self) -> None:
        """Close the inner model's connections, if it has any."""
        if (close := getattr(self.inner, "aclose", None)) is not None:
            await close()

    async def _ask(self, send: Callable[[], Awaitable[T]]) -> tuple[T, int]:
        return await ask_again(send, self._attempts, self._wait)


async def ask_again(
    send: Callable[[], Awaitable[T]], attempts: int = 3, wait: Callable[[int], float] = backoff
) -> tuple[T, int]:
    """What `send` returned, and how often it was called: again while its ModelRequestError says `retryable`."""
    for attempt in itertools.count(1):
        try:
            return await send(), attempt
        except ModelRequestError as error:
            error.attempts = attempt
            if attempt == attempts or not error.retryable:
                raise
            await asyncio.sleep(pause(error, wait(attempt)))
    raise AssertionError("unreachable")


def pause(error: ModelRequestError, otherwise: float) -> float:
    """Seconds to wait after `error`: what the provider asked for, else `otherwise`; a minute at most."""
    return min(otherwise if error.retry_after is None else error.retry_after, LONGEST_WAIT_S)


async def _open(model: IChatModel, request: ModelRequest) -> tuple[AsyncGenerator[Item, None], Item]:
    """The stream and its first item. Models' streams are generators, so that closing one closes its connection."""
    items = cast("AsyncGenerator[Item, None]", model.stream(request))
    try:
        return items, await anext(items)
    except StopAsyncIteration:
        raise ModelResponseError(f"{model.name} answered nothing at all.") from None


def _counted(item: Item, attempts: int) -> Item:
    return dataclasses.replace(item, attempts=attempts) if isinstance(item, ModelReply) else item

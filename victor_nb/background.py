"""Event-loop threads. One of them, `model_loop()`, is where every model client of the process lives: HTTP clients
are bound to the loop that first used them, so a chat awaited from any loop or thread sends its requests there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine
from functools import cache
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class LoopThread:
    """A daemon thread that runs one event loop until `close()`."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on this thread; cancelling the future cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine on this thread's loop, from any loop. Cancellation reaches it."""
        if self.is_current():
            return await coroutine
        return await asyncio.wrap_future(self.submit(coroutine))

    def close(self, timeout_s: float = 1.0) -> None:
        """Cancel what runs and stop the loop; give up waiting after `timeout_s`."""
        if self._loop.is_closed() or not self._thread.is_alive():
            return
        with contextlib.suppress(concurrent.futures.TimeoutError, concurrent.futures.CancelledError):
            self.submit(_cancel_others()).result(timeout_s)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout_s)
        if not self._thread.is_alive():
            self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


@cache
def model_loop() -> LoopThread:
    """The process's one loop for model I/O, started at first use."""
    return LoopThread("victor-nb-models")


async def iterate_on(thread: LoopThread, source: AsyncIterator[T]) -> AsyncIterator[T]:
    """Iterate over `source` on another thread's loop. Closing this iterator closes `source` there, and waits until it
    is closed, at most a second.

    Items that arrive while the consumer is busy are handed over together, so that a fast stream costs one wake-up
    for many items.
    """
    home = asyncio.get_running_loop()
    items: list[T | _End] = []
    lock = threading.Lock()
    ready = asyncio.Event()

    def put(item: T | _End) -> None:
        with lock:
            items.append(item)
            first = len(items) == 1
        if first:
            with contextlib.suppress(RuntimeError):  # the consumer's loop is closed: nobody is waiting
                home.call_soon_threadsafe(ready.set)

    async def take() -> list[T | _End]:
        await ready.wait()
        ready.clear()
        with lock:
            batch, items[:] = items[:], []
        return batch

    pump = _Pump(thread, source, put)
    last: T | _End | None = None
    try:
        while True:
            for last in await take():
                if isinstance(last, _End):
                    last.check()
                    return
                yield last
    finally:
        if not isinstance(last, _End):
            await pump.close(take)


class _End:
    """The last item: how the source ended."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self._error = None if task.cancelled() else task.exception()
        self._cancelled = task.cancelled()

    def check(self) -> None:
        """Raise what the source raised; one that was cancelled on its own loop must not look finished."""
        if self._cancelled:
            raise asyncio.CancelledError
        if self._error is not None:
            raise self._error


class _Pump(Generic[T]):
    """The task that drains `source` on another thread's loop. An `_End` always follows, even when the task is
    cancelled before its first step."""

    CLOSE_TIMEOUT_S = 1.0

    def __init__(self, thread: LoopThread, source: AsyncIterator[T], put: Callable[[T | _End], None]) -> None:
        self._loop = thread.loop
        self._source = source
        self._put = put
        self._task: asyncio.Task[None] | None = None
        self._ended = False
        self._loop.call_soon_threadsafe(self._start)

    def _start(self) -> None:
        self._task = self._loop.create_task(self._run())
        self._task.add_done_callback(self._end)

    async def _run(self) -> None:
        async with contextlib.aclosing(cast("AsyncGenerator[T, None]", self._source)) as opened:
            async for item in opened:
                self._put(item)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._ended = True
        self._put(_End(task))

    async def close(self, take: Callable[[], Awaitable[object]]) -> None:
        """Cancel the task and wait until the source is closed, so that its connection is gone."""
        with contextlib.suppress(RuntimeError, TimeoutError):  # the loop is closed, or the source does not let go
            self._loop.call_soon_threadsafe(lambda: self._task and self._task.cancel())
            async with asyncio.timeout(self.CLOSE_TIMEOUT_S):
                while not self._ended:
                    await take()

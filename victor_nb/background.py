"""Event-loop threads. One of them, `model_loop()`, is where every model client of the process lives: HTTP clients
are bound to the loop that first used them, so a chat awaited from any loop or thread sends its requests there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import AsyncIterator, Coroutine
from functools import cache
from typing import Any, TypeVar

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
    """Iterate over `source` on another thread's loop; closing this iterator closes `source` there.

    Items that arrive while the consumer is busy are handed over together, so that a fast stream costs one wake-up
    for many items.
    """
    home = asyncio.get_running_loop()
    items: list[T | _Failure | _End] = []
    lock = threading.Lock()
    ready = asyncio.Event()

    def put(item: T | _Failure | _End) -> None:
        with lock:
            items.append(item)
            first = len(items) == 1
        if first:
            with contextlib.suppress(RuntimeError):  # the consumer's loop is closed: nobody is waiting
                home.call_soon_threadsafe(ready.set)

    async def pump() -> None:
        try:
            async with contextlib.aclosing(source) as opened:  # type: ignore[type-var]
                async for item in opened:
                    put(item)
        except Exception as error:  # noqa: BLE001 (it is raised again on the consumer's side)
            put(_Failure(error))
        finally:
            put(_End())

    running = thread.submit(pump())
    try:
        while True:
            await ready.wait()
            ready.clear()
            with lock:
                batch, items[:] = items[:], []
            for item in batch:
                if isinstance(item, _End):
                    return
                if isinstance(item, _Failure):
                    raise item.error
                yield item
    finally:
        running.cancel()


class _Failure:
    def __init__(self, error: Exception) -> None:
        self.error = error


class _End:
    pass

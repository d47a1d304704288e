"""Event-loop threads. One of them, `model_loop()`, is where every model client of the process lives: HTTP clients
are bound to the loop that first used them, so a chat awaited from any loop or thread sends its requests there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Generator, Sequence
from functools import cache
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
HEARTBEAT_S = 0.2


class LoopThread:
    """A daemon thread that runs one event loop until `close()`."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._loop

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._closing:
            # The task that raised one of these has it already; the loop goes on for the others.
            with contextlib.suppress(KeyboardInterrupt, SystemExit):
                self._loop.run_forever()
        self._loop.run_until_complete(_cancel_others())
        self._loop.close()

    def submit(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on this thread; cancelling the future cancels the coroutine."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def is_current(self) -> bool:
        return threading.current_thread() is self._thread

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Await a coroutine on this thread's loop, from any loop. Cancellation reaches it."""
        if self.is_current():
            return await coroutine
        with _heartbeat():
            return await asyncio.wrap_future(self.submit(coroutine))

    def close(self, timeout_s: float = 1.0) -> None:
        """Cancel what runs and stop the loop; give up waiting after `timeout_s`, it ends by itself then."""
        self._closing = True
        with contextlib.suppress(RuntimeError):  # it is closed already
            self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout_s)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


@contextlib.contextmanager
def _heartbeat() -> Generator[None]:
    """Keep the running loop turning over while it waits for another thread: a kernel hears an interrupt of a cell that
    awaits only when its loop wakes up (ipykernel 7.4)."""
    loop = asyncio.get_running_loop()

    def beat() -> None:
        nonlocal timer
        timer = loop.call_later(HEARTBEAT_S, beat)

    timer = loop.call_later(HEARTBEAT_S, beat)
    try:
        yield
    finally:
        timer.cancel()


@cache
def model_loop() -> LoopThread:
    """The process's one loop for model I/O, started at first use."""
    return LoopThread("victor-nb-models")


if hasattr(os, "register_at_fork"):  # a forked child has none of its parent's threads
    os.register_at_fork(after_in_child=model_loop.cache_clear)


async def iterate_on(thread: LoopThread, source: AsyncIterator[T]) -> AsyncIterator[T]:
    """Iterate over `source` on another thread's loop. Closing this iterator closes `source` there, and waits until it
    is closed, at most a second.

    The first item is handed over at once; after that, what comes within 5 ms goes together, so that a fast stream
    costs one wake-up for many items.
    """
    pump = _Pump(thread, source)
    try:
        while (batch := await pump.take()) is not None:
            for item in batch:
                yield item
    finally:
        await pump.close()


class _Pump(Generic[T]):
    """Drains `source` in a task on another thread's loop. It only wakes this loop when somebody waits here; that it
    ended is always told, even when the task is cancelled before its first step."""

    CLOSE_TIMEOUT_S = 1.0
    REST_S = 0.005

    def __init__(self, thread: LoopThread, source: AsyncIterator[T]) -> None:
        self._home = asyncio.get_running_loop()
        self._away = thread.loop
        self._source = source
        self._task: asyncio.Task[None] | None = None  # touched on the other loop only
        self._lock = threading.Lock()  # guards the four below
        self._items: list[T] = []
        self._ended: asyncio.Task[None] | None = None
        self._waited_for = False
        self._ready = asyncio.Event()
        self._rested = self._home.time()
        self._away.call_soon_threadsafe(self._start)

    async def take(self) -> list[T] | None:
        """The items that came since the last call, or None after the last. Raises what the source raised; a source that
        was cancelled on its own loop does not look finished."""
        if (rest := self._rested - self._home.time()) > 0:
            await asyncio.sleep(rest)
        while not (batch := self._taken()):
            if self._ended is not None:
                self._ended.result()
                return None
            with _heartbeat():
                await self._ready.wait()
        self._rested = self._home.time() + self.REST_S
        return batch

    async def close(self) -> None:
        """Cancel the task and wait until the source is closed, so that its connection is gone."""
        if self._ended is not None:
            return
        with contextlib.suppress(RuntimeError, TimeoutError):  # the loop is closed, or the source does not let go
            self._away.call_soon_threadsafe(self._cancel)  # once: a second one would break off the closing
            async with asyncio.timeout(self.CLOSE_TIMEOUT_S):
                while self._taken() or self._ended is None:
                    await self._ready.wait()

    def _taken(self) -> list[T]:
        """What has arrived. If that is nothing, the next arrival sets `_ready`."""
        with self._lock:
            batch, self._items = self._items, []
            if not batch and self._ended is None:
                self._waited_for = True
                self._ready.clear()
        return batch

    def _start(self) -> None:
        self._task = self._away.create_task(self._drain())
        self._task.add_done_callback(self._finish)

    def _cancel(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _drain(self) -> None:
        async with contextlib.aclosing(cast("AsyncGenerator[T, None]", self._source)) as opened:
            async for item in opened:
                with self._lock:
                    self._items.append(item)
                    wake, self._waited_for = self._waited_for, False
                if wake:
                    self._wake()

    def _finish(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # seen: asyncio need not complain when the consumer has left
        with self._lock:
            self._ended = task
        self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(RuntimeError):  # the consumer's loop is closed: nobody is waiting
            self._home.call_soon_threadsafe(self._ready.set)


async def all_answers(asked: Sequence[Coroutine[Any, Any, T]]) -> list[T | BaseException]:
    """What came of each, in order, with the exception in place of an answer. They run side by side; one alone needs no
    task of its own."""
    if len(asked) != 1:
        return await asyncio.gather(*asked, return_exceptions=True)
    try:
        return [await asked[0]]
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # it is we who are cancelled
            raise
        return [error]
    except Exception as error:  # noqa: BLE001 (it belongs to who asked)
        return [error]

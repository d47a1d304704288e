"""Between the cell and the event loop: a turn runs on the private loop thread while the main thread, where the cell
runs, shows what comes, runs the tools, and stays interruptible.

Only the main thread displays and calls the user's functions: front ends file output under the cell that the main
thread executes, and libraries such as matplotlib expect it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import queue
import threading
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias, TypeVar

from victor_nb.background import model_loop
from victor_nb.messages import ChatChunk

log = logging.getLogger(__name__)
T = TypeVar("T")
Emit = Callable[[ChatChunk], None]

# On Windows a waiting main thread notices an interrupt only between two waits.
_SLICE_S = 0.1
_WIND_DOWN_S = 2.0


class _Call:
    """A function that the main thread is asked to call."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def run(self) -> None:
        try:
            value = self.function()
        except Exception as error:  # noqa: BLE001 (it is the tool's, and goes to whoever called it)
            self._settle(self.result.set_exception, error)
        else:
            self._settle(self.result.set_result, value)

    def _settle(self, settle: Callable[[Any], None], value: Any) -> None:
        def unless_cancelled() -> None:
            if not self.result.done():
                settle(value)

        self.result.get_loop().call_soon_threadsafe(unless_cancelled)


class _Finished:
    pass


Items: TypeAlias = "queue.SimpleQueue[ChatChunk | _Call | _Finished]"


class Bridge:
    """Runs turns for cells, and tools where the cells run."""

    def __init__(self) -> None:
        self._items: Items | None = None
        self._task: asyncio.Task[Any] | None = None
        self._started = threading.Event()

    async def run_tool(self, call: Callable[[], Any]) -> Any:
        """Call a tool on the main thread: through the waiting cell, or at once when we are on it already."""
        items = self._items
        if items is not None:
            handed = _Call(call)
            items.put(handed)
            result = await handed.result
        elif threading.current_thread() is threading.main_thread():
            result = call()
        else:
            result = await asyncio.to_thread(call)
        return await result if inspect.isawaitable(result) else result

    def run(self, start: Callable[[Emit], Coroutine[Any, Any, T]], show: Emit, idle: Callable[[], None]) -> T:
        """Run a turn from the main thread, which waits for it here; `idle` is called while nothing comes.

        Raises:
            KeyboardInterrupt: the user interrupted; by then the turn has closed its connection and kept its partial
                answer, unless that took too long or the user interrupted again.
        """
        items: Items = queue.SimpleQueue()
        self._items = items
        self._started.clear()
        future = model_loop().submit(self._supervised(start, items))
        try:
            self._pump(items, show, idle)
            return future.result()
        except KeyboardInterrupt:
            self._stop(items)
            raise
        except asyncio.CancelledError:  # somebody else cancelled the turn
            raise KeyboardInterrupt from None
        finally:
            self._items = None

    async def _supervised(self, start: Callable[[Emit], Coroutine[Any, Any, T]], items: Items) -> T:
        self._task = asyncio.current_task()
        self._started.set()
        try:
            return await start(items.put)
        finally:
            self._task = None
            items.put(_Finished())

    def _pump(self, items: Items, show: Emit, idle: Callable[[], None]) -> None:
        while True:
            try:
                item = items.get(timeout=_SLICE_S)
            except queue.Empty:
                _safely(idle)
                continue
            if isinstance(item, _Finished):
                return
            if isinstance(item, _Call):
                item.run()
            else:
                _safely(partial(show, item))

    def _stop(self, items: Items) -> None:
        if not self._started.wait(_WIND_DOWN_S) or (task := self._task) is None:
            return
        model_loop().loop.call_soon_threadsafe(task.cancel)
        deadline = time.monotonic() + _WIND_DOWN_S
        while time.monotonic() < deadline:
            try:
                if isinstance(items.get(timeout=_SLICE_S), _Finished):
                    return
            except queue.Empty:
                continue


def _safely(display: Callable[[], None]) -> None:
    """A display that fails must not end the answer."""
    try:
        display()
    except Exception:
        log.exception("the answer could not be displayed")

"""Between the cell and the event loop: a turn runs on the private loop thread while the main thread, where the cell
runs, shows what comes, runs the tools, and stays interruptible.

Only the main thread displays and calls the user's functions: front ends file output under the cell that the main
thread executes, and libraries such as matplotlib expect it.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import queue
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from functools import partial
from types import FrameType
from typing import Any, Generic, TypeAlias, TypeVar

from victor_nb.agent.tools import ToolInterrupted
from victor_nb.background import model_loop
from victor_nb.errors import UsageError
from victor_nb.messages import ChatChunk
from victor_nb.notebook.answers.showing import safely
from victor_nb.notebook.kernel.handed import CallListener, HandedCall

T = TypeVar("T")
Emit = Callable[[ChatChunk], None]

# On Windows a waiting main thread notices an interrupt only between two waits.
_SLICE_S = 0.1
_WIND_DOWN_S = 5.0


class CellOver(RuntimeError):
    """No cell waits for the turn, so that the main thread cannot be asked for anything."""


class _Finished:
    pass


Items: TypeAlias = "queue.SimpleQueue[ChatChunk | HandedCall | _Finished]"


class _Listener:
    """A cell that waits for a turn. What the turn leaves running may outlive it, and must not wait for it."""

    takes_input = True

    def __init__(self) -> None:
        self.items: Items = queue.SimpleQueue()
        self._guard = threading.Lock()
        self._closed = False

    def hand(self, call: HandedCall) -> bool:
        """Whether the cell is still there to take it."""
        with self._guard:
            if not self._closed:
                self.items.put(call)
            return not self._closed

    def close(self) -> None:
        with self._guard:
            self._closed = True
            self.items.put(_Finished())

    def refuse_the_rest(self) -> None:
        """Of the cell's own thread, once it listens no more."""
        self.close()
        with contextlib.suppress(queue.Empty):
            while True:
                item = self.items.get_nowait()
                if isinstance(item, HandedCall):
                    item.refuse()


_cell: ContextVar[CallListener | None] = ContextVar("victor_nb_cell", default=None)
"""Where the cell listens that waits for the current turn, or what stands in for one. A turn that no cell waits for,
such as one awaited in a cell or on a thread of the user's, sees None, whatever else is running."""


def listen(listener: CallListener) -> None:
    """Have `listener` take the calls of the running task, and of those that it starts: no cell waits for it."""
    _cell.set(listener)


class Bridge:
    """Runs turns for cells, and tools where the cells run. `between` is called again and again while a cell waits."""

    def __init__(self, between: Callable[[], None] = lambda: None) -> None:
        self._between = between

    @property
    def takes_input(self) -> bool:
        """Whether whoever waits for the running task could answer an `input()`."""
        listener = _cell.get()
        return listener is None or listener.takes_input

    async def run_tool(self, call: Callable[[], Any]) -> Any:
        """Call a tool on the main thread: through the waiting cell, or at once when we are on it already.

        Raises what the tool raises, and CancelledError when the user interrupts it.
        """
        try:
            result = await self.run_here(call)
        except CellOver:
            result = await asyncio.to_thread(call)
        return await result if inspect.isawaitable(result) else result

    async def run_here(self, call: Callable[[], Any]) -> Any:
        """As `run_tool`, but on the main thread or not at all.

        Raises:
            CellOver: no cell waits for this turn, and we are not on the main thread.
        """
        listener = _cell.get()
        handed = HandedCall(call)
        if listener is not None and listener.hand(handed):
            return await handed.result
        if _on_main_thread():
            return _call_here(call)
        raise CellOver("no cell waits for this")

    def run(self, start: Callable[[Emit], Coroutine[Any, Any, T]], show: Emit, idle: Callable[[], None]) -> T:
        """Run a turn from the main thread, which waits for it here; `idle` is called while nothing comes.

        Raises:
            UsageError: this is the loop thread itself, which would wait for itself.
            KeyboardInterrupt: the user interrupted; by then the turn has closed its connection and kept its partial
                answer, unless that took too long or the user interrupted again.
        """
        if model_loop().is_current():
            raise UsageError(
                "this waits for the loop that it runs on.",
                hint="await vn.orchestrator.chat() there, or make the tool a plain function",
            )
        turn: _Turn[T] = _Turn(start)
        with interruptible(turn.cancel):
            try:
                turn.submit()
                _pump(turn.listener.items, show, idle, self._between)
                return turn.result()
            except BaseException:
                turn.stop()
                raise
            finally:
                turn.listener.refuse_the_rest()


class _Turn(Generic[T]):
    """A coroutine on the loop thread that hands what it has for the cell to `listener`."""

    def __init__(self, start: Callable[[Emit], Coroutine[Any, Any, T]]) -> None:
        self.listener = _Listener()
        self._start = start
        self._cancelled = False
        self._task: asyncio.Task[Any] | None = None
        self._future: concurrent.futures.Future[T] | None = None

    def submit(self) -> None:
        self._future = model_loop().submit(self._run())

    async def _run(self) -> T:
        _cell.set(self.listener)
        self._task = asyncio.current_task()
        try:
            if self._cancelled:
                raise asyncio.CancelledError
            return await self._start(self.listener.items.put)
        finally:
            self._task = None
            self.listener.close()

    def result(self) -> T:
        if self._future is None:
            raise RuntimeError("the turn was not submitted")
        try:
            return self._future.result()
        except concurrent.futures.CancelledError:  # somebody else cancelled it, which is an interruption too
            raise KeyboardInterrupt from None

    def cancel(self) -> None:
        """Cancel the turn, if it still runs; returns at once. Safe in a signal handler, and any number of times."""
        self._cancelled = True
        model_loop().loop.call_soon_threadsafe(self._cancel_once)

    def _cancel_once(self) -> None:
        """A second cancellation would break off the tidying up that follows the first."""
        if self._task and not self._task.cancelling():
            self._task.cancel()

    def stop(self) -> None:
        """Cancel the turn and wait until it has put its affairs in order, for a few seconds."""
        if self._future is None or self._future.done():
            return
        self.cancel()
        deadline = time.monotonic() + _WIND_DOWN_S
        while time.monotonic() < deadline and not self._future.done():
            with contextlib.suppress(queue.Empty):
                item = self.listener.items.get(timeout=_SLICE_S)
                if isinstance(item, HandedCall):
                    item.refuse()
                elif isinstance(item, _Finished):
                    return


def _pump(items: Items, show: Emit, idle: Callable[[], None], between: Callable[[], None]) -> None:
    while True:
        between()
        try:
            item = items.get(timeout=_SLICE_S)
        except queue.Empty:
            safely(idle)
            continue
        if isinstance(item, _Finished):
            return
        if isinstance(item, HandedCall):
            item.run()
        else:
            safely(partial(show, item))


def _call_here(call: Callable[[], Any]) -> Any:
    """Call a tool on the main thread's event loop. A KeyboardInterrupt that left that loop would end the kernel."""
    try:
        with interruptible():
            return call()
    except KeyboardInterrupt:
        raise ToolInterrupted("interrupted") from None


@contextlib.contextmanager
def interruptible(first: Callable[[], None] | None = None) -> Generator[None]:
    """Make SIGINT call `first` and raise KeyboardInterrupt, as long as the main thread is busy here. In a cell that
    awaits, ipykernel has SIGINT cancel the cell's task instead, which nothing that blocks the loop would notice."""
    if not _on_main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        if first:
            first()  # before anything is raised: a second interrupt may hit whatever handles the first
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if before is None else before)


def _on_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()

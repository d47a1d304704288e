"""A function that one thread hands to another, which calls it; who handed it over awaits what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Protocol

from victor_nb import clock
from victor_nb.agent.tools import ToolInterrupted


class HandedCall:
    """A function that the main thread is asked to call. Made where it is awaited, on a running loop."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._context = copy_context()

    def run(self) -> None:
        """For the cell that waits for it.

        Raises:
            KeyboardInterrupt: the user interrupted, which ends more than this call.
        """
        if self.result.done():  # its time was up before this thread was free
            return
        try:
            with clock.Within(self._context):
                value = self.function()
        except KeyboardInterrupt:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 (it is the tool's, and goes to whoever called it)
            self._settle(self.result.set_exception, error)
        except BaseException as error:  # noqa: BLE001 (a CancelledError of the tool's own must not end the turn)
            self._settle(self.result.set_exception, RuntimeError(f"{type(error).__name__}: {error}"))
        else:
            self._settle(self.result.set_result, value)

    def run_apart(self) -> None:
        """As `run`, but as part of what asked for it, not of the cell that runs at the moment."""
        try:
            self._context.run(self.run)
        except KeyboardInterrupt:
            self._settle(self.result.set_exception, ToolInterrupted("interrupted"))
            raise

    def refuse(self) -> None:
        """The main thread is not going to call it."""
        self._settle(self.result.set_exception, RuntimeError("the cell that would have run this is over"))

    def _settle(self, settle: Callable[[Any], None], value: Any) -> None:
        def unless_cancelled() -> None:
            if not self.result.done():
                settle(value)

        with contextlib.suppress(RuntimeError):  # its loop is closed, so that nobody waits
            self.result.get_loop().call_soon_threadsafe(unless_cancelled)


class CallListener(Protocol):
    """Takes calls to the main thread; `takes_input` says whether a person could answer an `input()` there."""

    @property
    def takes_input(self) -> bool: ...
    def hand(self, call: HandedCall) -> bool:
        """Whether it is still there to take it."""
        ...

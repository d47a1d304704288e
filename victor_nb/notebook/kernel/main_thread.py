"""The kernel's main thread, for those whom no cell waits for: a panel's tools run there as soon as it is free.

It is free when no cell runs, while a cell awaits, and while a cell waits for an answer of its own: a panel's turn and
a cell's may wait for each other otherwise, without end.
"""

from __future__ import annotations

import contextlib
from collections import deque
from functools import cached_property
from typing import TYPE_CHECKING, Any

from victor_nb.notebook.kernel.bridge import interruptible
from victor_nb.notebook.kernel.idle_interrupt import IdleInterrupt

if TYPE_CHECKING:
    import asyncio

    from victor_nb.notebook.kernel.handed import HandedCall


class MainThread:
    """Calls that wait for the main thread of the kernel behind `shell`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._waiting: deque[HandedCall] = deque()

    @cached_property
    def idle_interrupt(self) -> IdleInterrupt | None:
        """What an interrupt does while no cell runs; None where there is no kernel."""
        return IdleInterrupt(self._loop) if self._loop else None

    @property
    def _loop(self) -> asyncio.AbstractEventLoop | None:
        return getattr(getattr(getattr(self._shell, "kernel", None), "io_loop", None), "asyncio_loop", None)

    def hand(self, call: HandedCall) -> bool:
        """False where there is no kernel to run it."""
        if (loop := self._loop) is None or loop.is_closed():
            return False
        self._waiting.append(call)
        loop.call_soon_threadsafe(self._serve_loop)
        return True

    def serve(self) -> None:
        """Run what waits; of the main thread, in a cell that waits for an answer.

        Raises:
            KeyboardInterrupt: the user interrupted, so that the cell ends too.
        """
        with contextlib.suppress(IndexError):
            while True:
                self._waiting.popleft().run_apart()

    def _serve_loop(self) -> None:
        """A KeyboardInterrupt that left the kernel's loop would end the kernel."""
        with contextlib.suppress(KeyboardInterrupt), interruptible():
            self.serve()

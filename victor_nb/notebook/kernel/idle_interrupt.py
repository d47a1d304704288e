"""The kernel's interrupt while no cell runs: it stops what runs beside the cells, as a panel's turn.

ipykernel ignores SIGINT between two messages, and puts back after each what it found before. So our handler stays once
it is there, and does nothing while there is nothing to stop. An interrupt of a cell is the cell's.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_AGAIN_S: Final = 0.5


class IdleInterrupt:
    """Of the main thread, whose event loop is `loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stops: list[Callable[[], None]] = []

    @contextmanager
    def calls(self, stop: Callable[[], None]) -> Generator[None]:
        """Have an interrupt call `stop`, which must return at once and may be called on any thread."""
        self._stops.append(stop)
        self._loop.call_soon_threadsafe(self._arm)
        try:
            yield
        finally:
            self._stops.remove(stop)

    def _arm(self) -> None:
        """Once the kernel is between two messages: what is set while a cell runs is gone with it."""
        found = signal.getsignal(signal.SIGINT)
        if found is signal.SIG_IGN:
            signal.signal(signal.SIGINT, self._interrupted)
        elif found != self._interrupted and self._stops:
            self._loop.call_later(_AGAIN_S, self._arm)

    def _interrupted(self, _: int, __: FrameType | None) -> None:
        for stop in list(self._stops):
            stop()

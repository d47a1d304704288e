"""Who goes on, of turns that run side by side in a replay: one at a time, the one whose recorded time is the least.
What they record, print and change comes in the same order every time then, whatever the threads do.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import heapq
import threading
from typing import Final, TypeAlias

Place: TypeAlias = "tuple[int, int]"
"""Recorded time, then the order of beginning: no two turns have the same."""

PATIENCE_S: Final = 5.0
"""After so many seconds in which nobody went on, they wait for each other by other means (a lock in a middleware, a
tool that waits for another turn), and the order is given up."""


class TakingTurns:
    """A baton that is handed to the least of those who wait for it, on whichever threads and event loops they are."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._waiting: list[tuple[Place, concurrent.futures.Future[None], asyncio.AbstractEventLoop]] = []
        self._held = False
        self._handed = 0
        self._orderly = True

    async def take(self, place: Place) -> None:
        """Returns when it is the caller's turn; who was cancelled meanwhile has not got it."""
        mine: concurrent.futures.Future[None] = concurrent.futures.Future()
        with self._guard:
            if not self._orderly:
                return
            heapq.heappush(self._waiting, (place, mine, asyncio.get_running_loop()))
            self._pass_on()
        if not mine.done():
            await self._wait(mine)

    def give(self) -> None:
        """For who has it."""
        with self._guard:
            self._held = False
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting and not self._held:
            _, place, loop = heapq.heappop(self._waiting)
            if not loop.is_closed() and place.set_running_or_notify_cancel():
                self._held = True
                self._handed += 1
                place.set_result(None)

    async def _wait(self, mine: concurrent.futures.Future[None]) -> None:
        waiting = asyncio.wrap_future(mine)
        try:
            while not waiting.done():
                handed = self._handed
                await asyncio.wait([waiting], timeout=PATIENCE_S)
                if handed == self._handed and not waiting.done():
                    self._give_up()
        except BaseException:
            if not mine.cancel():
                self.give()  # it was handed to us at the very moment we gave up
            raise

    def _give_up(self) -> None:
        with self._guard:
            self._orderly = False
            for _, place, loop in self._waiting:
                if not loop.is_closed() and place.set_running_or_notify_cancel():
                    place.set_result(None)
            self._waiting.clear()

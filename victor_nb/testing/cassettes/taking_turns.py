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
        with self._guard:
            mine = self._queued(place)
        try:
            await asyncio.sleep(0)  # those that were started together are all in the queue then
            with self._guard:
                self._pass_on()
        except BaseException:
            self._leave(mine)
            raise
        await self._until(mine)

    async def give_way(self, place: Place) -> None:
        """For who has it, and has come to `place`: the others go first as far as they are behind it."""
        with self._guard:
            mine = self._queued(place)
            self._held = False
            self._pass_on()
        await self._until(mine)

    def give(self) -> None:
        """For who has it, and needs it no more."""
        with self._guard:
            self._held = False
            self._pass_on()

    def _queued(self, place: Place) -> concurrent.futures.Future[None]:
        mine: concurrent.futures.Future[None] = concurrent.futures.Future()
        if self._orderly:
            heapq.heappush(self._waiting, (place, mine, asyncio.get_running_loop()))
        else:
            mine.set_result(None)
        return mine

    def _pass_on(self) -> None:
        while self._waiting and not self._held:
            _, place, loop = heapq.heappop(self._waiting)
            if not loop.is_closed() and place.set_running_or_notify_cancel():
                self._held = True
                self._handed += 1
                place.set_result(None)

    async def _until(self, mine: concurrent.futures.Future[None]) -> None:
        if mine.done():
            return
        waiting = asyncio.wrap_future(mine)
        try:
            while not waiting.done():
                handed = self._handed
                await asyncio.wait([waiting], timeout=PATIENCE_S)
                if handed == self._handed and not waiting.done():
                    self._give_up()
        except BaseException:
            self._leave(mine)
            raise

    def _leave(self, mine: concurrent.futures.Future[None]) -> None:
        if not mine.cancel():
            self.give()  # it was handed to us at the very moment we gave up

    def _give_up(self) -> None:
        with self._guard:
            self._orderly = False
            for _, place, loop in self._waiting:
                if not loop.is_closed() and place.set_running_or_notify_cancel():
                    place.set_result(None)
            self._waiting.clear()

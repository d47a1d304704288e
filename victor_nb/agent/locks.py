"""One turn at a time in a session, whichever threads and event loops the turns are awaited on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from types import TracebackType
from typing import TypeAlias

_Waiter: TypeAlias = "tuple[concurrent.futures.Future[None], asyncio.AbstractEventLoop]"


class TurnLock:
    """A first-come, first-served lock for `async with`, not bound to any event loop."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._queue: deque[_Waiter] = deque()

    async def __aenter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            place: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._queue.append((place, asyncio.get_running_loop()))
        try:
            await asyncio.wrap_future(place)
        except BaseException:
            if not place.cancel():
                self._pass_on()  # it was handed to us at the very moment we gave up
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pass_on()

    def _pass_on(self) -> None:
        with self._guard:
            while self._queue:
                place, loop = self._queue.popleft()
                if not loop.is_closed() and place.set_running_or_notify_cancel():
                    place.set_result(None)
                    return
            self._held = False

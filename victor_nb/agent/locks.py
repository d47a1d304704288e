"""One turn at a time in a session, whichever threads and event loops the turns are awaited on."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections import deque
from types import TracebackType


class TurnLock:
    """A first-come, first-served lock for `async with`, not bound to any event loop."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held = False
        self._queue: deque[concurrent.futures.Future[None]] = deque()

    async def __aenter__(self) -> None:
        with self._guard:
            if not self._held:
                self._held = True
                return
            place: concurrent.futures.Future[None] = concurrent.futures.Future()
            self._queue.append(place)
        try:
            await asyncio.wrap_future(place)
        except asyncio.CancelledError:
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
                following = self._queue.popleft()
                if following.set_running_or_notify_cancel():
                    following.set_result(None)
                    return
            self._held = False

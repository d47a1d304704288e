"""A thread that sees to it that there is a connection: it connects when one is wanted, and again while that fails.

It hands connections over and never uses one, so that a server that does not answer delays nobody who records.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Final

from victor_nb.errors import StoreError
from victor_nb.store.postgres_link import WritingLink

_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_HEARTBEAT_S: Final = 15.0


class Keeper:
    """`nudge` is called when a link can be taken, and now and then while there is one; `on_failure` when there is none
    to be had. Both from its own thread."""

    def __init__(
        self, connect: Callable[[], WritingLink], nudge: Callable[[], None], on_failure: Callable[[StoreError], None]
    ) -> None:
        self._connect = connect
        self._nudge = nudge
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._link: WritingLink | None = None
        self._wanted = True
        self._failed = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="victor-nb-postgres", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # the interpreter ends: there is one attempt, here and now
            self._try()

    def first(self, timeout_s: float) -> WritingLink | None:
        """The first link, if there is one so soon."""
        with self._changed:
            self._changed.wait_for(lambda: self._link or self._failed, timeout_s)
        return self.take()

    def take(self) -> WritingLink | None:
        """The link that is ready, once."""
        with self._changed:
            link, self._link = self._link, None
        return link

    def want(self) -> None:
        """The link that was taken is lost."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def stop(self) -> None:
        """A link that comes later is closed at once."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if link := self.take():
            link.close()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopped:
            if not self._wanted:
                self._rest(_HEARTBEAT_S, lambda: self._wanted)
                self._nudge()
            elif self._try():
                pause_s = _FIRST_PAUSE_S
            else:
                self._rest(random.uniform(pause_s / 2, pause_s))
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _rest(self, seconds: float, until: Callable[[], bool] = lambda: False) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or until(), seconds)

    def _try(self) -> bool:
        try:
            link = self._connect()
        except StoreError as error:
            self._on_failure(error)
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            return False
        with self._changed:
            self._wanted = False
            if not self._stopped:
                self._link = link
            self._changed.notify_all()
        if self._stopped:
            link.close()
        else:
            self._nudge()
        return True

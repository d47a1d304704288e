"""A fork must not find a SQLite connection open: the child would take its parent's locks for its own, which nobody ever
gives back, or go without any (sqlite.org/howtocorrupt.html). So forks wait for whoever is at work, and connections are
let go ahead of them.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Generator
from typing import Protocol

_PATIENCE_S = 2.0


class Holder(Protocol):
    """Has a connection, which it opens again when it needs it."""

    def let_go(self) -> None: ...


class ForkGate:
    """Forks wait for who is inside, for two seconds at most; who wants to go inside waits for forks."""

    def __init__(self) -> None:
        self._holders: weakref.WeakSet[Holder] = weakref.WeakSet()
        self._changed = threading.Condition()
        self._inside = 0
        self._forking = False

    def add(self, holder: Holder) -> None:
        """Have `holder` let go ahead of each fork, while nobody is inside."""
        self._holders.add(holder)

    @contextlib.contextmanager
    def inside(self) -> Generator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._forking)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._forking = True
            if self._changed.wait_for(lambda: not self._inside, _PATIENCE_S):
                for holder in list(self._holders):
                    holder.let_go()

    def open(self) -> None:
        with self._changed:
            self._forking = False
            self._changed.notify_all()

    def begin(self) -> None:
        """In a child, which has none of its parent's threads."""
        self.__init__()


gate = ForkGate()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=gate.close, after_in_parent=gate.open, after_in_child=gate.begin)

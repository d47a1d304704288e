"""A fork must not come in the midst of a SQLite transaction: the child would take its parent's lock for one of its own,
which nobody ever gives back (sqlite.org/howtocorrupt.html), and could record nothing.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Generator

_PATIENCE_S = 2.0


class ForkGate:
    """Forks wait for transactions, for two seconds at most; transactions wait for forks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._forking = False

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
            self._changed.wait_for(lambda: not self._inside, _PATIENCE_S)

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

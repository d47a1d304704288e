"""Who watches, for the length of a block, where orchestrators record. A watcher is told of each event ahead of it, and
reads from the store what it wants to know.

Blocks that run side by side in tasks of their own see each their own; what belongs to none of them, as the work of a
thread that knows nothing of the block, is seen by all.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from victor_nb.protocols import IEventStore


class Witness(Protocol):
    def saw(self, store: IEventStore, channel: int, session_id: str) -> None:
        """An event of this session is going to be recorded; from any thread."""
        ...


_lock = threading.Lock()
_all: tuple[Witness, ...] = ()
_mine: ContextVar[tuple[Witness, ...]] = ContextVar("victor_nb_witnesses", default=())


@contextmanager
def watching(witness: Witness) -> Generator[None]:
    global _all  # noqa: PLW0603 (orchestrators of the whole process are watched)
    with _lock:
        _all = (*_all, witness)
    _mine.set((*_mine.get(), witness))
    try:
        yield
    finally:
        with _lock:
            _all = tuple(one for one in _all if one is not witness)
        _mine.set(tuple(one for one in _mine.get() if one is not witness))  # a block may end in another context


def tell(store: IEventStore, channel: int, session_id: str) -> None:
    """Ahead of each event."""
    if not _all:
        return
    mine = [one for one in _mine.get() if one in _all]  # a task may outlive the block it began in
    for one in mine or _all:
        one.saw(store, channel, session_id)

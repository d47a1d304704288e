"""A store in memory that does all that the file does: an SQLite database of its own, on one connection.

It has no thread, so that it costs nothing to make, to close and to forget, and what was recorded can be read at once.
"""

from __future__ import annotations

import atexit
import sqlite3
import weakref
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Self, TypeVar

from victor_nb.clock import IClock, standing
from victor_nb.errors import StoreError
from victor_nb.records import StoredEvent
from victor_nb.store import schema, upkeep
from victor_nb.store.forking import gate
from victor_nb.store.inline_writer import InlineWriter
from victor_nb.store.scrub import Scrubber
from victor_nb.store.sqlite import SQLiteStore
from victor_nb.store.sqlite_database import SQLiteDatabase, advice
from victor_nb.store.writer import Writer

T = TypeVar("T")


class InMemoryStore(SQLiteStore):
    """Keeps all that is recorded for as long as there is a reference to it; `close()` only ends its run. A forked
    process has a copy.

    `notebook` is the path of a notebook that the events are to be of: frames select by it. Times and ids are those of
    `clock`, by default of the one that is asked now.
    """

    _connection: sqlite3.Connection | None = None

    def __init__(self, *, notebook: str | None = None, clock: IClock | None = None) -> None:
        super().__init__(notebook=notebook, clock=clock or standing())

    @classmethod
    def of(cls, events: Iterable[StoredEvent], *, notebook: str | None = None) -> Self:
        """A store in which these were recorded, in this order, as one kernel run and numbered anew."""
        store = cls(notebook=notebook)
        with store._lock:
            for seq, event in enumerate(events, 1):
                writer = store._writer or store._start()
                named = (event.session_id, event.type, event.timestamp_us, event.turn_id)
                writer.put((event.id, seq, *named, event.data, event.content, event.channel))
                store._seq, store._channels = seq, max(store._channels, event.channel)
        return store

    def size_bytes(self) -> int:
        """Bytes of memory; 0 before anything was recorded."""
        return self._on_it(_size_bytes, 0)

    def prune(self, before_us: int, *, undelivered: bool = False) -> int:
        return self._on_it(lambda there: upkeep.prune(there, before_us, undelivered=undelivered), 0)

    def vacuum(self) -> None:
        self._on_it(lambda there: there.execute("VACUUM"), None)

    def backup(self, path: Path) -> None:
        if self._connection is None:
            raise StoreError("nothing has been recorded yet.", hint="there is nothing to copy")
        self._on_it(lambda there: upkeep.backup(there, path), None)

    def _made_writer(self, after: Writer | None) -> Writer:
        return InlineWriter(self._open_database, self._open_memory, clean=Scrubber().rows, committed=self._seq)

    def _open_database(self) -> SQLiteDatabase:
        return _Kept(self._connect, self._registration())

    def _open_memory(self) -> SQLiteDatabase:
        return self._open_database()

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _new_database()
            weakref.finalize(self, self._connection.close).atexit = False  # others may still record then
        return self._connection

    def _select(self, read: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        return self._on_it(read, [])

    def _has_indexes(self) -> bool:
        return True

    def _on_it(self, work: Callable[[sqlite3.Connection], T], without: T) -> T:
        """
        Raises:
            StoreError: SQLite cannot do it.
        """
        try:
            with self._lock, gate.inside():
                return work(self._connection) if self._connection else without
        except sqlite3.Error as error:
            raise StoreError(f"the analytics store in memory cannot be used: {error}.", hint=advice(error)) from error


class _Kept(SQLiteDatabase):
    """The connection is the store's, and goes on."""

    def close(self) -> None: ...


def _size_bytes(connection: sqlite3.Connection) -> int:
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return pages * size


def _new_database() -> sqlite3.Connection:
    connection = _connect()
    _empty().backup(connection)  # making the tables takes 15 times as long
    return connection


@cache
def _empty() -> sqlite3.Connection:
    connection = _connect()
    schema.prepare(connection, "in memory")
    atexit.register(connection.close)
    return connection


def _connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)

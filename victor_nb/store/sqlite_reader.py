"""How a SQLite store is read: a connection of its own, to the file, to memory, or to both when the file has failed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from victor_nb.errors import StoreError
from victor_nb.store import schema
from victor_nb.store.forking import gate
from victor_nb.store.sqlite_database import advice, connect_file, file_identity

T = TypeVar("T")
_inherited: list[sqlite3.Connection | None] = []


class SQLiteReader:
    """Reads the file `path`, or the memory database `memory` once `memory_ready` is set."""

    def __init__(self, path: Path | None, memory: str) -> None:
        self._path = path
        self._memory = memory
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._reads: object = None
        self._damaged = False
        self.memory_ready = threading.Event()
        self.overlaid = False
        """Whether `events` is a view on file and memory, without indexes of its own."""
        if path:
            gate.add(self)

    def select(self, read: Callable[[sqlite3.Connection], T], *, in_memory: bool) -> T:
        """What `read` makes of the connection.

        Raises:
            StoreError: the file cannot be read.
        """
        with gate.inside(), self._lock:
            try:
                return self._select(read, in_memory)
            except sqlite3.Error as error:
                self.let_go()
                raise StoreError(
                    f"the analytics store {self._path or 'in memory'} cannot be read: {error}.", hint=advice(error)
                ) from error

    def close(self) -> None:
        with self._lock:
            self.memory_ready.clear()
            self.let_go()

    def abandon(self) -> None:
        """In a forked child: the parent's connection must not be used, so not closed (sqlite.org/howtocorrupt.html)."""
        _inherited.append(self._connection)

    def _select(self, read: Callable[[sqlite3.Connection], T], in_memory: bool) -> T:
        connection = self._current(in_memory)
        try:
            return read(connection)
        except sqlite3.DatabaseError:
            if not (in_memory and self.overlaid):
                raise
        self._damaged = True  # the file breaks off somewhere: what is in memory can still be had
        self.let_go()
        return read(self._current(in_memory))

    def _current(self, in_memory: bool) -> sqlite3.Connection:
        wanted = "memory" if in_memory else file_identity(self._path)
        if self._connection is None or wanted != self._reads:
            self.let_go()
            self._connection = self._of_memory() if in_memory or self._path is None else self._of_file(self._path)
            if self._reads != "a copy":
                self._reads = "memory" if in_memory else file_identity(self._path)
        return self._connection

    def _of_memory(self) -> sqlite3.Connection:
        self.memory_ready.wait()
        connection = schema.connect_memory(self._memory)
        self.overlaid = self._path is not None and not self._damaged and schema.overlay(connection, self._path)
        return connection

    def _of_file(self, path: Path) -> sqlite3.Connection:
        try:
            return connect_file(path)
        except (sqlite3.Error, OSError) as error:
            copy = schema.connect_memory(":memory:")
            schema.prepare(copy, "in memory")
            if not schema.overlay(copy, path, ledger=True):
                copy.close()
                raise error if isinstance(error, sqlite3.Error) else sqlite3.OperationalError(str(error)) from error
            self._reads, self.overlaid = "a copy", True  # of the ledger, taken anew for each read
            return copy

    def let_go(self) -> None:
        """Ahead of a fork, or for good."""
        self._reads, self.overlaid = None, False
        if self._connection:
            self._connection.close()
            self._connection = None

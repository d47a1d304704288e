"""The SQLite store: one file for all notebooks of a user, several kernels at once.

Reads go through a second connection of the same library; the file is never opened by another SQLite in the process.
When the file fails, events go on in memory, and are read behind those that the file has, if it can still be read.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from victor_nb.errors import StoreError
from victor_nb.records import DeadLetter, EventQuery, KernelRun, Outbox, StoredEvent
from victor_nb.store import ledger, queries, schema
from victor_nb.store.recording import RecordingStore
from victor_nb.store.sqlite_database import AFTER_ANY_FILE, Registration, SQLiteDatabase, file_identity

T = TypeVar("T")
_inherited: list[sqlite3.Connection] = []


class SQLiteStore(RecordingStore):
    """Events in the file `path`, or in memory when `path` is None.

    `notebook` is the path of the notebook that this kernel runs, if known: frames select by it.
    """

    def __init__(self, path: Path | None = None, *, notebook: str | None = None) -> None:
        self._path = path
        self._reader: sqlite3.Connection | None = None
        super().__init__(str(path) if path else "memory", notebook=notebook)

    def _begin_run(self) -> None:
        if self._reader:  # a parent's connection must not be used, and so not be closed (sqlite.org/howtocorrupt.html)
            _inherited.append(self._reader)
        super()._begin_run()
        self._reading = threading.Lock()
        self._reader = None
        self._reads: object = None
        self._memory_name = f"file:victor-nb-{self._kernel_run_id}?mode=memory&cache=shared"
        self._memory_ready = threading.Event()

    @property
    def path(self) -> Path | None:
        return self._path

    def read(self, query: EventQuery) -> list[StoredEvent]:
        """The events of a query, in `position` order; those recorded but not yet durable are not among them.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._select(lambda reader: queries.events(reader, query))

    def rows(self, query: EventQuery, columns: Sequence[str]) -> list[tuple[Any, ...]]:
        """`read`, but only these columns (those of `StoredEvent`, and `migrations.TURN_COLUMNS`), as plain tuples.

        Of `turn_completed` alone, its columns without `data` come from an index: no JSON is parsed.
        """
        return self._select(lambda reader: queries.rows(reader, query, columns, indexes=not self._overlaid))

    def positions(self, query: EventQuery) -> list[int]:
        """Only the positions of the events of a query, in order: to count them without reading them."""
        return [position for (position,) in self.rows(query, ["position"])]

    def runs(self) -> list[KernelRun]:
        """Every kernel run that the store knows, oldest first."""
        return self._select(queries.runs)

    def outboxes(self) -> list[Outbox]:
        """How far every exporter has come with every run and channel, what was saved last included."""
        self._settled()
        return self._select(ledger.outboxes)

    def dead_letters(self, exporter: str | None = None) -> list[DeadLetter]:
        """What destinations have refused for good, oldest first."""
        self._settled()
        return self._select(lambda reader: ledger.dead_letters(reader, exporter))

    def _open_database(self) -> SQLiteDatabase:
        path = self._path
        if path is None:
            return self._open_memory()
        path.parent.mkdir(parents=True, exist_ok=True)
        return SQLiteDatabase(lambda: _prepared(path), self._registration(), path=path)

    def _open_memory(self) -> SQLiteDatabase:
        memory = SQLiteDatabase(self._connect_memory, self._registration())
        self._memory_ready.set()
        return memory

    def _registration(self) -> Registration:
        return Registration(self._kernel_run_id, self._notebook)

    def _connect_memory(self) -> sqlite3.Connection:
        connection = schema.connect_memory(self._memory_name)
        schema.prepare(connection, "in memory")
        if self._path is not None:
            schema.count_from(connection, AFTER_ANY_FILE)
            if schema.overlay(connection, self._path):
                schema.copy_ledger(connection)
        return connection

    def _select(self, read: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        with self._reading:
            if self._reader is None and not self._exists():
                return []
            try:
                return read(self._current_reader())
            except sqlite3.Error as error:
                self._close_reader()
                raise _unreadable(self._place, error) from error

    def _exists(self) -> bool:
        return self._writer is not None or (self._path is not None and self._path.exists())

    def _current_reader(self) -> sqlite3.Connection:
        in_memory = self._writer is not None and (self._path is None or self.degraded is not None)
        wanted = "memory" if in_memory else file_identity(self._path)
        if self._reader is None or wanted != self._reads:
            self._close_reader()
            self._reader = self._open_reader(in_memory=in_memory)
            self._reads = "memory" if in_memory else file_identity(self._path)
        return self._reader

    def _open_reader(self, *, in_memory: bool) -> sqlite3.Connection:
        self._overlaid = False
        if in_memory or self._path is None:
            self._memory_ready.wait()
            connection = schema.connect_memory(self._memory_name)
            self._overlaid = self._path is not None and schema.overlay(connection, self._path)
            return connection
        return _prepared(self._path)

    def _close_reader(self) -> None:
        if self._reader:
            self._reader.close()
            self._reader = None

    def _close_reading(self) -> None:
        with self._reading:
            self._memory_ready.clear()
            self._close_reader()


def _prepared(path: Path) -> sqlite3.Connection:
    connection = schema.connect(path)
    try:
        schema.prepare(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def _unreadable(place: str, error: sqlite3.Error) -> StoreError:
    return StoreError(f"the analytics store {place} cannot be read: {error}.")

"""The SQLite store: one file for all notebooks of a user, several kernels at once.

The file is never opened by another SQLite in the process. When it fails, events go on in memory, and are read behind
those that the file has, if it can still be read.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Generator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from victor_nb.clock import REAL, IClock
from victor_nb.errors import StoreError
from victor_nb.records import DeadLetter, EventQuery, KernelRun, Outbox, SavedSession, SessionEntry, StoredEvent
from victor_nb.store import journals, ledger, queries, schema, upkeep
from victor_nb.store.database import Database
from victor_nb.store.journal_store import JournalStore
from victor_nb.store.kept import SessionName
from victor_nb.store.sqlite_database import AFTER_ANY_FILE, Registration, SQLiteDatabase, advice, connect_file
from victor_nb.store.sqlite_reader import SQLiteReader

T = TypeVar("T")


class SQLiteStore(JournalStore):
    """Events in the file `path`, or in memory when `path` is None.

    `notebook` is the path of the notebook that this kernel runs, if known: frames select by it.
    """

    _reader: SQLiteReader | None = None

    def __init__(
        self, path: str | PathLike[str] | None = None, *, notebook: str | None = None, clock: IClock = REAL
    ) -> None:
        self._path = None if path is None else Path(path).expanduser()
        super().__init__(str(self._path or "memory"), notebook=notebook, clock=clock)

    def _begin_run(self) -> None:
        if self._reader:
            self._reader.abandon()
        super()._begin_run()
        self._memory_name = f"file:victor-nb-{self._kernel_run_id}?mode=memory&cache=shared"
        self._reader = SQLiteReader(self._path, self._memory_name)

    @property
    def path(self) -> Path | None:
        return self._path

    def read(self, query: EventQuery) -> list[StoredEvent]:
        """The events of a query, in `position` order; those recorded but not yet durable are not among them.

        Raises:
            StoreError: the file cannot be read.
        """
        return self._select(lambda connection: queries.events(connection, query, indexes=self._has_indexes()))

    def rows(self, query: EventQuery, columns: Sequence[str], *, ordered: bool = True) -> list[tuple[Any, ...]]:
        """`read`, but only these columns (those of `StoredEvent`, and `migrations.TURN_COLUMNS`), as plain tuples.

        Of `turn_completed` alone, its columns without `data` come from an index: no JSON is parsed. What comes from an
        index comes sooner when it need not be `ordered`.
        """
        return self._select(
            lambda connection: queries.rows(connection, query, columns, indexes=self._has_indexes(), ordered=ordered)
        )

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
        return self._select(lambda connection: ledger.dead_letters(connection, exporter))

    def _entries(self, name: SessionName, after: int) -> list[SessionEntry]:
        return self._select(lambda connection: journals.read(connection, name, after))

    def _saved(self, notebook: str | None) -> list[SavedSession]:
        return self._select(lambda connection: journals.saved(connection, notebook))

    def size_bytes(self) -> int:
        """Bytes on disk, the write-ahead log included; 0 in memory."""
        return upkeep.size_bytes(self._path) if self._path else 0

    def prune(self, before_us: int, *, undelivered: bool = False) -> int:
        """Delete what was recorded before a time (Unix, µs): of each kernel run a beginning, so that no gap arises. How
        many events. Conversations stay; `delete_session` is for them.

        What some exporter has not delivered stays, and what comes behind it in that run, unless `undelivered`. The
        file does not shrink by it; `vacuum()` does that. Blocks; other kernels go on recording.

        Raises:
            StoreError: the file cannot be written.
        """
        if self._path is None:
            return self._in_memory(lambda there: upkeep.prune(there, before_us, undelivered=undelivered), 0)
        if not self._path.exists():
            return 0
        with self._own_connection(self._path) as connection:
            return upkeep.prune(connection, before_us, undelivered=undelivered)

    def vacuum(self) -> None:
        """Give the space of deleted events back to the disk. Blocks; other kernels wait with their events meanwhile.

        Raises:
            StoreError: the file cannot be written, or there is no space for a copy of it.
        """
        if self._path and self._path.exists():
            with self._own_connection(self._path) as connection:
                upkeep.vacuum(connection)

    def backup(self, path: Path) -> None:
        """Copy all that is recorded to a new SQLite file, which is a store as well. Works while kernels record.

        Raises:
            StoreError: `path` exists or cannot be written, or nothing was recorded yet.
        """
        if self._path is None:
            self._in_memory(lambda connection: upkeep.backup(connection, path), None)
        elif not self._path.exists():
            raise StoreError("nothing has been recorded yet.", hint="there is nothing to copy")
        else:
            with self._own_connection(self._path) as connection:
                upkeep.backup(connection, path)

    def _open_database(self) -> SQLiteDatabase:
        path = self._path
        if path is None:
            return self._open_memory()
        return SQLiteDatabase(lambda: connect_file(path), self._registration(), path=path)

    def _open_memory(self) -> SQLiteDatabase:
        memory = SQLiteDatabase(self._connect_memory, self._registration())
        assert self._reader
        self._reader.memory_ready.set()
        return memory

    def _registration(self) -> Registration:
        return Registration(self._kernel_run_id, self._notebook, self.clock.now_us())

    def _connect_memory(self) -> sqlite3.Connection:
        connection = schema.connect_memory(self._memory_name)
        schema.prepare(connection, "in memory")
        if self._path is not None:
            for table in ("events", "sessions"):
                schema.count_from(connection, AFTER_ANY_FILE, table)
            schema.overlay(connection, self._path, ledger=True)
        return connection

    def _select(self, read: Callable[[sqlite3.Connection], list[T]]) -> list[T]:
        writing = self._writer is not None
        if self._reader is None or not (writing or (self._path is not None and self._path.exists())):
            return []
        in_memory = writing and (self._path is None or self.degraded is not None)
        return self._reader.select(read, in_memory=in_memory)

    def _has_indexes(self) -> bool:
        """Known only when the reader has its connection."""
        return self._reader is not None and not self._reader.overlaid

    def _close_reading(self) -> None:
        if self._reader:
            self._reader.close()

    def _in_memory(self, work: Callable[[sqlite3.Connection], T], without: T) -> T:
        """`work` in the writer's thread: connections to memory have no patience with each other."""

        def job(database: Database) -> T:
            assert isinstance(database, SQLiteDatabase)
            return database.use(work)

        return self._ask(job) if self._writer else without

    @contextlib.contextmanager
    def _own_connection(self, path: Path) -> Generator[sqlite3.Connection]:
        """Long work must not keep the writer's thread from its events."""
        self.flush()
        if self.degraded:
            raise StoreError(f"the analytics store {path} cannot be written ({self.degraded}).")
        try:
            with contextlib.closing(connect_file(path)) as connection:
                yield connection
        except sqlite3.Error as error:
            raise StoreError(f"the analytics store {path} cannot be changed: {error}.", hint=advice(error)) from error

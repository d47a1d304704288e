"""The PostgreSQL store: one database for a team, whose kernels run on many computers at once.

Writing goes through the writer's thread and never waits for a server that is away: events are kept on the own disk
until it is back. Reading has a connection of its own. psycopg is imported when the first store is made.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from victor_nb.errors import MissingExtraError, UsageError
from victor_nb.records import DeadLetter, EventQuery, KernelRun, Outbox, SavedSession, SessionEntry, StoredEvent
from victor_nb.store import schema
from victor_nb.store.database import Database
from victor_nb.store.journal_store import JournalStore
from victor_nb.store.kept import SessionName
from victor_nb.store.sqlite_database import Registration, SQLiteDatabase

if TYPE_CHECKING:
    from victor_nb.store.postgres_database import PostgresDatabase
    from victor_nb.store.postgres_reader import Reader
    from victor_nb.store.postgres_server import Connection

T = TypeVar("T")
_inherited: list[object] = []


class PostgresStore(JournalStore):
    """Events in the PostgreSQL database of `dsn`, in tables of the schema `schema`, made when they are missing.

    `notebook` is the path of the notebook that this kernel runs, if known: frames select by it. `folder` is where
    events wait while the server is away: by default `waiting` in `VICTOR_HOME` or in the user's data folder.

    Raises:
        MissingExtraError: psycopg is not installed.
        ConfigError: the URL cannot be understood, or the schema has no simple name.
    """

    def __init__(
        self, dsn: str, *, notebook: str | None = None, schema: str = "victor", folder: Path | None = None
    ) -> None:
        if find_spec("psycopg") is None:
            raise MissingExtraError("a PostgreSQL store needs psycopg.", hint='pip install "victor-nb[postgres]"')
        from victor_nb.store.postgres_server import Server

        self._server = Server(dsn, schema)
        self._folder = folder or _waiting()
        self._reader: Reader | None = None
        self._database: PostgresDatabase | None = None
        super().__init__(self._server.place, notebook=notebook)

    def _begin_run(self) -> None:
        # A forked child must not close its parent's connections, which share the wire with it.
        _inherited.extend(thing for thing in (self._reader, self._database) if thing)
        super()._begin_run()
        self._reading = threading.Lock()
        self._reader = None
        self._database = None

    def __repr__(self) -> str:
        return f"<PostgresStore: {self._place}>"

    @property
    def degraded(self) -> str | None:
        """Why the server does not get the events at the moment, or None."""
        database = self._database
        return (database.degraded if database else None) or super().degraded

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all events recorded so far are durable; False when `timeout_s` passed first.

        That is on the server, or, while it is away, on the own disk.
        """
        give_up_at = time.monotonic() + (60.0 if timeout_s is None else timeout_s)
        durable = super().flush(timeout_s)
        while durable and self._is_behind() and time.monotonic() < give_up_at:
            self._settled()
            time.sleep(0.01)
        return durable

    def _is_behind(self) -> bool:
        database = self._database
        return self._writer is not None and database is not None and database.is_behind

    def read(self, query: EventQuery) -> list[StoredEvent]:
        """The events of a query, in `position` order; those recorded but not yet on the server are not among them.

        Within a kernel run positions are given in the order in which events become durable. Those of several runs may
        be seen in another order: an event of one may become visible behind a higher position of another.

        Raises:
            StoreError: the server cannot be reached.
        """
        from victor_nb.store import postgres_queries

        return self._select(lambda connection: postgres_queries.events(connection, query), [])

    def rows(self, query: EventQuery, columns: Sequence[str], *, ordered: bool = True) -> list[tuple[Any, ...]]:
        """`read`, but only these columns (those of `StoredEvent`, and `migrations.TURN_COLUMNS`), as plain tuples."""
        from victor_nb.store import postgres_queries

        return self._select(lambda connection: postgres_queries.rows(connection, query, columns, ordered=ordered), [])

    def positions(self, query: EventQuery) -> list[int]:
        """Only the positions of the events of a query, in order: to count them without reading them."""
        return [position for (position,) in self.rows(query, ["position"])]

    def runs(self) -> list[KernelRun]:
        """Every kernel run that the store knows, on whatever computer, oldest first."""
        from victor_nb.store import postgres_runs

        return self._select(lambda connection: postgres_runs.runs(connection, self._server.locks), [])

    def outboxes(self) -> list[Outbox]:
        """How far every exporter has come with every run and channel, what was saved last included."""
        from victor_nb.store import postgres_ledger

        self._settled()
        return self._select(postgres_ledger.outboxes, [])

    def dead_letters(self, exporter: str | None = None) -> list[DeadLetter]:
        """What destinations have refused for good, oldest first."""
        from victor_nb.store import postgres_ledger

        self._settled()
        return self._select(lambda connection: postgres_ledger.dead_letters(connection, exporter), [])

    def _entries(self, name: SessionName, after: int) -> list[SessionEntry]:
        from victor_nb.store import postgres_journals

        self.flush()
        return self._select(lambda connection: postgres_journals.read(connection, name, after), [])

    def _saved(self, notebook: str | None) -> list[SavedSession]:
        from victor_nb.store import postgres_journals

        self.flush()
        return self._select(lambda there: postgres_journals.saved(there, self._server.locks, notebook), [])

    def size_bytes(self) -> int:
        """What the store's tables take on the server's disk, indexes included."""
        from victor_nb.store import postgres_upkeep

        return self._maintain(lambda connection: postgres_upkeep.size_bytes(connection, self._server.schema), 0)

    def prune(self, before_us: int, *, undelivered: bool = False) -> int:
        """Delete events recorded before a time (Unix time in µs), of all kernels of the team, and say how many.

        Of each run a beginning goes: up to the first event that is younger, that an exporter has not delivered yet
        (unless `undelivered`), or that belongs to an open turn of a kernel that is alive.
        """
        from victor_nb.store import postgres_upkeep

        return self._maintain(
            lambda connection: postgres_upkeep.prune(connection, self._server, before_us, undelivered=undelivered), 0
        )

    def vacuum(self) -> None:
        """Have PostgreSQL use the space of deleted events again; others can work meanwhile. Only their owner can."""
        from victor_nb.store import postgres_upkeep

        self._maintain(postgres_upkeep.vacuum, None)

    def backup(self, path: Path) -> None:
        """
        Raises:
            UsageError: always; PostgreSQL has its own way.
        """
        raise UsageError(
            f"{self._place} is not copied to {path.name}: PostgreSQL has its own backups.",
            hint=f"pg_dump --schema={self._server.schema} --file={path.stem}.sql and the URL of the database",
        )

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is queued, mark the run as cleanly ended, disconnect. What a server that is away, or hangs, does
        not take in time is left on the own disk; the next kernel here brings it there. A further event opens it again.
        """
        if database := self._database:
            database.hurry(timeout_s / 2)
        super().close(timeout_s)

    def _open_database(self) -> Database:
        from victor_nb.store.postgres_database import PostgresDatabase

        registration = Registration(self._kernel_run_id, self._notebook)
        self._database = PostgresDatabase(
            self._server, registration, folder=self._folder, nudge=self._nudge, warn=self._tell
        )
        return self._database

    def _open_memory(self) -> Database:
        """For a fault of ours; a server that is away is the database's own business."""

        def connect() -> sqlite3.Connection:
            connection = schema.connect_memory(f"file:victor-nb-{self._kernel_run_id}?mode=memory&cache=shared")
            schema.prepare(connection, "in memory")
            return connection

        return SQLiteDatabase(connect, Registration(self._kernel_run_id, self._notebook))

    def _nudge(self) -> None:
        if writer := self._writer:
            writer.ask(_tend)

    def _tell(self, news: str) -> None:
        if writer := self._writer:
            writer.news = news or None

    def _select(self, read: Callable[[Connection], T], nothing: T) -> T:
        from victor_nb.store.postgres_reader import Reader

        with self._reading:
            self._reader = self._reader or Reader(self._server)
            return self._reader.select(read, nothing)

    def _maintain(self, work: Callable[[Connection], T], nothing: T) -> T:
        """On a connection of its own: it may take long, and exporters go on reading."""
        from victor_nb.store.postgres_reader import Reader

        with contextlib.closing(Reader(self._server)) as reader:
            return reader.select(work, nothing)

    def _close_reading(self) -> None:
        with self._reading:
            if self._reader:
                self._reader.close()
                self._reader = None


def _tend(database: Database) -> None:
    tend = getattr(database, "tend", None)
    if tend:
        tend()


def _waiting() -> Path:
    home = os.environ.get("VICTOR_HOME")
    if not home:
        import platformdirs

        home = platformdirs.user_data_path("victor_nb", appauthor=False)
    return Path(home).expanduser() / "waiting"

"""An open SQLite database, as the writing thread uses it: in a file, or in memory when there is none or it failed."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from victor_nb.records import DeadLetter, KernelRun, Outbox, SessionEntry
from victor_nb.store import journals, ledger, schema
from victor_nb.store.database import Change, DatabaseLostError, DatabaseUnusableError, Row
from victor_nb.store.forking import gate
from victor_nb.store.kept import KeptEntries, SessionName
from victor_nb.store.runs import host, process_stamp

log = logging.getLogger(__name__)
T = TypeVar("T")

AFTER_ANY_FILE = 1 << 40
"""Positions of memory begin behind this when there is a file: exporters remember those of the file."""

_INSERT = (
    "INSERT INTO main.events (run, id, seq, session_id, type, timestamp_us, turn_id, data, content, channel) "
    "VALUES ({run}, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Registration:
    """The kernel run as it is entered in a database."""

    kernel_run_id: str
    notebook: str | None
    started_at_us: int | None = None


class SQLiteDatabase:
    """`connect` makes a prepared connection; `path` is its file, watched after each commit: a file that was deleted or
    replaced takes events and keeps none."""

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], registration: Registration, *, path: Path | None = None
    ) -> None:
        self._connect = connect
        self._registration = registration
        self._path = path
        self._last_position = 0
        self._written: Counter[int] = Counter()
        self._open()
        if path:
            gate.add(self)

    def _open(self) -> None:
        with _reported(), gate.inside():
            self._connection, self._is_open = self._connect(), True
            self._file = file_identity(self._path)
            self._run = _registered(self._connection, self._registration)
            self._wal = file_identity(_beside(self._path, "-wal"))
            self._insert = _INSERT.format(run=self._run)

    def let_go(self) -> None:
        """Ahead of a fork."""
        self._connection.close()
        self._is_open = False

    def _come_back(self) -> None:
        if self._is_open:
            return
        self._stay()
        self._connection, self._is_open = self._connect(), True
        self._wal = file_identity(_beside(self._path, "-wal"))

    @contextlib.contextmanager
    def _transaction(self) -> Generator[None]:
        with gate.inside():
            self._come_back()
            with _begun(self._connection):
                yield

    def write(self, rows: Sequence[Row], changes: Sequence[Change]) -> None:
        with _reported(), self._transaction():
            if rows:
                self._connection.executemany(self._insert, rows)
                last = self._connection.execute("SELECT last_insert_rowid()").fetchone()[0]
            else:
                last = 0
            for change in changes:
                self._apply(change)
        self._stay()
        self._last_position = max(self._last_position, last)
        self._written.update(row[8] for row in rows)

    def _apply(self, change: Change) -> None:
        """In memory, what a damaged file makes fail must not take the events with it."""
        if self._path is not None:
            return change(self)
        try:
            self._connection.execute("SAVEPOINT change")
            change(self)
        except sqlite3.Error:
            log.exception("the state of an exporter or a session could not be kept")
            self._connection.execute("ROLLBACK TO change")
        self._connection.execute("RELEASE change")

    def _stay(self) -> None:
        """After a commit, not before: what went into a file that is gone must be written again."""
        if self._path and file_identity(self._path) != self._file:
            raise DatabaseLostError(f"the analytics store {self._path} was deleted or replaced; a new one is written")

    def reopen(self) -> None:
        """Go on in the file that is there now, at higher positions than before: exporters remember theirs."""
        log_of_old_file = self._wal is not None and file_identity(_beside(self._path, "-wal")) == self._wal
        self._connection.close()  # before the new file has a log, which by its name is the old one's too
        if self._path and log_of_old_file:  # SQLite would play it into the new file
            for suffix in ("-wal", "-shm"):
                self._path.with_name(f"{self._path.name}{suffix}").unlink(missing_ok=True)
        self._open()
        with _reported(), self._transaction():
            schema.count_from(self._connection, self._last_position)
            ledger.forget_lost(self._connection, self._run, self._written)

    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter]) -> None:
        ledger.save(self._connection, outbox, dead, self._registration.kernel_run_id)

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        ledger.settle(self._connection, delivered)

    def end_run(self, at_us: int) -> None:
        self._connection.execute("UPDATE runs SET ended_at_us = ? WHERE number = ?", (at_us, self._run))
        journals.release_all(self._connection, self._registration.kernel_run_id)

    def append_entries(self, kept: KeptEntries) -> None:
        journals.append(self._connection, kept, self._registration.kernel_run_id)

    def release_session(self, name: SessionName) -> None:
        journals.release(self._connection, name, self._registration.kernel_run_id)

    def hold_session(self, name: SessionName) -> KernelRun | None:
        return self._apart(lambda there: journals.hold(there, name, self._registration.kernel_run_id))

    def shorten_entries(self, name: SessionName, entries: Sequence[SessionEntry]) -> bool:
        return self._apart(lambda there: journals.shorten(there, name, entries, self._registration.kernel_run_id))

    def rename_session(self, name: SessionName, new: str) -> None:
        self._apart(lambda there: journals.rename(there, name, new, self._registration.kernel_run_id))

    def delete_session(self, name: SessionName) -> bool:
        return self._apart(lambda there: journals.delete(there, name, self._registration.kernel_run_id))

    def claim(self, exporter: str, channel: int) -> list[Outbox]:
        owner, shared = self._registration.kernel_run_id, self._path is not None
        return self._apart(lambda there: ledger.claim(there, exporter, owner, channel, shared=shared))

    def _apart(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """In a transaction of its own."""
        with _reported(), self._transaction():
            done = work(self._connection)
        self._stay()
        return done

    def use(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Something of SQLite's own, such as a backup."""
        return work(self._connection)

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


def _beside(path: Path | None, suffix: str) -> Path | None:
    return path and path.with_name(f"{path.name}{suffix}")


def connect_file(path: Path) -> sqlite3.Connection:
    """A connection to a store's file, made when there is none: for the eyes of its user only.

    Raises:
        StoreVersionError: a newer victor_nb wrote it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(0o600)
    connection = schema.connect(path)
    try:
        schema.prepare(connection, str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def advice(error: sqlite3.Error | sqlite3.Warning) -> str:
    """What to do about a file that cannot be used."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return (
            "it is damaged, and was left as it is: move it away with its -wal and restart the kernel; "
            "`sqlite3 FILE .recover` may save what it holds"
        )
    if code == sqlite3.SQLITE_FULL:
        return "free some space, and restart the kernel to record in the file again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "another program keeps it locked: end that, and restart the kernel"
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return "make file and folder writable, or set VICTOR_HOME to another folder, and restart the kernel"
    return "restart the kernel to record in the file again"


def file_identity(path: Path | None) -> tuple[int, int] | None:
    """What tells a file from another one at the same place; None when there is none."""
    if path is None:
        return None
    try:
        found = os.stat(path)  # noqa: PTH116 (once a commit: a third of the time)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _registered(connection: sqlite3.Connection, registration: Registration) -> int:
    pid = os.getpid()
    values = (
        *_run_of(registration),
        host(),
        pid,
        process_stamp(pid),
        registration.started_at_us or time.time_ns() // 1_000,
    )
    return connection.execute(
        "INSERT INTO runs (id, notebook, host, pid, process_stamp, started_at_us) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET ended_at_us = NULL RETURNING number",
        values,
    ).fetchone()[0]


def _run_of(registration: Registration) -> tuple[str, str | None]:
    return registration.kernel_run_id, registration.notebook


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Generator[None]:
    """For a connection that nobody keeps."""
    with gate.inside(), _begun(connection):
        yield


@contextlib.contextmanager
def _begun(connection: sqlite3.Connection) -> Generator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def _reported() -> Generator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning) as error:
        raise DatabaseUnusableError(f"{error}: {advice(error)}") from error
    except (OSError, ValueError, OverflowError) as error:
        raise DatabaseUnusableError(str(error)) from error

"""An open SQLite database, as the writing thread uses it: in a file, or in memory when there is none or it failed."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from victor_nb.records import DeadLetter, Outbox
from victor_nb.store import ledger, schema
from victor_nb.store.database import Change, DatabaseLostError, DatabaseUnusableError, Row
from victor_nb.store.runs import host, process_stamp

AFTER_ANY_FILE = 1 << 40
"""Positions of memory begin behind this when there is a file: exporters remember those of the file."""

_UNWRITABLE = (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError)
_INSERT = (
    "INSERT INTO main.events (run, id, seq, session_id, type, timestamp_us, turn_id, data, content, channel) "
    "VALUES ({run}, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class Registration:
    """The kernel run as it is entered in a database."""

    kernel_run_id: str
    notebook: str | None


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

    def _open(self) -> None:
        with _reported():
            self._connection = self._connect()
            self._file = file_identity(self._path)
            self._run = _registered(self._connection, self._registration)
            self._insert = _INSERT.format(run=self._run)

    def write(self, rows: Sequence[Row], changes: Sequence[Change]) -> None:
        with _transaction(self._connection):
            if rows:
                self._connection.executemany(self._insert, rows)
                last = self._connection.execute("SELECT last_insert_rowid()").fetchone()[0]
            else:
                last = 0
            for change in changes:
                change(self)
        self._stay()
        self._last_position = max(self._last_position, last)
        self._written.update(row[8] for row in rows)

    def _stay(self) -> None:
        """After a commit, not before: what went into a file that is gone must be written again."""
        if self._path and file_identity(self._path) != self._file:
            raise DatabaseLostError(f"the analytics store {self._path} was deleted or replaced; a new one is written")

    def reopen(self) -> None:
        """Go on in the file that is there now, at higher positions than before: exporters remember theirs."""
        self._connection.close()  # before the new file has a WAL, which by its name is the old one's too
        self._open()
        with _transaction(self._connection):
            schema.count_from(self._connection, self._last_position)
            ledger.forget_lost(self._connection, self._run, self._written)

    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter]) -> None:
        ledger.save(self._connection, outbox, dead, self._registration.kernel_run_id)

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        ledger.settle(self._connection, delivered)

    def end_run(self, at_us: int) -> None:
        self._connection.execute("UPDATE runs SET ended_at_us = ? WHERE number = ?", (at_us, self._run))

    def claim(self, exporter: str, channel: int) -> list[Outbox]:
        with _transaction(self._connection):
            claimed = ledger.claim(self._connection, exporter, self._registration.kernel_run_id, channel)
        self._stay()
        return claimed

    def close(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            self._connection.close()


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
    values = (*_run_of(registration), host(), pid, process_stamp(pid), time.time_ns() // 1_000)
    return connection.execute(
        "INSERT INTO runs (id, notebook, host, pid, process_stamp, started_at_us) VALUES (?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO UPDATE SET ended_at_us = NULL RETURNING number",
        values,
    ).fetchone()[0]


def _run_of(registration: Registration) -> tuple[str, str | None]:
    return registration.kernel_run_id, registration.notebook


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Generator[None]:
    with _reported():
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
    except _UNWRITABLE as error:
        raise DatabaseUnusableError(f"{type(error).__name__}: {error}") from error

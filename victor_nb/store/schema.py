"""The tables of the SQLite store and their version, kept in `PRAGMA user_version`."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from victor_nb.errors import StoreVersionError

VERSION = 1

# AUTOINCREMENT, because a position must never be used again: exporters remember how far they came by it.
_TABLES = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    notebook TEXT,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_stamp TEXT NOT NULL,
    started_at_us INTEGER NOT NULL,
    ended_at_us INTEGER
);
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(number),
    seq INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    type TEXT NOT NULL,
    timestamp_us INTEGER NOT NULL,
    turn_id TEXT,
    data TEXT NOT NULL,
    content TEXT
);
CREATE UNIQUE INDEX events_run_seq ON events(run, seq);
CREATE INDEX events_session ON events(session_id);
CREATE TABLE cursors (
    exporter TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(number),
    position INTEGER NOT NULL,
    PRIMARY KEY (exporter, run)
) WITHOUT ROWID;
"""


def connect(path: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    """A connection as the store uses it: WAL, `synchronous=FULL`, 30 s of patience with other kernels."""
    connection = sqlite3.connect(path, timeout=30.0, isolation_level=None, check_same_thread=False, uri=uri)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def connect_memory(name: str) -> sqlite3.Connection:
    """A connection to the memory database `name`. Its tables are shared by connections, whose locks know no patience,
    so that readers must not take any."""
    connection = connect(name, uri=True)
    connection.execute("PRAGMA read_uncommitted=1")
    return connection


def count_from(connection: sqlite3.Connection, position: int) -> None:
    """Give the events of a new database positions above `position`."""
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (position,))


def prepare(connection: sqlite3.Connection, where: str) -> None:
    """Create the tables in a new file; refuse a file that a newer version wrote.

    Raises:
        StoreVersionError: the file's schema is newer than this version knows.
    """
    connection.execute("BEGIN IMMEDIATE")  # two kernels may start on a new file at once
    try:
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found > VERSION:
            raise StoreVersionError(
                f"the analytics store {where} has schema {found}, this victor_nb knows {VERSION}.",
                hint="upgrade victor_nb, or set VICTOR_HOME to another folder",
            )
        if found == 0:
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version={VERSION:d}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")

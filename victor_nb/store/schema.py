"""Connections to SQLite as the store uses them, and the version of a file's schema, kept in `PRAGMA user_version`."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from pathlib import Path

from victor_nb.errors import StoreVersionError
from victor_nb.store.migrations import STEPS, TURN_COLUMNS, VERSION

PATIENCE_S = 30.0
_EVENTS = ("position", "id", "run", "seq", "session_id", "type", "timestamp_us", "turn_id", "data", "content")


def connect(path: Path | str, *, uri: bool = False) -> sqlite3.Connection:
    """A connection as the store uses it: WAL, `synchronous=FULL`, 30 s of patience with other kernels."""
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None, check_same_thread=False, uri=uri)
    try:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Two kernels may turn a new file over at once, and SQLite has no patience in that moment."""
    give_up_at = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up_at:
                raise
            time.sleep(0.01)
        else:
            return


def connect_memory(name: str) -> sqlite3.Connection:
    """A connection to the memory database `name`. Its tables are shared by connections, whose locks know no patience,
    so that readers must not take any."""
    connection = connect(name, uri=True)
    connection.execute("PRAGMA read_uncommitted=1")
    return connection


def count_from(connection: sqlite3.Connection, position: int, table: str = "events") -> None:
    """Give further events positions, or sessions numbers, above `position`."""
    changed = connection.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (position, table))
    if not changed.rowcount:
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table, position))


def prepare(connection: sqlite3.Connection, where: str) -> None:
    """Create the tables in a new file, bring an older one to this version; refuse one that a newer version wrote.

    Raises:
        StoreVersionError: the file's schema is newer than this version knows.
    """
    if _version(connection, where) == VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")  # two kernels may start on a new or an old file at once
    try:
        for step in STEPS[_version(connection, where) :]:
            step(connection)
        connection.execute(f"PRAGMA user_version={VERSION:d}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection, where: str, database: str = "main") -> int:
    found: int = connection.execute(f"PRAGMA {database}.user_version").fetchone()[0]
    if found > VERSION:
        raise StoreVersionError(
            f"the analytics store {where} has schema {found}, this victor_nb knows {VERSION}.",
            hint="upgrade victor_nb, or set VICTOR_HOME to another folder",
        )
    return found


def overlay(connection: sqlite3.Connection, path: Path, *, ledger: bool = False) -> bool:
    """Show the events and sessions of the file `path` ahead of those of a memory database, to this connection only;
    False when the file cannot be read either. Nothing is written to the file. With `ledger`, its runs, its outboxes
    and the list of its sessions are copied into the memory database, to go on from there."""
    for options in ("mode=ro", "immutable=1"):
        if options == "immutable=1" and _has_wal(path):  # it would not see what is in there
            return False
        with contextlib.suppress(sqlite3.Error, StoreVersionError):
            connection.execute("ATTACH ? AS disk", (f"{path.absolute().as_uri()}?{options}&cache=private",))
            try:
                version = _version(connection, str(path), "disk")
                _show_disk(connection, version)
                if version > 2:
                    _show_sessions(connection)
                if ledger:
                    _copy_ledger(connection, version)
            except BaseException:
                for view in ("events", "sessions", "session_entries"):
                    connection.execute(f"DROP VIEW IF EXISTS temp.{view}")
                connection.execute("DETACH disk")
                raise
            return True
    return False


def _has_wal(path: Path) -> bool:
    wal = path.with_name(f"{path.name}-wal")
    return wal.exists() and wal.stat().st_size > 0


def _show_disk(connection: sqlite3.Connection, version: int) -> None:
    known = "channel" if version > 1 else "0 AS channel"
    values = TURN_COLUMNS if version > 1 else [f"json_extract(data, '$.{name}') AS {name}" for name in TURN_COLUMNS]
    connection.execute(
        f"CREATE TEMP VIEW events AS SELECT {', '.join((*_EVENTS, known, *values))} FROM disk.events d "  # noqa: S608
        "WHERE NOT EXISTS (SELECT 1 FROM main.events m WHERE m.run = d.run AND m.seq = d.seq) "
        f"UNION ALL SELECT {', '.join((*_EVENTS, 'channel', *TURN_COLUMNS))} FROM main.events"
    )
    connection.execute("SELECT 1 FROM temp.events, disk.runs LIMIT 1").fetchone()


def _show_sessions(connection: sqlite3.Connection) -> None:
    connection.execute(
        "CREATE TEMP VIEW sessions AS SELECT * FROM main.sessions UNION ALL SELECT * FROM disk.sessions d WHERE NOT "
        "EXISTS (SELECT 1 FROM main.sessions m WHERE m.notebook = d.notebook AND m.session_id = d.session_id)"
    )
    connection.execute(
        "CREATE TEMP VIEW session_entries AS SELECT * FROM main.session_entries UNION ALL SELECT * FROM "
        "disk.session_entries d WHERE NOT EXISTS "
        "(SELECT 1 FROM main.session_entries m WHERE m.session = d.session AND m.number = d.number)"
    )


def _copy_ledger(connection: sqlite3.Connection, version: int) -> None:
    columns = "number, id, notebook, host, pid, process_stamp, started_at_us, ended_at_us"
    columns += ", pruned_seq" if version > 1 else ""
    connection.execute(f"INSERT OR IGNORE INTO main.runs ({columns}) SELECT {columns} FROM disk.runs")  # noqa: S608
    copied = ("outboxes", "dead_letters", "forgotten") if version > 1 else ()
    for table in (*copied, "sessions") if version > 2 else copied:
        connection.execute(f"INSERT OR IGNORE INTO main.{table} SELECT * FROM disk.{table}")  # noqa: S608

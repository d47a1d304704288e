"""Looking after a SQLite store's size: deleting old events, giving space back, copying the file while it is written."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from victor_nb.errors import StoreError
from victor_nb.store.runs import is_alive
from victor_nb.store.sqlite_database import transaction

_CHUNK: Final = 5_000
"""Events deleted in one transaction: other kernels have only so much patience with a lock."""

_RUNS: Final = "SELECT number, ended_at_us, host, pid, process_stamp FROM runs ORDER BY number"
# A number above all `seq` where nothing stands in the way.
_FIRST_KEPT: Final = """
SELECT min(coalesce((SELECT max(seq) FROM events WHERE run = :run), 0) + 1,
    coalesce((SELECT min(seq) FROM events WHERE run = :run AND timestamp_us >= :before_us), :none))
"""
_FIRST_UNDELIVERED: Final = """
SELECT min(coalesce((SELECT min(e.seq) FROM outboxes o JOIN events e
        ON e.run = o.run AND e.channel = o.channel AND e.position > o.position WHERE o.run = :run), :none),
    coalesce((SELECT min(seq) FROM dead_letters WHERE run = :run), :none))
"""
_FIRST_OPEN: Final = """
SELECT coalesce(min(s.seq), :none) FROM events s WHERE s.run = :run AND s.type = 'turn_started' AND NOT EXISTS (
    SELECT 1 FROM events c WHERE c.run = s.run AND c.type = 'turn_completed' AND c.turn_id = s.turn_id)
"""
_NONE: Final = 1 << 62


def prune(connection: sqlite3.Connection, before_us: int, *, undelivered: bool) -> int:
    """Delete what was recorded before a time, of each run a beginning: up to the first event that must stay. How many.

    What must stay: younger events; those that an outbox has pending or dead, unless `undelivered`; of a kernel that is
    alive, those behind the start of a turn that is still open.
    """
    deleted = 0
    for run, ended_at_us, *process in connection.execute(_RUNS).fetchall():
        values = {"run": run, "before_us": before_us, "none": _NONE}
        limits = [_FIRST_KEPT]
        if not undelivered:
            limits.append(_FIRST_UNDELIVERED)
        if ended_at_us is None and is_alive(*process):
            limits.append(_FIRST_OPEN)
        keep = min(connection.execute(limit, values).fetchone()[0] for limit in limits)
        while gone := _prune_run(connection, run, keep):
            deleted += gone
    return deleted


def _prune_run(connection: sqlite3.Connection, run: int, keep: int) -> int:
    """Delete the first events of a run, below the `seq` `keep` and at most a chunk; keep the ledger's counts right."""
    with transaction(connection):
        find = "SELECT max(seq) FROM (SELECT seq FROM events WHERE run = ? AND seq < ? ORDER BY seq LIMIT ?)"
        last: int | None = connection.execute(find, (run, keep, _CHUNK)).fetchone()[0]
        if last is None:
            return 0
        _forget(connection, run, last)
        gone = connection.execute("DELETE FROM events WHERE run = ? AND seq <= ?", (run, last)).rowcount
        connection.execute("UPDATE runs SET pruned_seq = max(pruned_seq, ?) WHERE number = ?", (last, run))
        return gone


def _forget(connection: sqlite3.Connection, run: int, last: int) -> None:
    """Before they are gone: what was pending or dead is dropped, and all of it goes on counting as accepted."""
    connection.execute(
        "UPDATE outboxes AS o SET dropped = dropped + (SELECT count(*) FROM events e WHERE e.run = o.run "
        "AND e.channel = o.channel AND e.position > o.position AND e.seq <= ?1) + (SELECT count(*) FROM dead_letters d "
        "WHERE d.exporter = o.exporter AND d.run = o.run AND d.channel = o.channel AND d.seq <= ?1) WHERE run = ?2",
        (last, run),
    )
    connection.execute("DELETE FROM dead_letters WHERE run = ? AND seq <= ?", (run, last))
    connection.execute(
        "INSERT INTO forgotten SELECT run, channel, count(*) FROM events WHERE run = ? AND seq <= ? GROUP BY channel "
        "ON CONFLICT (run, channel) DO UPDATE SET events = events + excluded.events",
        (run, last),
    )


def size_bytes(path: Path) -> int:
    """The file and what is still in its write-ahead log."""
    size = 0
    for part in (path, path.with_name(f"{path.name}-wal")):
        with contextlib.suppress(FileNotFoundError):
            size += part.stat().st_size
    return size


def vacuum(connection: sqlite3.Connection) -> None:
    """Give the space of deleted events back. Other kernels wait meanwhile."""
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def backup(connection: sqlite3.Connection, path: Path) -> None:
    """Copy the database as it is now to a new file.

    Raises:
        StoreError: there is a file already, or it cannot be written.
    """
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        raise StoreError(f"{path} is there already.", hint="name a file that does not exist") from None
    except OSError as error:
        raise StoreError(f"no backup can be written to {path}: {error}.", hint="name another folder") from None
    try:
        with contextlib.closing(sqlite3.connect(path)) as target:
            connection.backup(target, pages=1_000)
    except sqlite3.Error as error:
        path.unlink()
        raise StoreError(f"no backup can be written to {path}: {error}.", hint="name another folder") from None

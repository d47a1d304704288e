"""The ledger of deliveries in SQL: outboxes and dead letters, counted so that nothing is lost from sight.

For each outbox `accepted == delivered + pending + dead`. `delivered` is kept, by counting the events that a saved
position passes; the other three are counted whenever they are asked for. Works in the caller's transaction.
"""

# ruff: noqa: S608 (statements are put together from the constants of this module)
from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from victor_nb.records import DeadLetter, Outbox
from victor_nb.store.runs import is_alive

Key: TypeAlias = tuple[str, int, int]

_OUTBOXES: Final = """
SELECT o.exporter, r.id, o.channel, o.position, o.delivered, o.attempts, o.last_error, o.updated_at_us, o.owner,
    (SELECT count(*) FROM events e WHERE e.run = o.run AND e.channel = o.channel) + coalesce(
        (SELECT f.events FROM forgotten f WHERE f.run = o.run AND f.channel = o.channel), 0),
    (SELECT count(*) FROM events e WHERE e.run = o.run AND e.channel = o.channel AND e.position > o.position),
    o.dropped + (SELECT count(*) FROM dead_letters d
        WHERE d.exporter = o.exporter AND d.run = o.run AND d.channel = o.channel)
FROM outboxes o JOIN runs r ON r.number = o.run
"""
_LETTERS: Final = """
SELECT d.exporter, r.id, d.channel, d.position, d.seq, d.error, d.attempts, d.died_at_us
FROM dead_letters d JOIN runs r ON r.number = d.run
"""
_FOUND: Final = "exporter = ? AND run = ? AND channel = ?"
_LEFT: Final = """
SELECT o.run, o.channel, o.owner, o.owner_channel,
    r.ended_at_us, r.host, r.pid, r.process_stamp, w.ended_at_us, w.host, w.pid, w.process_stamp
FROM outboxes o JOIN runs r ON r.number = o.run LEFT JOIN runs w ON w.id = o.owner
WHERE o.exporter = ? AND o.run != ? AND (EXISTS (
    SELECT 1 FROM events e WHERE e.run = o.run AND e.channel = o.channel AND e.position > o.position)
    OR EXISTS (
    SELECT 1 FROM dead_letters d WHERE d.exporter = o.exporter AND d.run = o.run AND d.channel = o.channel))
ORDER BY o.run, o.channel
"""


def outboxes(connection: sqlite3.Connection) -> list[Outbox]:
    rows = connection.execute(f"{_OUTBOXES} ORDER BY o.exporter, o.run, o.channel").fetchall()
    return [Outbox(*row) for row in rows]


def dead_letters(connection: sqlite3.Connection, exporter: str | None) -> list[DeadLetter]:
    where, values = (" WHERE d.exporter = ?", (exporter,)) if exporter is not None else ("", ())
    rows = connection.execute(f"{_LETTERS}{where} ORDER BY d.position, d.exporter", values).fetchall()
    return [DeadLetter(*row) for row in rows]


def claim(
    connection: sqlite3.Connection, exporter: str, owner: str, channel: int, *, shared: bool = True
) -> list[Outbox]:
    """Those that other kernels have left (oldest first), then the own one; all belong to `owner` now. Where the ledger
    is not `shared`, none is taken over: others would not see it."""
    run = _number(connection, owner)
    assert run is not None
    own: Key = (exporter, run, channel)
    _make(connection, own, owner, channel)
    keys = [*_left(connection, own, owner, shared=shared), own]
    for key in keys:
        connection.execute(f"UPDATE outboxes SET owner = ?, owner_channel = ? WHERE {_FOUND}", (owner, channel, *key))
    return [_outbox(connection, key) for key in keys]


def _left(connection: sqlite3.Connection, own: Key, owner: str, *, shared: bool) -> list[Key]:
    exporter, run, channel = own
    found: list[Key] = []
    for their_run, their_channel, held_by, held_on, *lives in connection.execute(_LEFT, (exporter, run)).fetchall():
        mine = (held_by, held_on) == (owner, channel)
        free = shared and held_by != owner and not (_lives(*lives[:4]) or _lives(*lives[4:]))
        if mine or free:
            found.append((exporter, their_run, their_channel))
    return found


def _lives(ended_at_us: int | None, run_host: str | None, pid: int, stamp: str) -> bool:
    return ended_at_us is None and run_host is not None and is_alive(run_host, pid, stamp)


def _outbox(connection: sqlite3.Connection, key: Key) -> Outbox:
    found = connection.execute(f"{_OUTBOXES} WHERE o.exporter = ? AND o.run = ? AND o.channel = ?", key).fetchone()
    return Outbox(*found)


def _number(connection: sqlite3.Connection, kernel_run_id: str) -> int | None:
    found = connection.execute("SELECT number FROM runs WHERE id = ?", (kernel_run_id,)).fetchone()
    return found and found[0]


def _make(connection: sqlite3.Connection, key: Key, owner: str, channel: int, delivered: int = 0) -> None:
    """What was forgotten before there was this outbox, and was not `delivered`, it will never deliver."""
    found = connection.execute("SELECT events FROM forgotten WHERE run = ? AND channel = ?", key[1:]).fetchone()
    gone = found[0] if found else 0
    delivered = min(delivered, gone)
    connection.execute(
        "INSERT OR IGNORE INTO outboxes (exporter, run, channel, delivered, dropped, owner, owner_channel) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (*key, delivered, gone - delivered, owner, channel),
    )


def save(connection: sqlite3.Connection, outbox: Outbox, dead: Sequence[DeadLetter], owner: str) -> None:
    """Nothing happens when the outbox is further already, or its run is not in this database."""
    run = _number(connection, outbox.kernel_run_id)
    if run is None:
        return
    key: Key = (outbox.exporter, run, outbox.channel)
    _make(connection, key, owner, outbox.channel, outbox.delivered)
    before = connection.execute(f"SELECT position FROM outboxes WHERE {_FOUND}", key).fetchone()[0]
    if outbox.position < before:
        return
    newly_dead = sum(_set_aside(connection, key, letter) for letter in dead)
    span = (run, outbox.channel, before, outbox.position)
    passed = connection.execute(
        "SELECT count(*) FROM events WHERE run = ? AND channel = ? AND position > ? AND position <= ?", span
    ).fetchone()[0]
    now = outbox.updated_at_us or time.time_ns() // 1_000
    connection.execute(
        "UPDATE outboxes SET position = ?, delivered = delivered + ?, attempts = ?, last_error = ?, updated_at_us = ? "
        f"WHERE {_FOUND}",
        (outbox.position, passed - newly_dead, outbox.attempts, outbox.last_error, now, *key),
    )


def _set_aside(connection: sqlite3.Connection, key: Key, letter: DeadLetter) -> bool:
    """Whether it is a new one; one that died again is brought up to date."""
    where = (*key, letter.position)
    known = connection.execute(f"SELECT 1 FROM dead_letters WHERE {_FOUND} AND position = ?", where).fetchone()
    died_at_us = letter.died_at_us or time.time_ns() // 1_000
    connection.execute(
        "INSERT OR REPLACE INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (*where, letter.seq, letter.error, letter.attempts, died_at_us),
    )
    return known is None


def settle(connection: sqlite3.Connection, delivered: Sequence[DeadLetter]) -> None:
    """A letter that is dead no more counts once, however often it is settled."""
    for letter in delivered:
        run = _number(connection, letter.kernel_run_id)
        if run is None:
            continue
        key: Key = (letter.exporter, run, letter.channel)
        gone = connection.execute(f"DELETE FROM dead_letters WHERE {_FOUND} AND position = ?", (*key, letter.position))
        connection.execute(f"UPDATE outboxes SET delivered = delivered + ? WHERE {_FOUND}", (gone.rowcount, *key))


def forget_lost(connection: sqlite3.Connection, run: int, written: Mapping[int, int]) -> None:
    """Count what a run has `written` on each channel and the database no longer has, as after the file was deleted."""
    for channel, count in written.items():
        has = connection.execute("SELECT count(*) FROM events WHERE run = ? AND channel = ?", (run, channel)).fetchone()
        connection.execute("INSERT OR REPLACE INTO forgotten VALUES (?, ?, ?)", (run, channel, count - has[0]))

"""The ledger of deliveries in PostgreSQL: the rules of `ledger.py`, for kernels on many computers.

For each outbox `accepted == delivered + pending + dead`. `delivered` is kept, by counting the events that a saved
position passes; the other three are counted whenever they are asked for. Works in the caller's transaction.
"""

# ruff: noqa: S608 (statements are put together from the constants of this module)
from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from victor_nb.records import DeadLetter, Outbox
from victor_nb.store.encode import mended_text
from victor_nb.store.postgres_runs import HELD, lives
from victor_nb.store.postgres_server import Connection

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
_FOUND: Final = "exporter = %s AND run = %s AND channel = %s"
_LEFT: Final = f"""
SELECT o.run, o.channel, o.owner, o.owner_channel,
    r.ended_at_us, r.host, r.pid, r.process_stamp, r.number IN ({HELD}), started.lately,
    w.ended_at_us, w.host, w.pid, w.process_stamp, w.number IN ({HELD}), started.lately
FROM outboxes o JOIN runs r ON r.number = o.run LEFT JOIN runs w ON w.id = o.owner,
    (SELECT pg_postmaster_start_time() > now() - interval '1 minute' AS lately) started
WHERE o.exporter = %s AND o.run != %s AND (EXISTS (
    SELECT 1 FROM events e WHERE e.run = o.run AND e.channel = o.channel AND e.position > o.position)
    OR EXISTS (
    SELECT 1 FROM dead_letters d WHERE d.exporter = o.exporter AND d.run = o.run AND d.channel = o.channel))
ORDER BY o.run, o.channel
"""


def outboxes(connection: Connection) -> list[Outbox]:
    rows = connection.execute(f"{_OUTBOXES} ORDER BY o.exporter, o.run, o.channel").fetchall()
    return [Outbox(*row) for row in rows]


def dead_letters(connection: Connection, exporter: str | None) -> list[DeadLetter]:
    rows = connection.execute(
        f"{_LETTERS} WHERE %s::text IS NULL OR d.exporter = %s ORDER BY d.position, d.exporter", (exporter, exporter)
    ).fetchall()
    return [DeadLetter(*row) for row in rows]


def claim(connection: Connection, locks: int, exporter: str, run: int, owner: str, channel: int) -> list[Outbox]:
    """Those that the kernels of others have left (oldest first), then the own one; all belong to `owner` now."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (locks,))
    own: Key = (mended_text(exporter), run, channel)
    _make(connection, own, owner, channel)
    keys = [*_left(connection, locks, own, owner), own]
    for key in keys:
        connection.execute(f"UPDATE outboxes SET owner = %s, owner_channel = %s WHERE {_FOUND}", (owner, channel, *key))
    return [_outbox(connection, key) for key in keys]


def _left(connection: Connection, locks: int, own: Key, owner: str) -> list[Key]:
    exporter, run, channel = own
    left = connection.execute(_LEFT, (locks, locks, exporter, run)).fetchall()
    found: list[Key] = []
    for their_run, their_channel, held_by, held_on, *alive in left:
        mine = (held_by, held_on) == (owner, channel)
        free = held_by != owner and not (_lives(alive[:6]) or _lives(alive[6:]))
        if mine or free:
            found.append((exporter, their_run, their_channel))
    return found


def _lives(life: Sequence[Any]) -> bool:
    """False for the owner that is in no row: its host is NULL."""
    return life[1] is not None and lives(*life)


def _outbox(connection: Connection, key: Key) -> Outbox:
    where = " WHERE o.exporter = %s AND o.run = %s AND o.channel = %s"
    (found,) = connection.execute(f"{_OUTBOXES}{where}", key).fetchall()
    return Outbox(*found)


def _number(connection: Connection, kernel_run_id: str) -> int | None:
    found = connection.execute("SELECT number FROM runs WHERE id = %s", (kernel_run_id,)).fetchone()
    return found[0] if found else None


def _make(connection: Connection, key: Key, owner: str, channel: int, delivered: int = 0) -> None:
    """What was forgotten before there was this outbox, and was not `delivered`, it will never deliver."""
    found = connection.execute("SELECT events FROM forgotten WHERE run = %s AND channel = %s", key[1:]).fetchone()
    gone = found[0] if found else 0
    delivered = min(delivered, gone)
    connection.execute(
        "INSERT INTO outboxes (exporter, run, channel, delivered, dropped, owner, owner_channel) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (*key, delivered, gone - delivered, owner, channel),
    )


def save(connection: Connection, outbox: Outbox, dead: Sequence[DeadLetter], owner: str) -> None:
    """Nothing happens when the outbox is further already, or its run is not in this database."""
    run = _number(connection, outbox.kernel_run_id)
    if run is None:
        return
    key: Key = (mended_text(outbox.exporter), run, outbox.channel)
    _make(connection, key, owner, outbox.channel, outbox.delivered)
    (before,) = connection.execute(f"SELECT position FROM outboxes WHERE {_FOUND} FOR UPDATE", key).fetchall()[0]
    if outbox.position < before:
        return
    newly_dead = sum(_set_aside(connection, key, letter) for letter in dead)
    span = (run, outbox.channel, before, outbox.position)
    (passed,) = connection.execute(
        "SELECT count(*) FROM events WHERE run = %s AND channel = %s AND position > %s AND position <= %s", span
    ).fetchall()[0]
    error = None if outbox.last_error is None else mended_text(outbox.last_error)
    now = outbox.updated_at_us or time.time_ns() // 1_000
    connection.execute(
        "UPDATE outboxes SET position = %s, delivered = delivered + %s, attempts = %s, last_error = %s, "
        f"updated_at_us = %s WHERE {_FOUND}",
        (outbox.position, passed - newly_dead, outbox.attempts, error, now, *key),
    )


def _set_aside(connection: Connection, key: Key, letter: DeadLetter) -> bool:
    """Whether it is a new one; one that died again is brought up to date."""
    gone = connection.execute(f"DELETE FROM dead_letters WHERE {_FOUND} AND position = %s", (*key, letter.position))
    died_at_us = letter.died_at_us or time.time_ns() // 1_000
    connection.execute(
        "INSERT INTO dead_letters VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (*key, letter.position, letter.seq, mended_text(letter.error), letter.attempts, died_at_us),
    )
    return gone.rowcount == 0


def settle(connection: Connection, delivered: Sequence[DeadLetter]) -> None:
    """A letter that is dead no more counts once, however often it is settled."""
    for letter in delivered:
        run = _number(connection, letter.kernel_run_id)
        if run is None:
            continue
        key: Key = (mended_text(letter.exporter), run, letter.channel)
        gone = connection.execute(f"DELETE FROM dead_letters WHERE {_FOUND} AND position = %s", (*key, letter.position))
        connection.execute(f"UPDATE outboxes SET delivered = delivered + %s WHERE {_FOUND}", (gone.rowcount, *key))

"""Looking after a PostgreSQL store's size, by the rules of `upkeep.py`."""

from __future__ import annotations

from typing import Any, Final

from victor_nb.store.postgres_runs import HELD, lives
from victor_nb.store.postgres_server import Connection, Server

_CHUNK: Final = 20_000
"""Events deleted in one transaction."""

_NONE: Final = 1 << 62
_RUNS: Final = f"""
SELECT number, ended_at_us, host, pid, process_stamp, number IN ({HELD}),
    pg_postmaster_start_time() > now() - interval '1 minute' FROM runs ORDER BY number
"""  # noqa: S608 (of constants)
# A number above all `seq` where nothing stands in the way.
_FIRST_KEPT: Final = """
SELECT least(coalesce((SELECT max(seq) FROM events WHERE run = %(run)s), 0) + 1,
    (SELECT min(seq) FROM events WHERE run = %(run)s AND timestamp_us >= %(before_us)s))
"""
_FIRST_UNDELIVERED: Final = """
SELECT least((SELECT min(e.seq) FROM outboxes o JOIN events e
        ON e.run = o.run AND e.channel = o.channel AND e.position > o.position WHERE o.run = %(run)s),
    (SELECT min(seq) FROM dead_letters WHERE run = %(run)s))
"""
_FIRST_OPEN: Final = """
SELECT min(s.seq) FROM events s WHERE s.run = %(run)s AND s.type = 'turn_started' AND NOT EXISTS (
    SELECT 1 FROM events c WHERE c.run = s.run AND c.type = 'turn_completed' AND c.turn_id = s.turn_id)
"""
_SIZE: Final = """
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0)::bigint FROM pg_class c
WHERE c.relnamespace = to_regnamespace(%s) AND c.relkind = 'r'
"""


def prune(connection: Connection, server: Server, before_us: int, *, undelivered: bool) -> int:
    """Delete what was recorded before a time, of each run a beginning up to what must stay. How many events."""
    deleted = 0
    for run, ended_at_us, *life in connection.execute(_RUNS, (server.locks,)).fetchall():
        values = {"run": run, "before_us": before_us}
        limits = [_FIRST_KEPT]
        if not undelivered:
            limits.append(_FIRST_UNDELIVERED)
        if lives(ended_at_us, *life):
            limits.append(_FIRST_OPEN)
        keep = min(_found(connection, limit, values) for limit in limits)
        while gone := _prune_run(connection, server, run, keep):
            deleted += gone
    return deleted


def _found(connection: Connection, sql: str, values: dict[str, Any]) -> int:
    (seq,) = connection.execute(sql.encode(), values).fetchall()[0]
    return _NONE if seq is None else seq


def _prune_run(connection: Connection, server: Server, run: int, keep: int) -> int:
    """Delete the first events of a run, below the `seq` `keep` and at most a chunk; keep the ledger's counts right."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (server.locks,))
        (last,) = connection.execute(
            "SELECT max(seq) FROM (SELECT seq FROM events WHERE run = %s AND seq < %s ORDER BY seq LIMIT %s) first",
            (run, keep, _CHUNK),
        ).fetchall()[0]
        if last is None:
            return 0
        _forget(connection, run, last)
        gone = connection.execute("DELETE FROM events WHERE run = %s AND seq <= %s", (run, last)).rowcount
        connection.execute("UPDATE runs SET pruned_seq = greatest(pruned_seq, %s) WHERE number = %s", (last, run))
        return gone


def _forget(connection: Connection, run: int, last: int) -> None:
    """Before they are gone: what was pending or dead is dropped, and all of it goes on counting as accepted."""
    values = {"run": run, "last": last}
    # Locked first: what an exporter saves in the same moment must be seen, or wait.
    connection.execute("SELECT 1 FROM outboxes WHERE run = %(run)s FOR UPDATE", values)
    connection.execute(
        "UPDATE outboxes o SET dropped = dropped + (SELECT count(*) FROM events e WHERE e.run = o.run "
        "AND e.channel = o.channel AND e.position > o.position AND e.seq <= %(last)s) + (SELECT count(*) "
        "FROM dead_letters d WHERE d.exporter = o.exporter AND d.run = o.run AND d.channel = o.channel "
        "AND d.seq <= %(last)s) WHERE run = %(run)s",
        values,
    )
    connection.execute("DELETE FROM dead_letters WHERE run = %(run)s AND seq <= %(last)s", values)
    connection.execute(
        "INSERT INTO forgotten SELECT run, channel, count(*) FROM events WHERE run = %(run)s AND seq <= %(last)s "
        "GROUP BY run, channel ON CONFLICT (run, channel) DO UPDATE SET events = forgotten.events + excluded.events",
        values,
    )


def size_bytes(connection: Connection, schema: str) -> int:
    (size,) = connection.execute(_SIZE, (schema,)).fetchall()[0]
    return size


def vacuum(connection: Connection) -> None:
    connection.execute("VACUUM (ANALYZE) events, outboxes, dead_letters, runs, forgotten, sessions, session_entries")

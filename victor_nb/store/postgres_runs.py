"""Which kernel runs are there, and which of them still live, on whatever computer.

Each kernel's writing connection holds an advisory lock whose second key is the number of its run. The server lets go of
it when the connection ends, however it ends.
"""

from __future__ import annotations

import os
import time
from typing import Final

from victor_nb.records import KernelRun
from victor_nb.store.postgres_server import Connection, limited
from victor_nb.store.runs import host, is_alive, process_stamp
from victor_nb.store.sqlite_database import Registration

HELD: Final = """
SELECT objid::bigint::integer FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s AND objsubid = 2
    AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""The numbers of the runs whose kernels are connected; its value is `Server.locks`."""

_RUNS: Final = f"""
SELECT r.id, r.notebook, r.started_at_us, r.ended_at_us, greatest(coalesce(e.last_seq, 0), r.pruned_seq),
    coalesce(e.stored, 0), r.pruned_seq, r.host, r.pid, r.process_stamp, r.number IN ({HELD}), started.lately
FROM runs r LEFT JOIN (SELECT run, max(seq) AS last_seq, count(*) AS stored FROM events GROUP BY run) e
    ON e.run = r.number, (SELECT pg_postmaster_start_time() > now() - interval '1 minute' AS lately) started
ORDER BY r.number
"""  # noqa: S608 (of constants)


def runs(connection: Connection, locks: int) -> list[KernelRun]:
    """Every kernel run, oldest first."""
    return [
        KernelRun(run_id, notebook, started, ended, lives(ended, *life), last_seq, stored, pruned)
        for run_id, notebook, started, ended, last_seq, stored, pruned, *life in connection.execute(_RUNS, (locks,))
    ]


def lives(ended_at_us: int | None, run_host: str, pid: int, stamp: str, locked: bool, lately: bool) -> bool:
    """A kernel that has lost its connection is looked for by its process; on another computer it has a minute to come
    back when the server was restarted `lately`, which is what all kernels lose their connections by."""
    if ended_at_us is not None:
        return False
    return locked or (is_alive(run_host, pid, stamp) if run_host == host() else lately)


def register(connection: Connection, registration: Registration, locks: int) -> int:
    """Enter the run, or enter it again, and hold its lock. Returns its number.

    Raises:
        TimeoutError: somebody holds the lock and does not let go.
    """
    pid = os.getpid()
    values = (registration.kernel_run_id, registration.notebook, host(), pid, process_stamp(pid))
    (number,) = connection.execute(
        "INSERT INTO runs (id, notebook, host, pid, process_stamp, started_at_us) VALUES (%s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (id) DO UPDATE SET ended_at_us = NULL RETURNING number",
        (*values, time.time_ns() // 1_000),
    ).fetchall()[0]
    give_up_at = time.monotonic() + 3.0
    while not _locked(connection, locks, number):
        if time.monotonic() > give_up_at:
            raise TimeoutError("its earlier connection does not end")
        time.sleep(0.05)
    return number


def _locked(connection: Connection, locks: int, number: int) -> bool:
    """When it is not free, an earlier connection of this run has it, which is of no use any more: end that."""
    with limited(connection, 5.0):
        (locked,) = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (locks, number)).fetchall()[0]
        if not locked:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s "
                "AND objid::bigint = %s AND objsubid = 2 AND granted AND database = "
                "(SELECT oid FROM pg_database WHERE datname = current_database())",
                (locks, number),
            )
    return locked


def enter_other(connection: Connection, registration: Registration, life: tuple[str, int, str, int]) -> int:
    """The number of a run that is over, entered if it never could enter itself. `life` is where and when it was."""
    found = connection.execute("SELECT number FROM runs WHERE id = %s", (registration.kernel_run_id,)).fetchone()
    if found:
        return found[0]
    return connection.execute(
        "INSERT INTO runs (id, notebook, host, pid, process_stamp, started_at_us) VALUES (%s, %s, %s, %s, %s, %s) "
        "ON CONFLICT (id) DO UPDATE SET host = excluded.host RETURNING number",
        (registration.kernel_run_id, registration.notebook, *life),
    ).fetchall()[0][0]

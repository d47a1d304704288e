"""PostgreSQL away, restarted or hanging, kernels killed: no event is lost, none is there twice, the chat goes on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
from support.services import PostgresCluster
from support.team_stores import asked, record, seqs, until

from victor_nb.protocols import EventQuery
from victor_nb.store.postgres import PostgresStore


def test_a_server_that_is_away_at_first_costs_one_warning_and_no_event(dsn: str, cluster: PostgresCluster):
    cluster.stop()
    store = PostgresStore(dsn)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for n in range(30):
            store.append("x_test", "s", {"n": n})
            assert store.flush(10)
        until(lambda: bool(store.append("x_test", "s", {}) and warned))
    assert [str(w.message) for w in warned if "wait in" not in str(w.message)] == []
    assert len(warned) == 1
    assert store.degraded
    cluster.start()
    until(lambda: seqs(store) == list(range(1, store.accepted + 1)))
    assert store.flush(10)
    assert store.degraded is None
    store.close()


async def test_a_restart_in_the_middle_of_a_burst_loses_and_doubles_nothing(
    team: PostgresStore, cluster: PostgresCluster
):
    over = asyncio.Event()

    async def burst():
        while not over.is_set():
            record(team, 19)
            await team.append("x_test", "s", {}, channel=1)

    bursting = asyncio.create_task(burst())
    for how in (signal.SIGINT, signal.SIGQUIT):
        await asyncio.to_thread(until, lambda: len(seqs(team)) > 100 and team.degraded is None)
        await asyncio.to_thread(cluster.stop, how)
        await asyncio.to_thread(cluster.start)
    over.set()
    await bursting
    await asyncio.to_thread(until, lambda: len(seqs(team)) >= team.accepted)
    assert seqs(team) == list(range(1, team.accepted + 1))
    assert [(run.alive, run.stored) for run in team.runs()] == [(True, team.accepted)]


def test_what_an_exporter_has_done_while_the_server_was_away_is_remembered(
    team: PostgresStore, cluster: PostgresCluster
):
    record(team, 3)
    team.flush()
    (box,) = team.claim("web", 1)
    last = team.read(EventQuery())[-1]
    cluster.stop()
    record(team, 2)
    team.save_outbox(replace(box, position=last.position, last_error="with NUL: \x00"))
    assert team.flush(10)
    cluster.start()
    until(lambda: len(seqs(team)) == 5)
    until(lambda: team.flush(10) and team.outboxes()[0].delivered == 3)
    assert team.outboxes()[0].pending == 2


def test_a_lost_connection_is_replaced_without_a_word(team: PostgresStore, dsn: str):
    record(team, 5)
    team.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            asked(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victor-nb'")
            team.append("x_test", "s", {})
            assert team.flush(10)
            until(lambda: len(seqs(team)) == team.accepted)
    assert seqs(team) == list(range(1, 9))
    assert [run.alive for run in team.runs()] == [True]
    assert asked(dsn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(1,)]


async def test_a_server_that_hangs_delays_a_chat_for_seconds_only(team: PostgresStore, dsn: str):
    await team.append("x_test", "s", {})
    ((backend,),) = asked(dsn, "SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    os.kill(backend, signal.SIGSTOP)
    try:
        await asyncio.wait_for(team.append("x_test", "s", {}), 30)
    finally:
        os.kill(backend, signal.SIGCONT)
    await asyncio.to_thread(until, lambda: seqs(team) == [1, 2])


LEAVES = """
import os, sys, time, warnings
from victor_nb.store.postgres import PostgresStore
warnings.simplefilter("ignore")
store = PostgresStore(sys.argv[1])
for n in range(200):
    store.append("x_test", "s", {"n": n})
"""
ENDS = "began = time.monotonic()\nstore.close()\nprint(store.kernel_run_id, time.monotonic() - began)"
DIES = "assert store.flush(10)\nprint(store.kernel_run_id, 0, flush=True)\nos.kill(os.getpid(), 9)"


@pytest.mark.parametrize("end", [ENDS, DIES])
def test_the_next_kernel_brings_what_one_could_not(dsn: str, cluster: PostgresCluster, own_home: Path, end: str):
    cluster.stop()
    command = [sys.executable, "-c", LEAVES + end, dsn]
    run, seconds = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60).stdout.split()
    assert float(seconds) < 10  # none, on a computer that has nothing else to do
    (waiting,) = (own_home / "waiting").glob("*.db")
    assert waiting.stat().st_mode & 0o077 == 0
    cluster.start()
    store = PostgresStore(dsn)
    record(store, 1)
    until(lambda: len(store.read(EventQuery(kernel_run_ids=[run]))) == 200)
    until(lambda: not list((own_home / "waiting").iterdir()))
    (left,) = [each for each in store.runs() if each.id == run]
    assert (left.alive, left.last_seq, left.ended_at_us is not None) == (False, 200, end == ENDS)
    store.close()


def test_when_the_disk_takes_nothing_either_events_wait_in_memory(dsn: str, cluster: PostgresCluster, tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    cluster.stop()
    store = PostgresStore(dsn, folder=tmp_path / "file" / "waiting")
    with pytest.warns(RuntimeWarning) as warned:
        until(lambda: bool(store.append("x_test", "s", {}) and any("in memory" in str(w.message) for w in warned.list)))
    cluster.start()
    until(lambda: bool(seqs(store)) and seqs(store) == list(range(1, store.accepted + 1)))
    store.close()


KILLED_AT_SOME_TIME = """
import asyncio, os, sys
from victor_nb.store.postgres import PostgresStore

async def record():
    store, n = PostgresStore(sys.argv[1]), 0
    print(store.kernel_run_id, flush=True)
    while True:
        burst = [store.append("x_burst", "s", {"n": (n := n + 1)}) for _ in range(20)]
        await burst[-1]
        os.write(1, f"{n}\\n".encode())

asyncio.run(record())
"""


def test_kernels_killed_at_any_moment_lose_nothing_acknowledged(dsn: str):
    acknowledged: dict[str, int] = {}
    for moment_ms in random.Random(10).choices(range(1, 150), k=10):
        kernel = subprocess.Popen([sys.executable, "-c", KILLED_AT_SOME_TIME, dsn], stdout=subprocess.PIPE, text=True)
        assert kernel.stdout
        with kernel.stdout:
            run, first = kernel.stdout.readline().strip(), kernel.stdout.readline()
            time.sleep(moment_ms / 1000)  # the random moment itself, not a wait for something
            kernel.kill()
            acknowledged[run] = int([first, *kernel.stdout.read().split()][-1])
        kernel.wait()
    store = PostgresStore(dsn)
    until(lambda: not any(run.alive for run in store.runs()))
    kept = {run.id: (run.last_seq, run.stored) for run in store.runs()}
    store.close()
    assert kept.keys() == acknowledged.keys()
    assert all(last == stored >= acknowledged[run] for run, (last, stored) in kept.items())


FORK = """
import os, sys
from victor_nb.protocols import EventQuery
from victor_nb.store.postgres import PostgresStore

store = PostgresStore(sys.argv[1])
store.append("x_parent", "s", {})
store.flush()
assert len(store.read(EventQuery())) == 1
if (child := os.fork()) == 0:
    store.append("x_child", "s", {})
    assert store.flush(20) and len(store.read(EventQuery())) == 2
    store.close()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
store.append("x_parent", "s", {})
assert store.flush(20)
assert [event.seq for event in store.read(EventQuery())] == [1, 1, 2]
assert [run.alive for run in store.runs()] == [True, False]
store.close()
"""


def test_a_forked_child_is_a_run_of_its_own(dsn: str):
    subprocess.run([sys.executable, "-W", "error", "-c", FORK, dsn], check=True, timeout=60)

"""PostgreSQL as the store of a team: away, restarted, hanging or forbidden, it costs no event and no chat."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from support.services import PostgresCluster, free_port

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import ConfigError, StoreError, UsageError
from victor_nb.frames import Analytics
from victor_nb.messages import new_id
from victor_nb.protocols import EventQuery
from victor_nb.store import open_store
from victor_nb.store.database import Row
from victor_nb.store.postgres import PostgresStore
from victor_nb.store.postgres_link import Link
from victor_nb.store.postgres_server import Server
from victor_nb.store.postgres_spool import Ended
from victor_nb.store.registry import close_all
from victor_nb.store.sqlite_database import Registration
from victor_nb.testing import ScriptedModel


@pytest.fixture
def cluster(stoppable_postgres: PostgresCluster) -> Iterator[PostgresCluster]:
    """It runs at the beginning and at the end of every test."""
    yield stoppable_postgres
    with contextlib.suppress(ProcessLookupError):
        stoppable_postgres.stop()
    stoppable_postgres.start()


@pytest.fixture
def dsn(cluster: PostgresCluster) -> str:
    """A fresh database that can be stopped with its server."""
    name = f"team_{new_id().replace('-', '')}"
    asked(f"{cluster.dsn}/postgres", f"CREATE DATABASE {name}")
    return f"{cluster.dsn}/{name}"


@pytest.fixture
def store(dsn: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(dsn)
    yield opened
    opened.close()


def asked(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(statement.encode())
        return found.fetchall() if found.description else []


def until(true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """A server takes its time; what is waited for is looked for again and again."""
    give_up_at = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.02)


def seqs(store: PostgresStore) -> list[int]:
    """Of this run, in the order of their positions."""
    try:
        return [event.seq for event in store.read(EventQuery(kernel_run_ids=[store.kernel_run_id]))]
    except StoreError:
        return []


def record(store: PostgresStore, count: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for n in range(count):
            store.append("x_test", "s", {"n": n}, channel=1)


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
    store: PostgresStore, cluster: PostgresCluster
):
    async def burst():
        for _ in range(150):
            record(store, 19)
            await store.append("x_test", "s", {}, channel=1)

    bursting = asyncio.create_task(burst())
    for how in (signal.SIGINT, signal.SIGQUIT):
        before = store.accepted
        await asyncio.to_thread(until, lambda before=before: store.accepted > before + 200)
        await asyncio.to_thread(cluster.stop, how)
        await asyncio.to_thread(cluster.start)
    await bursting
    await asyncio.to_thread(until, lambda: len(seqs(store)) >= 3_000)
    assert seqs(store) == list(range(1, 3_001))
    assert [(run.alive, run.stored) for run in store.runs()] == [(True, 3_000)]


def test_what_an_exporter_has_done_while_the_server_was_away_is_remembered(
    store: PostgresStore, cluster: PostgresCluster
):
    record(store, 3)
    store.flush()
    (box,) = store.claim("web", 1)
    last = store.read(EventQuery())[-1]
    cluster.stop()
    record(store, 2)
    store.save_outbox(replace(box, position=last.position, last_error="with NUL: \x00"))
    assert store.flush(10)
    cluster.start()
    until(lambda: len(seqs(store)) == 5)
    until(lambda: store.flush(10) and store.outboxes()[0].delivered == 3)
    assert store.outboxes()[0].pending == 2


def test_what_was_committed_unseen_is_not_written_twice(dsn: str):
    server, run = Server(dsn, "victor"), Registration(new_id(), None)
    rows: list[Row] = [(new_id(), seq, "s", "x_test", 1, None, "{}", None, 0) for seq in range(1, 8)]
    link = Link.open(server, run)
    link.write(rows[:5], [])
    link.close()
    again = Link.open(server, run)
    again.write(rows, [Ended(5)])
    again.close()
    assert asked(dsn, "SELECT seq, id::text FROM victor.events ORDER BY position") == [(r[1], r[0]) for r in rows]


def test_a_row_that_the_server_refuses_costs_no_other(dsn: str, caplog: pytest.LogCaptureFixture):
    link = Link.open(Server(dsn, "victor"), Registration(new_id(), None))
    texts = ["{}", "no JSON", '{"n":3}']
    link.write([(new_id(), seq, "s", "x_test", 1, None, text, None, 0) for seq, text in enumerate(texts, 1)], [])
    link.close()
    assert asked(dsn, "SELECT seq FROM victor.events ORDER BY seq") == [(1,), (3,)]
    assert "refuses event" in caplog.text


def test_a_lost_connection_is_replaced_without_a_word(store: PostgresStore, dsn: str):
    record(store, 5)
    store.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(3):
            asked(dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victor-nb'")
            store.append("x_test", "s", {})
            assert store.flush(10)
            until(lambda: len(seqs(store)) == store.accepted)
    assert seqs(store) == list(range(1, 9))
    assert [run.alive for run in store.runs()] == [True]
    assert asked(dsn, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [(1,)]


async def test_a_server_that_hangs_delays_a_chat_for_seconds_only(store: PostgresStore, dsn: str):
    await store.append("x_test", "s", {})
    ((backend,),) = asked(dsn, "SELECT pid FROM pg_locks WHERE locktype = 'advisory'")
    os.kill(backend, signal.SIGSTOP)
    try:
        await asyncio.wait_for(store.append("x_test", "s", {}), 30)
    finally:
        os.kill(backend, signal.SIGCONT)
    await asyncio.to_thread(until, lambda: seqs(store) == [1, 2])


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
    assert len(list((own_home / "waiting").glob("*.db"))) == 1
    cluster.start()
    store = PostgresStore(dsn)
    record(store, 1)
    until(lambda: len(store.read(EventQuery(kernel_run_ids=[run]))) == 200)
    until(lambda: not list((own_home / "waiting").iterdir()))
    (left,) = [each for each in store.runs() if each.id == run]
    assert (left.alive, left.last_seq, left.ended_at_us is not None) == (False, 200, end == ENDS)
    store.close()


def test_a_password_is_shown_nowhere(caplog: pytest.LogCaptureFixture):
    store = PostgresStore(f"postgresql://anna:Geheim%26s@127.0.0.1:{free_port()}/team")
    with pytest.warns(RuntimeWarning, match="cannot be reached") as warned:
        until(lambda: bool(store.append("x_test", "s", {}) and warned.list))
    with pytest.raises(StoreError, match="check host and port") as raised:
        store.read(EventQuery())
    store.close()
    trace = traceback.format_exception(raised.value)
    shown = [repr(store), store.degraded, *(w.message for w in warned), caplog.text, *trace]
    assert not [text for text in shown if "Geheim" in str(text)]


@pytest.mark.parametrize("password", ["Geheim/s", "s@Geheim", "s/Geheim", "%Geheim", "s#/Geheim", "s:/Geheim"])
def test_a_password_that_is_not_quoted_is_told_by_no_error(password: str):
    with pytest.raises(ConfigError, match="cannot be understood") as refused:
        PostgresStore("postgresql://anna:" + password + "@host:5432/team")
    assert "Geheim" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_without_the_right_to_make_tables_it_says_what_to_do(dsn: str):
    user = f"guest_{new_id().replace('-', '')}"
    asked(dsn, f"CREATE ROLE {user} LOGIN")
    store = PostgresStore(dsn.replace("victor@", f"{user}@"))
    record(store, 1)
    assert store.flush(10)
    until(lambda: store.degraded is not None)
    assert "refuses its user a right" in str(store.degraded)
    asked(dsn, f"CREATE SCHEMA victor AUTHORIZATION {user}")
    until(lambda: seqs(store) == [1])
    store.close()


def test_a_newer_schema_keeps_the_events_here(dsn: str, store: PostgresStore):
    record(store, 1)
    store.close()
    asked(dsn, "UPDATE victor.schema_version SET version = 99")
    record(store, 1)
    assert store.flush(10)
    until(lambda: "this victor_nb knows 1" in str(store.degraded))
    asked(dsn, "UPDATE victor.schema_version SET version = 1")
    until(lambda: seqs(store) == [1, 2])


@pytest.mark.parametrize("schema", ["", "Team", "pg_team", 'a"b', "a.b", "x" * 64])
def test_a_name_that_is_no_schema_is_refused(schema: str):
    with pytest.raises(ConfigError, match="cannot be the name of a schema"):
        PostgresStore("postgresql://127.0.0.1/team", schema=schema)


def test_a_copy_is_left_to_postgresql(store: PostgresStore, tmp_path: Path):
    with pytest.raises(UsageError, match="pg_dump --schema=victor"):
        store.backup(tmp_path / "copy.db")


def test_without_psycopg_the_pip_line_is_given():
    script = "import sys; sys.modules['psycopg'] = None; from victor_nb.store import open_store; "
    command = [sys.executable, "-c", script + "open_store('postgresql://x')"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert 'pip install "victor-nb[postgres]"' in done.stderr.splitlines()[-1]


async def test_a_chat_is_recorded_in_the_database_and_read_as_frames(dsn: str, cluster: PostgresCluster):
    orchestrator = AgentOrchestrator(model=ScriptedModel("one", "two"), settings=Settings(store=dsn))
    analytics, store = orchestrator.analytics_coordinator, open_store(dsn)
    assert analytics.store is store
    await orchestrator.chat("hi")
    await asyncio.to_thread(cluster.stop)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert (await orchestrator.chat("still there?")).content == "two"
        await asyncio.to_thread(until, lambda: store.degraded is not None)
        await analytics.track_event("x_note", {})
    assert len(warned) == 1
    await asyncio.to_thread(cluster.start)
    await asyncio.to_thread(until, lambda: store.degraded is None)
    turns = Analytics(lambda: store, lambda: None).turns()
    proof = turns.attrs["victor"]
    assert turns["status"].tolist() == ["ok", "ok"]
    assert (proof["accepted"], proof["gaps"]) == (proof["stored"], {})
    orchestrator.close()
    await asyncio.to_thread(close_all)
    (run,) = store.runs()
    store.close()
    assert run.ended_at_us

"""PostgreSQL as the store of a team: who may use it, who lives in it, what it shows of a password, and a chat."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import traceback
import warnings
from pathlib import Path

import pytest
from support.services import PostgresCluster, free_port
from support.team_stores import asked, record, seqs, until

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import ConfigError, StoreError, UsageError
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.frames import Analytics
from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent, EventQuery, ExportResult
from victor_nb.records import SessionEntry
from victor_nb.store import open_store
from victor_nb.store.database import Row
from victor_nb.store.postgres import PostgresStore
from victor_nb.store.postgres_link import WritingLink
from victor_nb.store.postgres_runs import lives
from victor_nb.store.postgres_schema import VERSION
from victor_nb.store.postgres_server import Server
from victor_nb.store.postgres_spool import Ended
from victor_nb.store.registry import close_all
from victor_nb.store.runs import host, process_stamp
from victor_nb.store.sqlite_database import Registration
from victor_nb.testing import ScriptedModel


def test_what_was_committed_unseen_is_not_written_twice(dsn: str, caplog: pytest.LogCaptureFixture):
    server, run = Server(dsn, "victor"), Registration(new_id(), None)
    rows: list[Row] = [(new_id(), seq, "s", "x_test", 1, None, "{}", None, 0) for seq in range(1, 8)]
    link = WritingLink.open(server, run)
    link.write(rows[:5], [])
    link.close()
    again = WritingLink.open(server, run)
    again.write(rows, [Ended(5)])
    again.close()
    assert asked(dsn, "SELECT seq, id::text FROM victor.events ORDER BY position") == [(r[1], r[0]) for r in rows]
    assert not caplog.records


def test_a_row_that_the_server_refuses_costs_no_other(dsn: str, caplog: pytest.LogCaptureFixture):
    link = WritingLink.open(Server(dsn, "victor"), Registration(new_id(), None))
    texts = ["{}", "no JSON", '{"n":3}']
    link.write([(new_id(), seq, "s", "x_test", 1, None, text, None, 0) for seq, text in enumerate(texts, 1)], [])
    link.close()
    assert asked(dsn, "SELECT seq FROM victor.events ORDER BY seq") == [(1,), (3,)]
    assert "refuses event" in caplog.text


def test_a_kernel_on_another_computer_lives_while_it_is_connected(dsn: str):
    store = PostgresStore(dsn)
    record(store, 1)
    store.flush()
    asked(dsn, "UPDATE victor.runs SET host = 'elsewhere', pid = 1")
    other = PostgresStore(dsn)
    assert [run.alive for run in other.runs()] == [True]
    assert len(other.claim("web", 1)) == 1
    other.close()
    store.close()


@pytest.mark.parametrize(
    ("locked", "lately", "there"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_of_another_computer_only_the_lock_tells_and_a_restart_gives_it_a_minute(
    locked: bool, lately: bool, there: bool
):
    assert lives(None, "elsewhere", os.getpid(), "", locked, lately) is there
    assert lives(1, "elsewhere", os.getpid(), "", locked, lately) is False
    assert lives(None, host(), os.getpid(), process_stamp(os.getpid()), locked, lately) is True
    assert lives(None, host(), os.getpid(), "another", locked, lately) is locked


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


def test_a_newer_schema_keeps_the_events_here(dsn: str, team: PostgresStore):
    record(team, 1)
    team.close()
    asked(dsn, "UPDATE victor.schema_version SET version = 99")
    record(team, 1)
    assert team.flush(10)
    until(lambda: f"this victor_nb knows {VERSION}" in str(team.degraded))
    asked(dsn, f"UPDATE victor.schema_version SET version = {VERSION}")
    until(lambda: seqs(team) == [1, 2])


def test_a_store_of_version_1_keeps_its_events_and_takes_conversations(dsn: str, team: PostgresStore):
    record(team, 2)
    team.close()
    asked(
        dsn,
        "DROP TABLE victor.session_entries; DROP TABLE victor.sessions; UPDATE victor.schema_version SET version = 1",
    )
    later = PostgresStore(dsn)
    assert (len(later.read(EventQuery())), later.saved_sessions()) == (2, [])
    later.append_entries("s", [SessionEntry(1, "turn", "{}", 1)]).result()
    assert [entry.number for entry in later.read_entries("s")] == [1]
    later.close()


@pytest.mark.parametrize("schema", ["", "Team", "pg_team", 'a"b', "a.b", "x" * 64])
def test_a_name_that_is_no_schema_is_refused(schema: str):
    with pytest.raises(ConfigError, match="cannot be the name of a schema"):
        PostgresStore("postgresql://127.0.0.1/team", schema=schema)


def test_a_copy_is_left_to_postgresql(team: PostgresStore, tmp_path: Path):
    with pytest.raises(UsageError, match="pg_dump --schema=victor"):
        team.backup(tmp_path / "copy.db")


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


class Collects(BaseAnalyticsExporter):
    def __init__(self) -> None:
        self.ids: list[str] = []

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        self.ids += [event.id for event in events]
        return ExportResult(True, len(events))


async def test_an_exporter_gets_each_event_once_across_a_restart(team: PostgresStore, cluster: PostgresCluster):
    exporter = Collects()
    analytics = AnalyticsCoordinator([exporter])
    orchestrator = AgentOrchestrator(model=ScriptedModel("yes", "yes"), analytics_coordinator=analytics, store=team)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        await orchestrator.chat("one")
        await analytics.flush()
        await asyncio.to_thread(cluster.stop)
        await orchestrator.chat("two")
        await asyncio.to_thread(cluster.start)
        await asyncio.to_thread(until, lambda: len(seqs(team)) == team.accepted)
        result = await analytics.flush()
    (box,) = team.outboxes()
    orchestrator.close()
    assert result.success, result.error
    assert (box.delivered, box.pending, box.dead) == (box.accepted, 0, 0)
    assert len(exporter.ids) == len(set(exporter.ids)) >= box.accepted

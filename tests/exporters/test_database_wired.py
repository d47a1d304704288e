"""The database exporter as a user adds it: from a chat, through the store and the delivery, into the table."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys

import asyncpg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from support.database_events import ids_in_postgres, in_postgres, in_sqlite

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.exporters import DatabaseAnalyticsExporter
from victor_nb.testing import ScriptedModel, check_exporter, check_exporter_async


async def chatted(*exporters):
    """An orchestrator that has answered twice, and its coordinator with everything delivered."""
    analytics = AnalyticsCoordinator(exporters=exporters)
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!", "Again!"), _analytics_coordinator=analytics)
    await orchestrator.chat("Hi")
    await orchestrator.chat("Hi again")
    return orchestrator, analytics


async def test_every_event_of_a_chat_is_a_row_whatever_the_connection(postgres, tmp_path):
    pool = await asyncpg.create_pool(postgres, min_size=1)
    single = await asyncpg.connect(postgres)
    lite = sqlite3.connect(tmp_path / "mine.db")
    engine = create_async_engine(postgres.replace("postgresql://", "postgresql+asyncpg://"))
    sync_engine = sqlalchemy.create_engine(postgres.replace("postgresql://", "postgresql+psycopg://"))
    targets = [postgres, pool, single, engine, sync_engine, lite, tmp_path / "own.db"]
    orchestrator, analytics = await chatted(
        *(DatabaseAnalyticsExporter(target, table=f"t{n}") for n, target in enumerate(targets))
    )
    result = await analytics.export_analytics(session_id=orchestrator.session_id)
    recorded = (await analytics.get_session_analytics(orchestrator.session_id)).events

    assert (result.success, result.error, result.exported_count) == (True, None, len(recorded))
    for n in range(5):
        assert await ids_in_postgres(postgres, f"t{n}") == [event.id for event in recorded]
    assert lite.execute("SELECT id FROM t5 ORDER BY seq").fetchall() == [(event.id,) for event in recorded]
    assert in_sqlite(tmp_path / "own.db", "SELECT id FROM t6 ORDER BY seq") == [(event.id,) for event in recorded]
    orchestrator.close()
    for opened in (pool, single):
        await opened.close()
    await engine.dispose()
    sync_engine.dispose()
    lite.close()


@pytest.mark.parametrize("include_content", [False, True])
async def test_prompts_and_answers_are_sent_only_when_asked_for(include_content, postgres):
    orchestrator, analytics = await chatted(DatabaseAnalyticsExporter(postgres, include_content=include_content))
    await analytics.export_analytics()
    rows = await in_postgres(postgres, "SELECT data FROM victor_events WHERE type LIKE 'turn_%' ORDER BY seq")
    texts = [json.loads(row["data"]).get(name) for row in rows for name in ("prompt", "response")]
    expected = ["Hi", "Hello!", "Hi again", "Again!"] if include_content else []
    assert [text for text in texts if text is not None] == expected
    orchestrator.close()


async def test_what_the_database_refuses_is_set_aside_and_goes_when_it_no_longer_does(postgres):
    exporter = DatabaseAnalyticsExporter(postgres)
    orchestrator, analytics = await chatted(exporter)
    await analytics.export_analytics()
    await in_postgres(postgres, "ALTER TABLE victor_events ADD CONSTRAINT picky CHECK (type != 'x_odd')")
    for n in range(40):
        analytics.track_event("x_odd" if n == 17 else "x_fine", {"n": n})
    result = await analytics.export_analytics()
    fine = await in_postgres(postgres, "SELECT count(*) AS n FROM victor_events WHERE type = 'x_fine'")
    assert (result.dead, result.pending, fine[0]["n"]) == (1, 0, 39)
    orchestrator.close()


async def test_a_postgresql_that_comes_back_gets_everything_once(stoppable_postgres, caplog):
    dsn = f"{stoppable_postgres.dsn}/postgres"
    orchestrator, analytics = await chatted(DatabaseAnalyticsExporter(f"{dsn}?sslmode=disable", table="wired"))
    await analytics.export_analytics()
    stoppable_postgres.stop()
    for n in range(50):
        analytics.track_event("x_meanwhile", {"n": n})
    down = await analytics.export_analytics()
    assert not down.success
    assert down.dead == 0
    stoppable_postgres.start()
    up = await analytics.export_analytics()
    while not up.success:  # the delivery may be in one of its pauses
        up = await analytics.export_analytics()
    recorded = (await analytics.get_session_analytics(orchestrator.session_id)).events
    ids = await ids_in_postgres(dsn, "wired")
    assert [event.id for event in recorded if event.id in ids] == ids
    assert len([event for event in recorded if event.type == "x_meanwhile" and event.id in ids]) == 50
    assert len(ids) == len(set(ids))
    orchestrator.close()


def test_a_script_without_a_loop_delivers_as_it_ends(postgres, tmp_path):
    script = f"""
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.exporters import DatabaseAnalyticsExporter
from victor_nb.store import SQLiteStore
analytics = AnalyticsCoordinator([DatabaseAnalyticsExporter("{postgres}"), DatabaseAnalyticsExporter("events.db")])
analytics.attach(SQLiteStore(), session_id="s")
for n in range(20):
    analytics.track_event("x_event", {{"n": n}})
"""
    command = [sys.executable, "-W", "error", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    sql = "SELECT count(*) FROM victor_events WHERE type = 'x_event'"
    assert in_sqlite(tmp_path / "events.db", sql) == [(20,)]
    rows = asyncio.run(in_postgres(postgres, sql))
    assert rows[0][0] == 20


async def test_it_keeps_the_rules_of_exporters_on_postgresql(postgres):
    async with asyncpg.create_pool(postgres, min_size=1) as pool:
        for n, target in enumerate([postgres, pool]):
            await check_exporter_async(
                lambda: DatabaseAnalyticsExporter(target, table=f"t{n}"),  # noqa: B023
                received=lambda: ids_in_postgres(postgres, f"t{n}"),  # noqa: B023
                deduplicates=True,
            )


def test_it_keeps_the_rules_of_exporters_on_sqlite(tmp_path):
    path = tmp_path / "events.db"
    check_exporter(
        lambda: DatabaseAnalyticsExporter(path),
        received=lambda: [row[0] for row in in_sqlite(path, "SELECT id FROM victor_events")],
        deduplicates=True,
    )

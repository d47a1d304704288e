"""What goes wrong between the database exporter and a database: nothing is lost, nothing is there twice, and delivery
is told whether to try again."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from contextlib import asynccontextmanager

import asyncpg
import psycopg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from support.database_events import ids_in_postgres, in_postgres, in_sqlite, made_events

from victor_nb.errors import ExportError
from victor_nb.exporters.database import DatabaseAnalyticsExporter

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@asynccontextmanager
async def targets(kind, dsn):
    """Without TLS: a server that goes away while it is negotiated leaves asyncpg a future that nobody asks."""
    plain = f"{dsn}?sslmode=disable"
    by_psycopg = plain.replace("postgresql://", "postgresql+psycopg://")
    by_asyncpg = f"{dsn}?ssl=disable".replace("postgresql://", "postgresql+asyncpg://")
    if kind == "pool":
        pool = await asyncpg.create_pool(plain, min_size=1)
        yield pool
        pool.terminate()
    elif kind == "engine":
        engine = sqlalchemy.create_engine(by_psycopg)
        yield engine
        engine.dispose()
    elif kind == "async engine":
        engine = create_async_engine(by_asyncpg)
        yield engine
        await engine.dispose()
    else:
        yield {"url": plain, "driver url": by_psycopg, "async driver url": by_asyncpg}[kind]


@asynccontextmanager
async def locked(dsn, table):
    """While the block runs, nobody else gets at the table."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    yield
    connection.terminate()


async def somebody_waits(dsn):
    while (await in_postgres(dsn, WAITING))[0][0] == 0:
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", ["url", "pool", "async engine"])
async def test_postgresql_crashes_in_the_middle_of_a_batch_and_comes_back(kind, stoppable_postgres):
    dsn, table, events = f"{stoppable_postgres.dsn}/postgres", f"crash_{kind[:3]}", made_events(600)
    async with targets(kind, dsn) as target:
        exporter = DatabaseAnalyticsExporter(target, table=table)
        await exporter.export(events[:300])
        async with locked(dsn, table):
            exporting = asyncio.ensure_future(exporter.export(events))
            await somebody_waits(dsn)
            stoppable_postgres.stop(signal.SIGQUIT)
        with pytest.raises(ExportError) as failure:
            await exporting
        stoppable_postgres.start()
        assert failure.value.retryable
        assert await ids_in_postgres(dsn, table) == [event.id for event in events[:300]]
        assert (await exporter.export(events)).exported_count == 600
        await exporter.close()
    assert await ids_in_postgres(dsn, table) == [event.id for event in events]


@pytest.mark.parametrize("kind", ["url", "driver url", "async driver url", "pool", "engine", "async engine"])
async def test_a_connection_that_broke_while_it_was_idle_is_not_even_noticed(kind, postgres):
    events = made_events(2)
    async with targets(kind, postgres) as target:
        exporter = DatabaseAnalyticsExporter(target)
        await exporter.export(events[:1])
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = $1"
        assert await in_postgres(postgres, others, postgres.rpartition("/")[2])
        assert (await exporter.export(events)).success
        await exporter.close()
    assert await ids_in_postgres(postgres) == [event.id for event in events]


async def test_what_was_opened_is_closed(postgres):
    exporter = DatabaseAnalyticsExporter(postgres)
    await exporter.export(made_events(1))
    await exporter.close()
    mine = "SELECT FROM pg_stat_activity WHERE pid != pg_backend_pid() AND datname = $1"
    assert await in_postgres(postgres, mine, postgres.rpartition("/")[2]) == []


def test_each_loop_gets_a_connection_of_its_own(postgres):
    exporter, events = DatabaseAnalyticsExporter(postgres), made_events(2)

    async def export(count):
        await exporter.export(events[:count])
        await exporter.close()

    for count in (1, 2):
        asyncio.run(export(count))
    assert asyncio.run(ids_in_postgres(postgres)) == [event.id for event in events]


@pytest.mark.parametrize("kind", ["url", "driver url", "pool"])
async def test_exporters_that_deliver_the_same_at_once_agree(kind, postgres):
    events = made_events(2000)
    async with targets(kind, postgres) as target:
        exporters = [DatabaseAnalyticsExporter(target) for _ in range(3)]
        batches = [events[start : start + 100] for start in range(0, 2000, 100)]

        async def deliver(exporter):
            for batch in batches:
                await exporter.export(batch)
            await exporter.close()

        await asyncio.gather(*map(deliver, exporters))
    assert await ids_in_postgres(postgres) == [event.id for event in events]


@pytest.mark.parametrize("kind", ["url", "async driver url", "engine"])
async def test_an_event_that_postgresql_refuses_is_told_and_leaves_nothing_of_its_batch(kind, postgres):
    events = made_events(30)
    async with targets(kind, postgres) as target:
        exporter = DatabaseAnalyticsExporter(target)
        await exporter.export(events[:1])
        await in_postgres(postgres, "ALTER TABLE victor_events ADD CHECK (seq != 7)")
        with pytest.raises(ExportError, match="CheckViolation") as failure:
            await exporter.export(events)
        assert not failure.value.retryable
        assert "turn-6" not in str(failure.value)  # what is in a row is not for a log
        assert await ids_in_postgres(postgres) == [events[0].id]
        assert (await exporter.export(events[7:])).success
        await exporter.close()
    assert len(await ids_in_postgres(postgres)) == 24


async def test_an_event_that_sqlite_refuses_is_told_and_leaves_nothing_of_its_batch():
    events, connection = made_events(30), sqlite3.connect(":memory:", isolation_level=None)
    exporter = DatabaseAnalyticsExporter(connection)
    await exporter.export(events[:1])
    refuse = "CREATE TRIGGER odd BEFORE INSERT ON victor_events WHEN new.seq = 7 BEGIN SELECT RAISE(ABORT, 'odd'); END"
    connection.execute(refuse)
    with pytest.raises(ExportError, match="odd") as failure:
        await exporter.export(events)
    assert not failure.value.retryable
    assert (await exporter.export(events[7:])).success
    assert connection.execute("SELECT count(*), max(seq) FROM victor_events").fetchone() == (24, 30)
    connection.close()


async def test_a_lock_that_is_not_given_in_time_is_for_later(postgres, tmp_path):
    pool = await asyncpg.create_pool(postgres, min_size=1, server_settings={"lock_timeout": "50ms"})
    exporter = DatabaseAnalyticsExporter(pool)
    await exporter.export(made_events(1))
    async with locked(postgres, "victor_events"):
        with pytest.raises(ExportError, match="lock timeout") as failure:
            await exporter.export(made_events(1))
    await pool.close()
    busy, other = sqlite3.connect(tmp_path / "a.db", timeout=0), sqlite3.connect(tmp_path / "a.db")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ExportError, match="database is locked") as second:
        await DatabaseAnalyticsExporter(busy).export(made_events(1))
    assert failure.value.retryable
    assert second.value.retryable
    busy.close()
    other.close()


async def test_nothing_is_sent_inside_a_transaction_of_the_users(postgres, tmp_path):
    theirs = await asyncpg.connect(postgres)
    exporter, events = DatabaseAnalyticsExporter(theirs), made_events(3)
    await exporter.export(events[:1])
    transaction = theirs.transaction()
    await transaction.start()
    with pytest.raises(ExportError, match="transaction of yours") as failure:
        await exporter.export(events)
    await transaction.rollback()
    assert failure.value.retryable
    assert (await exporter.export(events)).exported_count == 3
    assert await ids_in_postgres(postgres) == [event.id for event in events]
    await theirs.close()


async def test_a_transaction_of_the_users_is_neither_committed_nor_rolled_back(postgres, tmp_path):
    path = tmp_path / "events.db"
    with psycopg.connect(postgres) as ours, sqlite3.connect(path) as lite:
        for connection in (ours, lite):
            exporter = DatabaseAnalyticsExporter(connection)
            connection.execute("CREATE TABLE mine (n integer)")
            connection.commit()
            connection.execute("INSERT INTO mine VALUES (1)")
            with pytest.raises(ExportError, match="transaction of yours"):
                await exporter.export(made_events(1))
            connection.rollback()
            assert (await exporter.export(made_events(1))).success
            assert connection.execute("SELECT count(*) FROM mine").fetchone()[0] == 0
            connection.commit()
    lite.close()
    assert in_sqlite(path, "SELECT count(*) FROM victor_events") == [(1,)]
    assert len(await ids_in_postgres(postgres)) == 1


async def test_a_server_that_is_not_there_is_told_without_the_password():
    exporter = DatabaseAnalyticsExporter("postgresql://me:hunter2@127.0.0.1:1/db?password=hunter2")
    with pytest.raises(ExportError) as failure:
        await exporter.export(made_events(1))
    assert failure.value.retryable
    assert "hunter2" not in f"{failure.value} {exporter.destination}"
    assert exporter.destination == "postgresql://127.0.0.1:1/db#victor_events"


@pytest.mark.parametrize("size", [10_000_000])
async def test_a_large_event_goes_through(size, postgres, tmp_path):
    events = made_events(3)
    events[1].data["text"] = "ü" * (size // 2)
    for target in (postgres, tmp_path / "events.db"):
        exporter = DatabaseAnalyticsExporter(target)
        await exporter.export(events)
        await exporter.export(events)
        await exporter.close()
    [row] = await in_postgres(postgres, "SELECT max(length(data->>'text')) FROM victor_events")
    assert row[0] == size // 2
    assert in_sqlite(tmp_path / "events.db", "SELECT max(length(data->>'text')) FROM victor_events") == [(size // 2,)]

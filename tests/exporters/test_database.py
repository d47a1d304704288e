"""Every kind of target that the database exporter takes: the rows arrive once, and what the user gave stays open."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager

import asyncpg
import psycopg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from support.database_events import ids_in_postgres, in_postgres, in_sqlite, made_events

from victor_nb.exporters.database import DatabaseAnalyticsExporter


@asynccontextmanager
async def url(dsn):
    yield dsn


@asynccontextmanager
async def short_scheme(dsn):
    yield dsn.replace("postgresql://", "postgres://")


@asynccontextmanager
async def driver_url(dsn):
    yield dsn.replace("postgresql://", "postgresql+psycopg://")


@asynccontextmanager
async def async_driver_url(dsn):
    yield dsn.replace("postgresql://", "postgresql+asyncpg://")


@asynccontextmanager
async def engine(dsn):
    engine = sqlalchemy.create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    yield engine
    with engine.connect() as connection:
        assert connection.scalar(sqlalchemy.text("SELECT 1")) == 1
    engine.dispose()


@asynccontextmanager
async def async_engine(dsn):
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://"))
    yield engine
    async with engine.connect() as connection:
        assert await connection.scalar(sqlalchemy.text("SELECT 1")) == 1
    await engine.dispose()


@asynccontextmanager
async def asyncpg_connection(dsn):
    connection = await asyncpg.connect(dsn)
    yield connection
    assert not connection.is_in_transaction()
    await connection.close()


@asynccontextmanager
async def asyncpg_pool(dsn):
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool:
        yield pool
        assert await pool.fetchval("SELECT 1") == 1


@asynccontextmanager
async def pooled_asyncpg_connection(dsn):
    async with asyncpg.create_pool(dsn, min_size=1, max_size=2) as pool, pool.acquire() as connection:
        yield connection


@asynccontextmanager
async def psycopg_connection(dsn):
    with psycopg.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
        yield connection
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@asynccontextmanager
async def psycopg_autocommit(dsn):
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@asynccontextmanager
async def psycopg_async_connection(dsn):
    async with await psycopg.AsyncConnection.connect(dsn, row_factory=psycopg.rows.dict_row) as connection:
        yield connection
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


POSTGRES = [
    url,
    short_scheme,
    driver_url,
    async_driver_url,
    engine,
    async_engine,
    asyncpg_connection,
    asyncpg_pool,
    pooled_asyncpg_connection,
    psycopg_connection,
    psycopg_autocommit,
    psycopg_async_connection,
]


@pytest.mark.parametrize("kind", POSTGRES, ids=lambda kind: kind.__name__)
async def test_events_become_rows_of_postgresql_once(kind, postgres):
    events = made_events(700, text='tab\tslash\\ "ü" 日本')
    async with kind(postgres) as target:
        exporter = DatabaseAnalyticsExporter(target)
        first = await exporter.export(events[:500])
        again = await exporter.export(events)
        await exporter.close()
    assert (first.success, first.exported_count, again.exported_count) == (True, 500, 700)
    assert await ids_in_postgres(postgres) == [event.id for event in events]


@pytest.mark.parametrize("kind", POSTGRES, ids=lambda kind: kind.__name__)
async def test_all_values_arrive_and_the_destination_is_the_same_for_every_kind(kind, postgres):
    [event] = made_events(1, text='tab\tslash\\ "ü" 日本', nothing=None, price=0.1)
    async with kind(postgres) as target:
        exporter = DatabaseAnalyticsExporter(target, schema="public", table="my_events")
        await exporter.export([event])
        await exporter.close()
    sql = "SELECT *, data->>'text' AS text, (data->>'price')::float AS price FROM my_events"
    [row] = await in_postgres(postgres, sql)
    assert [row[name] for name in ("id", "seq", "kernel_run_id", "session_id", "type", "timestamp", "turn_id")] == [
        *(event.id, 1, event.kernel_run_id, "s", "x_made", event.timestamp, "turn-0")
    ]
    assert (row["text"], row["price"], row["exported_at"].tzinfo is not None) == ('tab\tslash\\ "ü" 日本', 0.1, True)
    assert exporter.destination == f"postgresql://{postgres.partition('@')[2]}#public.my_events"


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}", "connection", "engine", "path"])
async def test_events_become_rows_of_sqlite_once(form, tmp_path):
    path, events = tmp_path / "events.db", made_events(7)
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    target = {"connection": connection, "engine": engine, "path": path}.get(form, form.format(path))
    exporter = DatabaseAnalyticsExporter(target)
    assert (await exporter.export(events[:5])).exported_count == 5
    assert (await exporter.export(events)).exported_count == 7
    await exporter.close()
    assert connection.execute("SELECT count(*) FROM victor_events").fetchone()[0] == 7
    assert exporter.destination == f"sqlite:///{path}#victor_events"
    sql = "SELECT id, seq, timestamp, turn_id, data->>'n', typeof(data) FROM victor_events ORDER BY seq LIMIT 1"
    assert in_sqlite(path, sql) == [(events[0].id, 1, "2026-03-01T12:00:00.000000+00:00", "turn-0", 0, "text")]
    engine.dispose()
    connection.close()


async def test_a_connection_to_sqlite_in_memory_has_no_address():
    connection = sqlite3.connect(":memory:")
    exporter = DatabaseAnalyticsExporter(connection)
    await exporter.export(made_events(2))
    assert connection.execute("SELECT max(seq) FROM victor_events").fetchone() == (2,)
    assert exporter.destination is None
    connection.close()


async def test_an_attached_database_is_a_schema(tmp_path):
    connection = sqlite3.connect(":memory:")
    connection.execute("ATTACH ? AS archive", [str(tmp_path / "archive.db")])
    exporter = DatabaseAnalyticsExporter(connection, schema="archive")
    await exporter.export(made_events(2))
    assert exporter.destination == f"sqlite:///{tmp_path / 'archive.db'}#victor_events"
    connection.close()
    assert in_sqlite(tmp_path / "archive.db", "SELECT count(*) FROM victor_events") == [(2,)]


async def test_an_async_engine_that_was_given_outside_of_a_loop_keeps_its_own_pool(postgres):
    engine = create_async_engine(postgres.replace("postgresql://", "postgresql+asyncpg://"))

    def elsewhere():
        exporter = DatabaseAnalyticsExporter(engine)

        async def export():
            await exporter.export(made_events(3))
            await exporter.close()

        asyncio.run(export())

    await asyncio.to_thread(elsewhere)
    async with engine.connect() as connection:  # on this loop
        assert await connection.scalar(sqlalchemy.text("SELECT count(*) FROM victor_events")) == 3
    await engine.dispose()

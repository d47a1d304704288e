"""Events for a database, and what a database has of them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import asyncpg

from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def made_events(count: int, **data: Any) -> list[AnalyticsEvent]:
    """New events, a second apart, each with `n`, a `turn_id` and `data`."""
    run = new_id()
    return [
        AnalyticsEvent(
            id=new_id(),
            seq=n + 1,
            kernel_run_id=run,
            session_id="s",
            type="x_made",
            timestamp=NOON + dt.timedelta(seconds=n),
            data={"n": n, "turn_id": f"turn-{n}", **data},
        )
        for n in range(count)
    ]


async def in_postgres(dsn: str, sql: str, *values: object) -> list[Any]:
    """The rows of one statement, on a connection of its own."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(sql, *values)
    finally:
        await connection.close()


async def ids_in_postgres(dsn: str, table: str = "victor_events") -> list[str]:
    """In order of `seq`, with duplicates if there are any."""
    return [str(row["id"]) for row in await in_postgres(dsn, f"SELECT id FROM {table} ORDER BY seq")]


def in_sqlite(path: Path, sql: str) -> list[tuple[Any, ...]]:
    import sqlite3

    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()

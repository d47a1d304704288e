"""What delivering to PostgreSQL costs: events through `DatabaseAnalyticsExporter.export`, batch by batch, against a raw
COPY of the same rows, made beforehand, into a table of the same form. Then all of them again, which must add none.

Wall time, since the work is the server's and ours. The server is a fresh local cluster without fsync. Contenders take
turns, each into an empty table. Target: 2.5 times the raw COPY.

    python benchmarks/database.py [events, 200000 when not given] [rounds, 3]

Measured 2026-11-22, 2 cores that others kept busy (load 6 to 8): 1,000,000 events 2.2 and 1.05 times the raw COPY (23
and 34 s) in two runs, all again 3.8 and 2.6 times, none added; 200,000 events 1.3 and 1.8 times. With less around, for
100,000 events: COPY in pieces 1.3 times, one COPY a batch 1.8, `executemany` with ON CONFLICT 2.4, unnest 2.7.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from _harness import SUPPORT, Samples, ratios, table

sys.path.insert(0, str(SUPPORT))

import asyncpg
from support.services import PostgresCluster

from victor_nb.exporters.database import DatabaseAnalyticsExporter
from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent

COLUMNS = ("id", "seq", "kernel_run_id", "session_id", "type", "timestamp", "turn_id", "data")
DATA = {
    "turn_id": "",
    "request_id": "",
    "purpose": "chat",
    "status": "ok",
    "error_type": None,
    "http_status": None,
    "model": "gpt-5",
    "provider": "openai",
    "attempts": 1,
    "finish_reason": "stop",
    "input_tokens": 1234,
    "output_tokens": 345,
    "cache_read_tokens": 1000,
    "cache_write_tokens": None,
    "reasoning_tokens": 128,
    "usage_source": "reported",
    "cost_usd": 0.00123,
    "cost_source": "genai-prices",
    "duration_s": 1.2345,
    "time_to_first_token_s": 0.345,
}


def made_events(count: int) -> list[AnalyticsEvent]:
    """Completed requests, ten to a turn and a hundred turns to a session."""
    run, began, events = new_id(), dt.datetime.now(dt.UTC), list[AnalyticsEvent]()
    for n in range(count):
        if n % 10 == 0:
            turn = new_id()
        if n % 1000 == 0:
            session = new_id()
        data = {**DATA, "turn_id": turn, "request_id": new_id(), "duration_s": n / 7}
        events.append(
            AnalyticsEvent.model_construct(
                id=new_id(),
                seq=n + 1,
                kernel_run_id=run,
                session_id=session,
                type="model_request_completed",
                timestamp=began + dt.timedelta(milliseconds=n),
                data=data,
            )
        )
    return events


def row(event: AnalyticsEvent) -> tuple[Any, ...]:
    data = json.dumps(event.data, separators=(",", ":"))
    known = (event.id, event.seq, event.kernel_run_id, event.session_id, event.type, event.timestamp)
    return (*known, event.data["turn_id"], data)


async def timed(step: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await step()
    return time.perf_counter() - began


async def deliver(exporter: DatabaseAnalyticsExporter, events: list[AnalyticsEvent]) -> None:
    for start in range(0, len(events), exporter.batch_size):
        await exporter.export(events[start : start + exporter.batch_size])


async def compare(dsn: str, count: int, rounds: int) -> tuple[Samples, int]:
    """Seconds of each contender and round, and how many rows there are when everything was sent twice."""
    connection, events, rows_there = await asyncpg.connect(dsn), made_events(count), 0
    rows = [row(event) for event in events]
    samples: Samples = {"raw COPY": [], "export": [], "export of all again": []}
    empty = DatabaseAnalyticsExporter(connection, table="victor_events")
    await empty.export(events[:1])
    for _ in range(rounds):
        await connection.execute("TRUNCATE victor_events; CHECKPOINT")
        copy = connection.copy_records_to_table
        samples["raw COPY"].append(await timed(lambda: copy("victor_events", records=rows, columns=COLUMNS)))  # noqa: B023
        await connection.execute("TRUNCATE victor_events; CHECKPOINT")
        exporter = DatabaseAnalyticsExporter(dsn)
        samples["export"].append(await timed(lambda: deliver(exporter, events)))  # noqa: B023
        samples["export of all again"].append(await timed(lambda: deliver(exporter, events)))  # noqa: B023
        await exporter.close()
        rows_there = await connection.fetchval("SELECT count(*) FROM victor_events")
    await connection.close()
    return samples, rows_there


def main() -> None:
    count, rounds = (int(text) for text in (sys.argv[1:] + ["200000", "3"][len(sys.argv) - 1 :]))
    with tempfile.TemporaryDirectory(prefix="victor-pg-") as folder:
        cluster = PostgresCluster(Path(folder))
        samples, rows_there = asyncio.run(compare(f"{cluster.dsn}/postgres", count, rounds))
        cluster.stop()
    against = ratios(samples, "raw COPY")
    lines = [(name, statistics.median(found), against[name]) for name, found in samples.items()]
    table(f"{count:,} events to PostgreSQL", ["", "s", "× raw COPY"], lines)
    print(f"\n  rows in the table when all were sent twice: {rows_there:,}")
    assert rows_there == count


if __name__ == "__main__":
    main()

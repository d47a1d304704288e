"""`kill -9` at a hundred random moments while a kernel chats and exports: whatever was acknowledged is in the database
afterwards, once, and the store's books balance.

The kernels are forked from one process that has imported everything and runs nothing, so that a hundred are quick.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import asyncpg

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.exporters.database import DatabaseAnalyticsExporter
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

KILLS = 100
NURSERY = """
import asyncio, os, random, signal, sys, time
from pathlib import Path
import asyncpg, pydantic_core
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.exporters.database import DatabaseAnalyticsExporter
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

path, dsn, kills = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
Settings()

async def chat():
    analytics = AnalyticsCoordinator([DatabaseAnalyticsExporter(dsn)])
    model = ScriptedModel(*["yes"] * 5_000)
    orchestrator = AgentOrchestrator(model=model, analytics_coordinator=analytics, store=SQLiteStore(path))
    while True:
        response = await orchestrator.chat("still there?")
        os.write(1, f"{response.turn_id}\\n".encode())

moments = random.Random(7)
for _ in range(kills):
    if (child := os.fork()) == 0:
        asyncio.run(chat())
    time.sleep(moments.uniform(0.02, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def kill_many(path: Path, dsn: str) -> list[str]:
    """The turns that were acknowledged before their kernel was killed."""
    nursery = [sys.executable, "-c", NURSERY, str(path), dsn, str(KILLS)]
    return subprocess.run(nursery, check=True, stdout=subprocess.PIPE, text=True, timeout=180).stdout.split()


async def deliver_the_rest(path: Path, dsn: str) -> SQLiteStore:
    """What the next kernel does."""
    store, analytics = SQLiteStore(path), AnalyticsCoordinator([DatabaseAnalyticsExporter(dsn)])
    orchestrator = AgentOrchestrator(model=ScriptedModel("done"), analytics_coordinator=analytics, store=store)
    await orchestrator.chat("and now?")
    result = await analytics.flush()
    assert result.success, result.error
    orchestrator.close()
    return store


async def test_a_hundred_kills_lose_and_double_nothing(tmp_path: Path, postgres: str):
    path = tmp_path / "victor.db"
    acknowledged = kill_many(path, postgres)
    store = await deliver_the_rest(path, postgres)
    stored, books = store.read(EventQuery()), store.outboxes()
    store.close()

    connection = await asyncpg.connect(postgres)
    rows = await connection.fetch("SELECT id, type, turn_id FROM victor_events")
    await connection.close()
    ended = Counter(row["turn_id"] for row in rows if row["type"] == "turn_completed")
    assert len(acknowledged) > KILLS / 4  # on a busy machine many are killed before their first answer
    assert {turn for turn in acknowledged if ended[turn] != 1} == set()
    recorded = {event.id for event in stored}
    last = {event.id for event in stored if event.type == "session_ended"}
    assert {row["id"] for row in rows} | last == recorded
    assert len(rows) == len({row["id"] for row in rows})
    assert sum(book.accepted for book in books) == len(stored)
    assert all(book.delivered + book.pending + book.dead == book.accepted for book in books)
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)

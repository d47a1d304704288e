"""`kill -9` at random moments while kernels chat and write files of each kind: every event is in each, once.

The kernels are forked from one process that has imported everything and runs nothing, so that many are quick.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow.dataset as ds

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.exporters.files import FileAnalyticsExporter
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

KILLS = 30
NURSERY = """
import asyncio, os, random, signal, sys, time
from pathlib import Path
import pyarrow.parquet
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.exporters.files import FileAnalyticsExporter
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

folder = Path(sys.argv[1])
Settings()

async def chat():
    exporters = [FileAnalyticsExporter(folder / name) for name in ("lines.jsonl", "lines.csv", "parts")]
    analytics = AnalyticsCoordinator(exporters)
    model = ScriptedModel(lambda request: "yes")
    orchestrator = AgentOrchestrator(model=model, analytics_coordinator=analytics, store=SQLiteStore(folder / "v.db"))
    while True:
        response = await orchestrator.chat("still there?")
        os.write(1, f"{response.turn_id}\\n".encode())

moments = random.Random(11)
for _ in range(int(sys.argv[2])):
    if (child := os.fork()) == 0:
        asyncio.run(chat())
    time.sleep(moments.uniform(0.02, 0.4))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def kill_many(folder: Path) -> set[str]:
    """The turns that were acknowledged before their kernel was killed."""
    nursery = [sys.executable, "-c", NURSERY, str(folder), str(KILLS)]
    return set(subprocess.run(nursery, check=True, stdout=subprocess.PIPE, text=True, timeout=180).stdout.split())


async def deliver_the_rest(folder: Path) -> set[str]:
    """What the next kernel does; the ids of all events that it then had to deliver."""
    names = ["lines.jsonl", "lines.csv", "parts"]
    analytics = AnalyticsCoordinator([FileAnalyticsExporter(folder / name) for name in names])
    store = SQLiteStore(folder / "v.db")
    orchestrator = AgentOrchestrator(model=ScriptedModel("done"), analytics_coordinator=analytics, store=store)
    await orchestrator.chat("and now?")
    result = await analytics.flush()
    assert result.success, result.error
    recorded = {event.id for event in store.read(EventQuery())}
    orchestrator.close()
    store.close()
    return recorded


async def test_thirty_kills_lose_and_double_nothing(tmp_path: Path):
    acknowledged = kill_many(tmp_path)
    recorded = await deliver_the_rest(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    rows = pd.read_csv(tmp_path / "lines.csv")
    parts = ds.dataset(tmp_path / "parts").to_table(columns=["id", "turn_id"]).to_pandas()

    assert len(acknowledged) > KILLS / 2
    for ids in ([line["id"] for line in lines], list(rows["id"]), list(parts["id"])):
        assert len(ids) == len(set(ids))
        assert recorded <= set(ids)
    assert acknowledged <= set(parts["turn_id"])

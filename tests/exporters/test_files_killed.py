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
NAMES = ("lines.jsonl", "lines.csv", "parts")
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
    model = ScriptedModel(*["yes"] * 1000)
    orchestrator = AgentOrchestrator(model=model, analytics_coordinator=analytics, store=SQLiteStore(folder / "v.db"))
    while True:
        response = await orchestrator.chat("still there?")
        os.write(1, f"{response.turn_id}\\n".encode())
        acknowledged.touch()

acknowledged = folder / "acknowledged"
moments = random.Random(11)
for _ in range(int(sys.argv[2])):
    if (child := os.fork()) == 0:
        asyncio.run(chat())
    late, ends = moments.random() < 0.8, time.monotonic() + 30
    while late and not acknowledged.exists() and time.monotonic() < ends:
        time.sleep(0.001)
    time.sleep(moments.uniform(0.0, 0.3))
    acknowledged.unlink(missing_ok=True)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def kill_many(folder: Path) -> set[str]:
    """The turns that were acknowledged before their kernel was killed."""
    nursery = [sys.executable, "-c", NURSERY, str(folder), str(KILLS)]
    return set(subprocess.run(nursery, check=True, stdout=subprocess.PIPE, text=True, timeout=180).stdout.split())


async def deliver_the_rest(folder: Path) -> dict[str, set[str]]:
    """What the next kernel does. By file, the ids of all events that any kernel was to write there: one that was killed
    in its first milliseconds may not have come to say so."""
    analytics = AnalyticsCoordinator([FileAnalyticsExporter(folder / name) for name in NAMES])
    store = SQLiteStore(folder / "v.db")
    orchestrator = AgentOrchestrator(model=ScriptedModel("done"), analytics_coordinator=analytics, store=store)
    await orchestrator.chat("and now?")
    result = await analytics.flush()
    assert result.success, result.error
    events, outboxes = store.read(EventQuery()), store.outboxes()
    orchestrator.close()
    store.close()
    runs = {name: {box.kernel_run_id for box in outboxes if box.exporter.endswith(name)} for name in NAMES}
    return {name: {event.id for event in events if event.kernel_run_id in runs[name]} for name in NAMES}


async def test_thirty_kills_lose_and_double_nothing(tmp_path: Path):
    acknowledged = kill_many(tmp_path)
    due = await deliver_the_rest(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    rows = pd.read_csv(tmp_path / "lines.csv")
    parts = ds.dataset(tmp_path / "parts").to_table(columns=["id", "turn_id"]).to_pandas()

    assert len(acknowledged) > KILLS / 2
    written = dict(zip(NAMES, ([line["id"] for line in lines], list(rows["id"]), list(parts["id"])), strict=True))
    assert {name: len(ids) - len(set(ids)) for name, ids in written.items()} == dict.fromkeys(NAMES, 0)
    assert {name: due[name] - set(ids) for name, ids in written.items()} == {name: set() for name in NAMES}
    assert acknowledged <= set(rows["turn_id"])
    assert acknowledged <= set(parts["turn_id"])

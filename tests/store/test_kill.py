"""`kill -9` at random moments: every acknowledged event is there afterwards, and the file is sound."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

CHILD = """
import asyncio, sys
from pathlib import Path
from victor_nb.store import SQLiteStore

async def record():
    store = SQLiteStore(Path(sys.argv[1]))
    print(store.kernel_run_id, flush=True)
    n = 0
    while True:
        burst = [store.append("x_burst", "s", {"n": (n := n + 1)}) for _ in range(20)]
        await burst[-1]
        sys.stdout.write(f"{n}\\n")
        sys.stdout.flush()

asyncio.run(record())
"""


FORK = """
import asyncio, os
from victor_nb import AgentOrchestrator
from victor_nb.testing import ScriptedModel

orchestrator = AgentOrchestrator(model=ScriptedModel("parent", "child", "more"))
asyncio.run(orchestrator.chat("hi"))
if (child := os.fork()) == 0:
    os._exit(0 if asyncio.run(orchestrator.chat("hi")).content == "child" else 1)
assert os.waitpid(child, 0)[1] == 0
asyncio.run(orchestrator.chat("hi"))
"""


def test_a_forked_child_is_a_run_of_its_own(own_home: Path):
    subprocess.run([sys.executable, "-c", FORK], check=True, timeout=60)
    store = SQLiteStore(own_home / "victor.db")
    turns, runs = store.read(EventQuery(types=["turn_completed"])), store.runs()
    store.close()
    assert len(runs) == 2
    assert sorted(sum(turn.kernel_run_id == run.id for turn in turns) for run in runs) == [1, 2]


def killed_child(path: Path, moment_s: float) -> tuple[str, int]:
    """The run's id and the highest `n` that was acknowledged before the kill."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout
    with child.stdout:
        run = child.stdout.readline().strip()
        assert child.stdout.readline().strip() == "20"
        time.sleep(moment_s)  # the random moment itself, not a wait for something
        child.kill()
        acknowledged = child.stdout.read().split("\n")[:-1]
    child.wait()
    return run, int(acknowledged[-1]) if acknowledged else 20


def test_twenty_kills_lose_no_acknowledged_event(tmp_path: Path):
    path = tmp_path / "victor.db"
    moments = random.Random(20).choices(range(1, 120), k=20)
    acknowledged = dict(killed_child(path, moment / 1000) for moment in moments)
    store = SQLiteStore(path)
    events, runs = store.read(EventQuery()), store.runs()
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert len(acknowledged) == 20
    for run, count in acknowledged.items():
        seqs = [event.seq for event in events if event.kernel_run_id == run]
        assert seqs == list(range(1, len(seqs) + 1))
        assert len(seqs) >= count
    assert not any(run.alive or run.ended_at_us for run in runs)

"""`kill -9` at random moments: every acknowledged event is there afterwards, and the file is sound."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

KILLS = 120
NURSERY = """
# Forks kernels, two at a time and one after the other into the same file, and kills each at a random moment of its
# life: while it opens the file, writes, or waits. Prints for each what was acknowledged before.
import asyncio, json, os, random, signal, sys, time
from pathlib import Path
from victor_nb.store import SQLiteStore

async def record(child, pipe):
    store = SQLiteStore(Path(sys.argv[1]))
    n = 0
    while True:
        burst = [store.append("x_burst", "s", {"child": child, "n": (n := n + 1)}) for _ in range(20)]
        await burst[-1]
        os.write(pipe, f"{n}\\n".encode())

def born(child):
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        asyncio.run(record(child, writing))
    os.close(writing)
    return pid, reading

def killed(pid, reading):
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with open(reading) as pipe:
        lines = pipe.read().split("\\n")[:-1]
    return int(lines[-1]) if lines else 0

moments = random.Random(20)
for round in range(int(sys.argv[2]) // 2):
    children = [born(2 * round), born(2 * round + 1)]
    acknowledged = []
    for child in children:
        time.sleep(moments.choice([moments.uniform(0, 0.02), moments.uniform(0, 0.15)]))
        acknowledged.append(killed(*child))
    print(json.dumps(acknowledged))
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


def test_kills_at_random_moments_lose_no_acknowledged_event(tmp_path: Path):
    path = tmp_path / "victor.db"
    command = [sys.executable, "-c", NURSERY, str(path), str(KILLS)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=300)
    acknowledged = [count for line in done.stdout.splitlines() for count in json.loads(line)]
    store = SQLiteStore(path)
    events, runs = store.read(EventQuery()), store.runs()
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)
    recorded = Counter((data["child"], data["n"]) for data in (json.loads(event.data) for event in events))
    assert set(recorded.values()) == {1}
    assert len(acknowledged) == KILLS
    assert sum(count > 0 for count in acknowledged) > KILLS / 4
    for child, count in enumerate(acknowledged):
        assert all((child, n) in recorded for n in range(1, count + 1))
    for run in runs:
        assert [event.seq for event in events if event.kernel_run_id == run.id] == list(range(1, run.last_seq + 1))
    assert not any(run.alive or run.ended_at_us for run in runs)

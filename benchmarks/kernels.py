"""Several kernels that record into one file at once, as notebooks of one user do: what is lost, which locks are not
got, and what an event costs against one kernel alone (CPU of the kernels' processes, all threads).

Each kernel appends a burst, waiting for every 250th event as a turn does, from the same moment on. Target: 0 lost,
0 errors of locks.

    python benchmarks/kernels.py

Measured 2026-11-22, 2 cores, shared with other work: 0 lost, 0 errors of locks; 21.8 CPU µs an event alone, 22.4 with
four at once (1.06 times); 14,700 events/s together.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _harness import table

from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

EVENTS, ROUNDS, KERNELS = 25_000, 3, 4
KERNEL = """
import asyncio, json, sys, time, warnings
from pathlib import Path
from victor_nb.store import SQLiteStore

DATA = {"turn_id": "0190b0e0-0000-7000-8000-000000000000", "tool": "lookup", "status": "ok", "duration_s": 0.25}
warnings.simplefilter("error")
store = SQLiteStore(Path(sys.argv[1]))

async def record(count):
    for n in range(count):
        event = store.append("x_bench", "s", {"n": n, **DATA})
        if n % 250 == 249:
            await event

sys.stdin.readline()
cpu, began = time.process_time(), time.perf_counter()
asyncio.run(record(int(sys.argv[2])))
store.close()
print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - began, "degraded": store.degraded}))
"""


def record(path: Path, kernels: int) -> list[dict[str, float]]:
    command = [sys.executable, "-c", KERNEL, str(path), str(EVENTS)]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(kernels)
    ]
    for kernel in running:
        assert kernel.stdin
        kernel.stdin.write("go\n")
        kernel.stdin.flush()
    return [json.loads(kernel.communicate()[0]) for kernel in running]


def stored(path: Path) -> tuple[int, int]:
    """Events in the file, and those missing from an unbroken sequence of each kernel."""
    store = SQLiteStore(path)
    runs, found = store.runs(), len(store.positions(EventQuery()))
    store.close()
    return found, sum((run.last_seq or 0) - (run.stored or 0) for run in runs)


def main() -> None:
    cost: dict[int, list[float]] = {1: [], KERNELS: []}
    pace: dict[int, list[float]] = {1: [], KERNELS: []}
    lost = locked = 0
    for _ in range(ROUNDS):
        for kernels in cost:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "victor.db")
                results = record(path, kernels)
                found, gaps = stored(path)
            lost += kernels * EVENTS - found + gaps
            locked += sum(result["degraded"] is not None for result in results)
            cost[kernels].append(sum(result["cpu"] for result in results) * 1e6 / (kernels * EVENTS))
            pace[kernels].append(kernels * EVENTS / max(result["wall"] for result in results))
    against = statistics.median(many / one for one, many in zip(cost[1], cost[KERNELS], strict=True))
    rows = [
        (f"{kernels} at once" if kernels > 1 else "one kernel", statistics.median(cost[kernels]), ratio, pace_of)
        for kernels, ratio in ((1, 1.0), (KERNELS, against))
        for pace_of in (statistics.median(pace[kernels]),)
    ]
    table("Recording into one file", ["", "CPU µs an event", "× one kernel", "events/s"], rows)
    table("All rounds", ["lost", "errors of locks"], [(lost, locked)])


if __name__ == "__main__":
    main()

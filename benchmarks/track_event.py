"""What recording costs its caller: thread CPU of one `AnalyticsCoordinator.track_event`, not awaited, against writing
the same record, id and time already made, as one unbuffered line of JSON. `all threads` counts the store's own thread
too. Then the pace when each event is awaited, and until a burst is durable.

Blocks of both alternate; the store is a real file. Target: 1.5 times the JSON line for the caller.

    python benchmarks/track_event.py

Measured 2026-11-22, 2 cores, shared: 0.96 times the JSON line (8.3 µs), all threads 1.74; 2,240 events/s awaited one
by one, 62,000 in a burst.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path

from _harness import ratios, table

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.messages import new_id
from victor_nb.store.sqlite import SQLiteStore

EVENTS, ROUNDS, AWAITED = 2_000, 15, 300
DATA = {"turn_id": new_id(), "tool": "lookup", "status": "ok", "duration_s": 0.25, "result_bytes": 30, "rating": None}


def caller_us(write: Callable[[], object]) -> float:
    """CPU µs of this thread per call."""
    began = time.thread_time()
    for _ in range(EVENTS):
        write()
    return (time.thread_time() - began) * 1e6 / EVENTS


def all_threads_us(write: Callable[[], object], flush: Callable[[], object]) -> float:
    """CPU µs of the process per call, until everything is durable."""
    began = time.process_time()
    for _ in range(EVENTS):
        write()
    flush()
    return (time.process_time() - began) * 1e6 / EVENTS


async def awaited_per_s(analytics: AnalyticsCoordinator) -> float:
    began = time.perf_counter()
    for _ in range(AWAITED):
        await analytics.track_event("x_bench", DATA, session_id="s")
    return AWAITED / (time.perf_counter() - began)


def durable_per_s(analytics: AnalyticsCoordinator, store: SQLiteStore) -> float:
    began = time.perf_counter()
    for _ in range(EVENTS * 5):
        analytics.track_event("x_bench", DATA, session_id="s")
    assert store.flush(60)
    return EVENTS * 5 / (time.perf_counter() - began)


def compare(analytics: AnalyticsCoordinator, store: SQLiteStore, lines: FileIO) -> None:
    event = {"id": new_id(), "seq": 1, "session_id": "s", "type": "x_bench", "timestamp": time.time(), "data": DATA}

    def line() -> None:
        lines.write(json.dumps(event).encode() + b"\n")

    def track() -> None:
        analytics.track_event("x_bench", DATA, session_id="s")

    ours: list[float] = []
    theirs: list[float] = []
    everywhere: list[float] = []
    for _ in range(ROUNDS):
        theirs.append(caller_us(line))
        ours.append(caller_us(track))
        store.flush()
        everywhere.append(all_threads_us(track, store.flush))
    samples = {"JSON line, unbuffered": theirs, "track_event": ours, "track_event, all threads": everywhere}
    against = ratios(samples, "JSON line, unbuffered")
    rows = [(name, statistics.median(found), against[name]) for name, found in samples.items()]
    table("Recording one event", ["", "CPU µs", "× JSON line"], rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Path(folder, "events.jsonl").open("ab", buffering=0) as lines:
        store = SQLiteStore(Path(folder, "victor.db"))
        analytics = AnalyticsCoordinator()
        analytics.attach(store)
        compare(analytics, store, lines)
        rows = [("each awaited", asyncio.run(awaited_per_s(analytics))), ("a burst", durable_per_s(analytics, store))]
        analytics.close()
        store.close()
    table("Events per second until durable", ["", "events/s"], rows)


if __name__ == "__main__":
    main()

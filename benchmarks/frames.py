"""From 100,000 stored events to DataFrames: CPU seconds of each frame, against fetching the same rows
with `sqlite3` alone and not looking at them.

    python benchmarks/frames.py

Measured 2026-11-22, 2 cores, shared: CPU s of turns() 0.68, requests() 0.65, events() 0.97, summary() 0.83;
sqlite3 rows 0.21.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _harness import SUPPORT, table

from victor_nb.frames import Analytics
from victor_nb.store.sqlite import SQLiteStore

sys.path.insert(0, str(SUPPORT))
from support import recorded

TURNS, ROUNDS = 25_000, 5
"""Four events a turn: itself and one request, started and completed."""


def cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def fill(store: SQLiteStore) -> None:
    for _ in range(TURNS):
        recorded.request(store, recorded.turn(store))
    assert store.flush(120)


def raw_rows(path: Path) -> None:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT * FROM events ORDER BY position").fetchall()
    connection.close()
    assert len(rows) >= 4 * TURNS


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "victor.db")
        store = SQLiteStore(path)
        fill(store)
        frames = Analytics(lambda: store)
        works: dict[str, Callable[[], object]] = {
            "sqlite3 rows": lambda: raw_rows(path),
            "turns()": frames.turns,
            "requests()": frames.requests,
            "events()": frames.events,
            "summary()": frames.summary,
        }
        assert len(frames.turns()) == len(frames.requests()) == TURNS
        rounds = [{name: cpu_s(work) for name, work in works.items()} for _ in range(ROUNDS)]
        store.close()
    medians = {name: statistics.median(spent[name] for spent in rounds) for name in works}
    both = statistics.median(spent["turns()"] + spent["requests()"] for spent in rounds)
    rows = [(name, spent, spent / medians["sqlite3 rows"]) for name, spent in medians.items()]
    rows.append(("turns() and requests()", both, both / medians["sqlite3 rows"]))
    table(f"{4 * TURNS:,} events, {TURNS:,} turns", ["", "CPU s", "× sqlite3 rows"], rows)


if __name__ == "__main__":
    main()

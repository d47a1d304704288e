"""From stored events to DataFrames: CPU seconds of each frame, against fetching the same rows with `sqlite3` alone and
not looking at them, and the most memory that a frame took on its way, against what it takes itself.

    python benchmarks/frames.py             # 100,000 events
    python benchmarks/frames.py 1000000

Measured 2026-11-22, 2 cores, busy with other work (load 2 to 3), in CPU s, × sqlite3 rows in brackets:
100,000 events: turns() 0.35 (1.7), requests() 0.31 (1.6), both 0.67 (3.2), events() 0.46 (2.3), sessions() 0.28 (1.4),
summary() 0.11 (0.5), sqlite3 rows 0.20; one payload after the other, both had taken 1.47 (8.0) in the same hour.
1,000,000 events: turns() 3.9 (1.7), requests() 3.3 (1.4), both 7.3 (3.2), events() 4.7 (2.1), sessions() 2.7 (1.2),
summary() 1.1 (0.5), sqlite3 rows 2.3. Peak memory: turns() 270 MiB for a frame of 111 (2.4), requests() 235 for 93
(2.5), events() 709 for 524 (1.4); for 100,000 events about 48 MiB, which is what a page and the libraries take.
4,000 events (1,000 turns), measured 2026-11-28: dashboard() 0.054, summary() 0.014, turns() 0.014, sqlite3 rows 0.006.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _harness import SUPPORT, in_fresh_process, table

from victor_nb.frames import Analytics
from victor_nb.store.sqlite import SQLiteStore

sys.path.insert(0, str(SUPPORT))
from support import recorded

PER_TURN = 4
"""Events: the turn and one request, started and completed."""
MEMORY = """
import json, resource, sys
from pathlib import Path
from victor_nb.frames import Analytics
from victor_nb.store.sqlite import SQLiteStore

Analytics(SQLiteStore).{frame}()  # imports
analytics = Analytics(lambda: SQLiteStore(Path({path!r})))
with open("/proc/self/clear_refs", "w") as peak:
    peak.write("5")
def mib(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name)) / 1024
before = mib("VmRSS")
frame = analytics.{frame}(all=True)
print(json.dumps([mib("VmHWM") - before, float(frame.memory_usage(deep=True).sum()) / 2**20]))
"""


def cpu_s(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def fill(store: SQLiteStore, turns: int) -> None:
    for number in range(turns):
        session = f"session-{number // 20}"
        recorded.request(store, recorded.turn(store, session), session)
    assert store.flush(600)


def raw_rows(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("SELECT id, seq, session_id, type, timestamp_us, turn_id, data FROM events").fetchall()
    connection.close()


def peak_memory(path: Path, frame: str) -> tuple[str, float, float, float]:
    peak, own = in_fresh_process(MEMORY, path=str(path), frame=frame)
    return frame, peak, own, peak / own


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    rounds = 5 if events <= 100_000 else 3
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.db"
        store = SQLiteStore(path)
        fill(store, events // PER_TURN)
        frames = Analytics(lambda: store)
        works: dict[str, Callable[[], object]] = {
            "sqlite3 rows": lambda: raw_rows(path),
            "turns()": frames.turns,
            "requests()": frames.requests,
            "events()": frames.events,
            "sessions()": frames.sessions,
            "summary()": frames.summary,
            "dashboard()": frames.dashboard,
        }
        assert len(frames.turns()) == len(frames.requests()) == events // PER_TURN
        measured = [{name: cpu_s(work) for name, work in works.items()} for _ in range(rounds)]
        store.close()
        memory = [peak_memory(path, name) for name in ("turns", "requests", "events")]
    medians = {name: statistics.median(spent[name] for spent in measured) for name in works}
    both = statistics.median(spent["turns()"] + spent["requests()"] for spent in measured)
    rows = [(name, spent, spent / medians["sqlite3 rows"]) for name, spent in medians.items()]
    rows.append(("turns() and requests()", both, both / medians["sqlite3 rows"]))
    table(f"{events:,} events, {events // PER_TURN:,} turns", ["", "CPU s", "× sqlite3 rows"], rows)
    table("memory", ["frame", "peak MiB", "its own MiB", "ratio"], memory)


if __name__ == "__main__":
    main()

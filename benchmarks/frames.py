"""From stored events to DataFrames: CPU seconds of each frame, against fetching the same rows with `sqlite3` alone and
not looking at them, and the most memory that a frame took on its way, against what it takes itself.

    python benchmarks/frames.py             # 100,000 events
    python benchmarks/frames.py 1000000

FIGURES
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

analytics = Analytics(lambda: SQLiteStore(Path({path!r})))
analytics.{frame}(all=True, limit=1, where="session_id == ''")
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

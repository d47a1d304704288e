"""Pruning, vacuum and backup: the ledger stays right, nothing undelivered goes unasked, kernels go on recording."""

from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.errors import StoreError
from victor_nb.protocols import EventQuery, IStoreUpkeep
from victor_nb.records import DeadLetter
from victor_nb.store import SQLiteStore

FOREVER = 1 << 60


@pytest.fixture
def store(tmp_path: Path):
    opened = SQLiteStore(tmp_path / "victor.db")
    yield opened
    opened.close()


def record(store: SQLiteStore, count: int, channel: int = 1) -> int:
    """The time in µs after which nothing of it was recorded."""
    for n in range(count):
        store.append("x_test", "s", {"n": n, "text": "x" * 500}, channel=channel)
    store.flush()
    time.sleep(0.001)
    return time.time_ns() // 1_000


def seqs(store: SQLiteStore) -> list[int]:
    return [event.seq for event in store.read(EventQuery())]


def test_what_is_old_goes_and_leaves_no_gap(store: SQLiteStore):
    before = record(store, 3)
    record(store, 2)
    assert isinstance(store, IStoreUpkeep)
    assert store.prune(before) == 3
    (run,) = store.runs()
    assert (seqs(store), run.pruned_seq, run.stored, run.last_seq) == ([4, 5], 3, 2, 5)
    assert store.prune(before) == 0
    assert store.prune(FOREVER) == 2
    (run,) = store.runs()
    assert (run.pruned_seq, run.stored, run.last_seq, store.accepted) == (5, 0, 5, 5)


def test_what_is_not_delivered_stays_unless_asked(store: SQLiteStore):
    record(store, 6)
    (box,) = store.claim("web", 1)
    events = store.read(EventQuery())
    letter = DeadLetter("web", box.kernel_run_id, 1, events[2].position, 3, "refused")
    store.save_outbox(dataclasses.replace(box, position=events[3].position), [letter])
    store.flush()
    assert store.outboxes()[0].dead == 1
    assert store.prune(FOREVER) == 2
    assert seqs(store) == [3, 4, 5, 6]
    assert store.prune(FOREVER, undelivered=True) == 4
    (box,) = store.outboxes()
    assert (box.accepted, box.delivered, box.pending, box.dead) == (6, 3, 0, 3)
    assert store.dead_letters() == []


def test_a_turn_that_is_open_stays(store: SQLiteStore):
    for turn, types in (("a", ("started", "completed")), ("b", ("started",))):
        for half in types:
            store.append(f"turn_{half}", "s", {"turn_id": turn})
    store.append("x_test", "s", {})
    store.flush()
    assert store.prune(FOREVER) == 2
    assert seqs(store) == [3, 4]


def test_a_new_exporter_knows_what_it_missed(store: SQLiteStore):
    store.prune(record(store, 3))
    record(store, 1)
    (box,) = store.claim("late", 1)
    assert (box.accepted, box.delivered, box.pending, box.dead) == (4, 0, 1, 3)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9), st.booleans()), max_size=10))
def test_pruning_keeps_the_ledger_right(steps: list[tuple[int, int, bool]]):
    store = SQLiteStore()
    (box,) = store.claim("web", 1)
    for step, number, flag in steps:
        events = store.read(EventQuery())
        if step < 2:
            for _ in range(number):
                store.append("x_test", "s", {}, channel=1)
            store.flush()
        elif step == 2 and events:
            event = events[number % len(events)]
            letter = DeadLetter("web", box.kernel_run_id, 1, event.position, event.seq, "refused")
            store.save_outbox(dataclasses.replace(box, position=event.position), [letter] if flag else [])
        elif events:
            store.prune(events[number % len(events)].timestamp_us, undelivered=flag)
    (box,), (run,) = store.outboxes(), store.runs()
    assert store.accepted == box.accepted == box.delivered + box.pending + box.dead
    assert (run.stored or 0) + run.pruned_seq == store.accepted
    store.close()


def test_vacuum_gives_the_space_back(store: SQLiteStore):
    record(store, 5_000)
    full = store.size_bytes()
    store.prune(FOREVER)
    store.vacuum()
    assert store.size_bytes() < full / 5
    record(store, 1)
    assert seqs(store) == [5_001]


def test_a_backup_is_a_store_taken_while_recording(store: SQLiteStore, tmp_path: Path):
    record(store, 2_000)
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            record(store, 20)

    recording = threading.Thread(target=go_on)
    recording.start()
    store.backup(tmp_path / "copy.db")
    stop.set()
    recording.join()
    with pytest.raises(StoreError, match="is there already"):
        store.backup(tmp_path / "copy.db")
    with pytest.raises(StoreError, match="no backup can be written"):
        store.backup(tmp_path / "nowhere" / "copy.db")
    copy = SQLiteStore(tmp_path / "copy.db")
    copied = seqs(copy)
    copy.close()
    assert copied == list(range(1, len(copied) + 1))
    assert len(copied) >= 2_000
    assert store.degraded is None


def test_memory_can_be_looked_after_too(tmp_path: Path):
    store = SQLiteStore()
    assert (store.size_bytes(), store.prune(FOREVER), store.vacuum()) == (0, 0, None)
    before = record(store, 3)
    record(store, 1)
    store.backup(tmp_path / "copy.db")
    assert store.prune(before) == 3
    assert seqs(store) == [4]
    store.close()
    assert sqlite3.connect(tmp_path / "copy.db").execute("SELECT count(*) FROM events").fetchone() == (4,)


def test_nothing_recorded_is_nothing_to_do(store: SQLiteStore, tmp_path: Path):
    assert (store.size_bytes(), store.prune(FOREVER), store.vacuum()) == (0, 0, None)
    with pytest.raises(StoreError, match="nothing has been recorded"):
        store.backup(tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


RECORDS = """
import sys
from pathlib import Path
from victor_nb.store import SQLiteStore
store = SQLiteStore(Path(sys.argv[1]))
for n in range(4_000): store.append("x_test", "s", {"n": n})
store.flush()
print("recorded", flush=True)
for n in range(4_000): store.append("x_test", "s", {"n": n})
assert store.flush() and not store.degraded
sys.stdin.read()
store.close()
"""


def test_another_kernel_records_while_its_old_events_go(store: SQLiteStore, tmp_path: Path):
    command = [sys.executable, "-c", RECORDS, str(tmp_path / "victor.db")]
    kernel = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert kernel.stdout
    assert kernel.stdout.readline() == "recorded\n"
    gone = store.prune(time.time_ns() // 1_000)
    kernel.communicate("")
    assert kernel.returncode == 0
    assert gone >= 4_000
    (run,) = [run for run in store.runs() if run.id != store.kernel_run_id]
    assert (run.last_seq, (run.stored or 0) + run.pruned_seq) == (8_000, 8_000)

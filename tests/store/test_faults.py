"""Files that go away, cannot be written or are damaged: the kernel goes on, and says so once."""

from __future__ import annotations

import json
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from victor_nb.errors import StoreError
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.store.database import DatabaseUnusableError

RECORD = """
import json, os, sys, warnings
from pathlib import Path
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

if os.getuid() == 0:  # who may write everywhere
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
store = SQLiteStore(Path(sys.argv[1]))
before = [event.type for event in store.read(EventQuery())]
with warnings.catch_warnings(record=True) as warned:
    warnings.simplefilter("always")
    for name in ("x_second", "x_third"):
        store.append(name, "s", {}, channel=1)
        assert store.flush(30)
    store.append("x_fourth", "s", {}, channel=1)
    store.flush()
    left = [[box.accepted, box.delivered, box.pending, box.dead] for box in store.claim("web", 1)]
events = store.read(EventQuery())
positions = [event.position for event in events]
print(json.dumps({
    "before": before, "events": [event.type for event in events], "rising": positions == sorted(positions),
    "warned": [str(warning.message) for warning in warned], "degraded": store.degraded, "left": left,
    "runs": len(store.runs()),
}))
store.close()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that other users may enter; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(prefix="victor-store-") as name:
        Path(name).chmod(0o755)
        yield Path(name)
        Path(name).chmod(0o755)


@pytest.fixture
def recorded(folder: Path) -> Path:
    """A file with one event, which one exporter has not delivered."""
    store = SQLiteStore(folder / "victor.db")
    store.append("x_first", "s", {}, channel=1)
    store.claim("web", 1)
    store.close()
    return folder / "victor.db"


def record_as_nobody(path: Path, script: str = RECORD) -> dict[str, object]:
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("file_mode", "folder_mode"), [(0o444, 0o555), (0o444, 0o777), (0o644, 0o555)])
def test_a_file_that_may_not_be_written_is_still_read(recorded: Path, file_mode: int, folder_mode: int):
    recorded.chmod(file_mode)
    recorded.parent.chmod(folder_mode)
    found = record_as_nobody(recorded)
    assert found["before"] == ["x_first"]
    assert found["events"] == ["x_first", "x_second", "x_third", "x_fourth"]
    assert found["rising"]
    assert found["left"] == [[3, 0, 3, 0]]  # what others left is not taken over where they cannot see it
    assert found["runs"] == 2
    (warning,) = found["warned"]
    assert "in memory only" in warning
    assert "writable" in warning
    assert found["degraded"]


def test_a_file_that_may_not_even_be_read_is_left_out(recorded: Path):
    recorded.chmod(0o000)
    found = record_as_nobody(recorded, RECORD.replace("[event.type for event in store.read(EventQuery())]", "[]", 1))
    assert found["events"] == ["x_second", "x_third", "x_fourth"]
    assert len(found["warned"]) == 1


def test_a_disk_that_is_full_costs_nothing(folder: Path):
    path = folder / "victor.db"
    store = SQLiteStore(path)
    store.append("x_test", "s", {"n": 0}, channel=1)
    store.flush()
    (box,) = store.claim("web", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))  # as a full disk: a write fails half-way
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for n in range(1, 60):
                store.append("x_test", "s", {"n": n, "text": "x" * 20_000}, channel=1)
                assert store.flush(30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    events = store.read(EventQuery())
    assert [json.loads(event.data)["n"] for event in events] == list(range(60))
    assert any(event.position > 1 << 40 for event in events)
    store.save_outbox(box.__class__("web", box.kernel_run_id, 1, position=events[-10].position))
    (saved,) = store.outboxes()
    assert (saved.accepted, saved.delivered, saved.pending) == (60, 51, 9)
    assert len(warned) == 1
    assert store.degraded
    store.close()


@pytest.mark.parametrize("damage", ["head", "middle", "all"])
def test_a_damaged_file_is_left_as_it_is(recorded: Path, damage: str):
    size = recorded.stat().st_size
    start, end = {"head": (0, 100), "middle": (4096, size), "all": (0, size)}[damage]
    with recorded.open("r+b") as file:
        file.seek(start)
        file.write(b"\x5a" * (end - start))
    broken = recorded.read_bytes()
    store = SQLiteStore(recorded)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for name in ("x_second", "x_third"):
            store.append(name, "s", {}, channel=1)
            assert store.flush(30)
        store.append("x_fourth", "s", {}, channel=1)
    (box,) = store.claim("web", 1)
    events = store.read(EventQuery())
    store.save_outbox(box.__class__("web", box.kernel_run_id, 1, position=events[0].position))
    (saved,) = store.outboxes()
    assert [event.type for event in events] == ["x_second", "x_third", "x_fourth"]
    assert (saved.accepted, saved.delivered, saved.pending) == (3, 1, 2)
    assert len(warned) == 1
    assert "damaged" in str(warned[0].message)
    store.close()
    assert recorded.read_bytes() == broken


def test_a_damaged_file_says_what_to_do_when_it_is_read(recorded: Path):
    recorded.write_bytes(b"garbage" * 1_000)
    store = SQLiteStore(recorded)
    with pytest.raises(StoreError, match=r"not a database.*\.recover"):
        store.read(EventQuery())
    store.close()


@pytest.mark.parametrize("how", ["deleted", "with its folder", "replaced"])
def test_a_file_that_goes_away_is_made_again(tmp_path: Path, how: str):
    path = tmp_path / "folder" / "victor.db"
    other = SQLiteStore(tmp_path / "other.db")
    other.append("x_other", "s", {})
    other.close()
    store = SQLiteStore(path)
    for _ in range(5):
        store.append("x_lost", "s", {}, channel=1)
    store.flush()
    (box,) = store.claim("web", 1)
    position = store.read(EventQuery())[3].position
    store.save_outbox(box.__class__("web", box.kernel_run_id, 1, position=position, delivered=4))
    store.flush()
    store.outboxes()
    if how == "deleted":
        for part in path.parent.iterdir():
            part.unlink()
    elif how == "replaced":
        (tmp_path / "other.db").replace(path)
    else:
        shutil.rmtree(path.parent)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for _ in range(3):
            store.append("x_kept", "s", {}, channel=1)
            assert store.flush(30)
    run = next(run for run in store.runs() if run.id == store.kernel_run_id)
    kept = store.read(EventQuery(channel=1))
    assert [event.seq for event in kept] == [6, 7, 8]
    assert kept[0].position > position
    assert (store.accepted, run.stored, run.pruned_seq, store.degraded) == (8, 3, 0, None)
    assert ["deleted or replaced" in str(warning.message) for warning in warned] == [True]
    store.save_outbox(box.__class__("web", box.kernel_run_id, 1, position=kept[1].position, delivered=6))
    (saved,) = [box for box in store.outboxes() if box.kernel_run_id == store.kernel_run_id]
    assert (saved.accepted, saved.delivered, saved.pending, saved.dead) == (8, 7, 1, 0)
    store.close()
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_closing_and_recording_at_once_ends_no_run_that_goes_on(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    stop = threading.Event()

    def close() -> None:
        while not stop.is_set():
            store.close()

    closing = threading.Thread(target=close)
    closing.start()
    for n in range(300):
        store.append("x_test", "s", {"n": n})
    stop.set()
    closing.join()
    store.append("x_last", "s", {})
    assert store.flush(30)
    (run,) = store.runs()
    assert (run.alive, run.ended_at_us, run.stored) == (True, None, 301)
    store.close()
    (run,) = store.runs()
    assert run.ended_at_us


def test_a_store_that_reopens_waits_for_its_own_end(tmp_path: Path):
    path = tmp_path / "victor.db"
    store = SQLiteStore(path)
    store.append("x_test", "s", {})
    store.flush()
    other = sqlite3.connect(path, isolation_level=None)
    for _ in range(5):
        other.execute("BEGIN IMMEDIATE")
        store.append("x_before", "s", {})
        store.close(timeout_s=0.02)  # it does not get through
        store.append("x_after", "s", {})
        other.execute("COMMIT")
        assert store.flush(30)
        (run,) = store.runs()
        assert run.ended_at_us is None
    assert [event.seq for event in store.read(EventQuery())] == list(range(1, 12))
    other.close()
    store.close()


def test_closing_takes_as_long_as_there_is_something_to_write(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    for n in range(100_000):
        store.append("x_test", "s", {"n": n})
    store.close(timeout_s=1.0)
    assert store.runs()[0].stored == 100_000
    store.close()


LATE = """
import atexit, sys
from pathlib import Path
from victor_nb.store import open_store

store = None
atexit.register(lambda: store.append("x_late", "s", {}))
store = open_store(Path(sys.argv[1]))
store.append("x_early", "s", {})
"""


def test_an_event_after_the_end_is_recorded_too(tmp_path: Path):
    subprocess.run([sys.executable, "-W", "error", "-c", LATE, str(tmp_path / "victor.db")], check=True, timeout=60)
    store = SQLiteStore(tmp_path / "victor.db")
    assert [event.type for event in store.read(EventQuery())] == ["x_early", "x_late"]
    (run,) = store.runs()
    assert run.ended_at_us
    store.close()


def test_a_burst_before_the_end_is_recorded_whole(tmp_path: Path):
    script = "for n in range(30_000): store.append('x_test', 's', {'n': n, 'text': 'x' * 500})"
    command = [sys.executable, "-c", f"{LATE}\n{script}", str(tmp_path / "victor.db")]
    subprocess.run(command, check=True, timeout=120)
    store = SQLiteStore(tmp_path / "victor.db")
    assert store.runs()[0].stored == 30_002
    store.close()


def test_a_clock_that_goes_back_changes_no_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    store = SQLiteStore(tmp_path / "victor.db")
    for moment in (5_000_000, 5_000_000, 1_000_000, 9_000_000):
        monkeypatch.setattr("victor_nb.clock.time.time_ns", lambda moment=moment: moment * 1_000)
        store.append("x_test", "s", {})
    monkeypatch.undo()
    store.flush()
    events = store.read(EventQuery())
    assert [event.timestamp_us for event in events] == [5_000_000, 5_000_000, 1_000_000, 9_000_000]
    assert [event.seq for event in events] == [1, 2, 3, 4]
    assert [event.position for event in events] == sorted({event.position for event in events})
    assert len({event.id for event in events}) == 4
    store.close()


def test_ten_megabytes_and_odd_characters_come_back(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    odd = "\x00\ud800é\udfff🦉"
    store.append("x_test", odd, {odd: odd, "turn_id": odd}, {"prompt": "x" * 10_000_000 + odd})
    assert store.flush(60)
    (event,) = store.read(EventQuery())
    mended = "\ufffd\ufffdé\ufffd🦉"
    assert (event.session_id, event.turn_id) == (mended, mended)
    assert json.loads(event.data)[mended] == mended
    assert json.loads(event.content or "") == {"prompt": "x" * 10_000_000 + mended}
    assert store.degraded is None
    store.close()


def test_columns_are_read_from_file_and_memory_together(tmp_path: Path):
    path = tmp_path / "victor.db"
    store = SQLiteStore(path)
    store.append("turn_completed", "s", {"turn_id": "a", "status": "ok", "input_tokens": 1})
    store.flush()
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("CREATE TRIGGER no BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no more'); END")
    lock.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        store.append("turn_completed", "s", {"turn_id": "b", "status": "error", "input_tokens": 2})
        store.flush()
    query = EventQuery(types=["turn_completed"], kernel_run_ids=[store.kernel_run_id])
    assert store.rows(query, ["turn_id", "status", "input_tokens"]) == [("a", "ok", 1), ("b", "error", 2)]
    assert [event.seq for event in store.read(query)] == [1, 2]
    assert store.degraded == "no more: restart the kernel to record in the file again"
    store.close()


def test_a_change_that_no_database_takes_costs_no_events(tmp_path: Path):
    def refuse(database: object) -> None:
        raise DatabaseUnusableError("no")

    store = SQLiteStore(tmp_path / "victor.db")
    store.append("x_first", "s", {})
    store.flush()
    store._note(refuse)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        store.append("x_with_it", "s", {})
        store.flush(30)
        store.append("x_after", "s", {})
        assert store.flush(30)
    assert [event.type for event in store.read(EventQuery())] == ["x_first", "x_after"]
    store.close()


def test_a_notebook_whose_name_is_no_text_is_recorded(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db", notebook="caf\udce9.ipynb")
    store.append("x_test", "s\ud800", {})
    assert store.flush(30)
    assert store.degraded is None
    assert len(store.read(EventQuery(notebook="caf\udce9.ipynb", session_id="s\ud800"))) == 1
    store.close()


def test_events_that_were_not_written_in_time_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    path = tmp_path / "victor.db"
    store = SQLiteStore(path)
    store.append("x_before", "s", {})
    store.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    store.append("x_late", "s", {})
    store.close(0.2)
    other.execute("ROLLBACK")
    other.close()
    assert "1 analytics events could not be written in time" in caplog.text

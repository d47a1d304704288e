"""The SQLite store: what it accepted is on disk, in order, and several kernels share one file."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from victor_nb.errors import EventError, StoreVersionError
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore, queries


@pytest.fixture
def store(tmp_path: Path):
    opened = SQLiteStore(tmp_path / "victor.db")
    yield opened
    opened.close()


def test_an_awaited_event_is_on_disk(store: SQLiteStore, tmp_path: Path):
    async def record():
        await store.append("x_test", "s", {"turn_id": "t", "n": 1}, {"prompt": "hi"})

    asyncio.run(record())
    row = sqlite3.connect(tmp_path / "victor.db").execute("SELECT type, turn_id, data, content FROM events").fetchone()
    assert row == ("x_test", "t", '{"turn_id":"t","n":1}', '{"prompt":"hi"}')


def test_the_file_is_in_wal_mode_with_full_sync_and_a_schema_version(store: SQLiteStore, tmp_path: Path):
    store.append("x_test", "s", {})
    store.flush()
    connection = sqlite3.connect(tmp_path / "victor.db")
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA user_version").fetchone() == (3,)
    from victor_nb.store import schema

    assert schema.connect(tmp_path / "victor.db").execute("PRAGMA synchronous").fetchone() == (2,)


def test_events_come_back_by_session_type_and_position(store: SQLiteStore):
    for session in ("a", "b", "a"):
        store.append("x_one", session, {})
        store.append("x_two", session, {})
    store.flush()
    found = store.read(EventQuery(session_id="a", types=["x_two"]))
    assert [(event.session_id, event.type) for event in found] == [("a", "x_two")] * 2
    assert store.read(EventQuery(after_position=found[0].position, limit=1))[0].seq == found[0].seq + 1


def test_two_kernels_share_one_file(tmp_path: Path):
    script = (
        "import sys; from pathlib import Path; from victor_nb.store import SQLiteStore\n"
        "s = SQLiteStore(Path(sys.argv[1]))\n"
        "for n in range(500): s.append('x_test', 's', {'n': n})\n"
        "s.close()"
    )
    path = tmp_path / "victor.db"
    kernels = [subprocess.Popen([sys.executable, "-c", script, str(path)]) for _ in range(3)]
    assert [kernel.wait(60) for kernel in kernels] == [0, 0, 0]
    store = SQLiteStore(path)
    events = store.read(EventQuery())
    runs = store.runs()
    store.close()
    assert len(events) == 1500
    assert len(runs) == 3
    assert all(run.ended_at_us for run in runs)
    assert all([e.seq for e in events if e.kernel_run_id == run.id] == list(range(1, 501)) for run in runs)


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path):
    path = tmp_path / "victor.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    store = SQLiteStore(path)
    with pytest.raises(StoreVersionError, match=r"schema 99.*upgrade victor_nb"):
        store.read(EventQuery())
    store.close()


def test_a_folder_that_cannot_be_written_warns_once_and_keeps_events_in_memory(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    store = SQLiteStore(tmp_path / "file" / "victor.db")

    def record_three():
        for name in ("x_first", "x_second", "x_third"):
            store.append(name, "s", {})
            store.flush()

    with pytest.warns(RuntimeWarning, match="in memory only") as warned:
        record_three()
    assert len(warned) == 1
    assert [event.type for event in store.read(EventQuery())] == ["x_first", "x_second", "x_third"]
    store.close()


def test_reading_before_anything_was_recorded_makes_no_file(store: SQLiteStore, tmp_path: Path):
    assert store.read(EventQuery()) == []
    assert store.runs() == []
    assert not list(tmp_path.glob("victor.db*"))


def test_what_is_not_json_is_refused_and_what_can_be_is_mended(store: SQLiteStore):
    with pytest.raises(EventError, match="object is not JSON"):
        store.append("x_test", "s", {"bad": object()})
    store.append("x_test", "s\ud800", {"nan": float("nan"), "text": "a\x00b\udc00", "emoji": "🦉", "path": Path("x")})
    store.flush()
    (event,) = store.read(EventQuery())
    assert json.loads(event.data) == {"nan": None, "text": "a\ufffdb\ufffd", "emoji": "🦉", "path": "x"}
    assert event.session_id == "s\ufffd"


def test_a_closed_store_opens_again_as_the_same_run(store: SQLiteStore):
    store.append("x_test", "s", {})
    store.close()
    store.append("x_test", "s", {})
    store.flush()
    assert [event.seq for event in store.read(EventQuery())] == [1, 2]
    assert [run.alive for run in store.runs()] == [True]


def test_queries_select_by_channel_time_and_position(store: SQLiteStore):
    channels = [store.open_channel(), store.open_channel()]
    for channel in (*channels, channels[0]):
        store.append("x_test", "s", {"channel": channel}, channel=channel)
    store.flush()
    first, second, third = store.read(EventQuery())
    assert channels == [1, 2]
    assert [event.seq for event in store.read(EventQuery(channel=1, newest_first=True))] == [3, 1]
    assert store.read(EventQuery(positions=[second.position, 99])) == [second]
    assert store.read(EventQuery(until_us=first.timestamp_us)) == []
    assert store.read(EventQuery(since_us=third.timestamp_us))[-1] == third
    assert (store.accepted, third.channel) == (3, 1)


def test_an_answer_ends_at_so_many_bytes_and_is_never_empty(store: SQLiteStore):
    for n in range(10):
        store.append("x_test", "s", {"n": n, "text": "x" * 1_000})
    store.flush()
    assert len(store.read(EventQuery(max_bytes=1))) == 1
    assert len(store.read(EventQuery(max_bytes=2_500))) == 3
    assert len(store.read(EventQuery(max_bytes=100_000))) == 10


def test_columns_of_completed_turns_come_from_an_index(store: SQLiteStore, tmp_path: Path):
    store.append("turn_completed", "s", {"turn_id": "t", "status": "ok", "input_tokens": 7, "cost_usd": None})
    store.append("x_test", "s", {"status": "not a turn"})
    store.flush()
    query = EventQuery(kernel_run_ids=[store.kernel_run_id], types=["turn_completed"])
    columns = ("turn_id", "session_id", "status", "input_tokens", "cost_usd")
    assert store.rows(query, columns) == [("t", "s", "ok", 7, None)]
    sql, values = queries.selection(query, columns, indexes=True)
    steps = sqlite3.connect(tmp_path / "victor.db").execute(f"EXPLAIN {sql}", values).fetchall()
    assert not any("json" in str(step) for step in steps)


def test_what_cannot_be_stored_does_not_stop_the_store(store: SQLiteStore):
    store.append("x_odd", "s", {"turn_id": ["a", "b"]})
    store.append("x_odd", "s", {"turn_id": "\ud800"})
    store.append("x_fine", "s", {"turn_id": "t"})
    assert store.flush(10)
    assert [event.turn_id for event in store.read(EventQuery())] == [None, "\ufffd", "t"]
    assert store.degraded is None


def test_memory_is_read_while_it_is_written():
    store = SQLiteStore()
    writing = threading.Thread(target=lambda: [store.append("x_test", "s", {"n": n}) for n in range(5_000)])
    writing.start()
    while writing.is_alive():
        store.read(EventQuery(limit=5))
        store.runs()
    assert store.flush(10)
    assert len(store.read(EventQuery())) == 5_000
    assert store.degraded is None
    store.close()


def test_positions_go_on_rising_when_the_file_fails_half_way(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    store.append("x_file", "s", {})
    assert store.flush(10)
    (before,) = store.read(EventQuery())
    lock = sqlite3.connect(tmp_path / "victor.db")
    lock.execute("DROP TABLE events")
    lock.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(2):
            store.append("x_memory", "s", {})
            store.flush(10)
    after = store.read(EventQuery(after_position=before.position))
    assert [event.seq for event in after] == [2, 3]
    store.close()


def test_a_memory_store_that_was_closed_begins_anew():
    store = SQLiteStore()
    for _ in range(2):
        store.append("x_test", "s", {})
        store.flush()
        assert len(store.read(EventQuery())) == 1
        store.close()
    assert store.read(EventQuery()) == []


def test_a_path_may_be_text(tmp_path: Path):
    store = SQLiteStore(str(tmp_path / "victor.db"))
    store.append("x_event", "s", {})
    assert store.flush(10)
    assert store.path == tmp_path / "victor.db"
    store.close()
    assert store.degraded is None

"""What holds for every store, whatever it writes to."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from victor_nb.errors import EventError, StoreVersionError
from victor_nb.protocols import EventQuery, IEventStore, IStoreUpkeep
from victor_nb.store import SQLiteStore
from victor_nb.store.migrations import TURN_COLUMNS
from victor_nb.store.postgres import PostgresStore

if TYPE_CHECKING:
    from conftest import Place

Store: TypeAlias = SQLiteStore | PostgresStore


def test_an_awaited_event_is_there_for_others(store: Store, place: Place):
    async def record():
        await store.append("x_test", "s", {"turn_id": "t", "n": 1}, {"prompt": "hi"})

    asyncio.run(record())
    other = place.open()
    (event,) = other.read(EventQuery())
    other.close()
    assert (event.seq, event.session_id, event.type, event.turn_id) == (1, "s", "x_test", "t")
    assert (event.data, event.content) == ('{"turn_id":"t","n":1}', '{"prompt":"hi"}')
    assert event.kernel_run_id == store.kernel_run_id


def test_seq_has_no_gaps_whichever_threads_record(store: Store):
    def record():
        for n in range(200):
            store.append("x_test", "s", {"n": n})

    threads = [threading.Thread(target=record) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.flush()
    events = store.read(EventQuery())
    assert [event.seq for event in events] == list(range(1, 1601))
    assert [event.position for event in events] == sorted({event.position for event in events})


def test_events_come_back_by_what_they_are(store: Store):
    for session in ("a", "b", "a"):
        store.append("x_one", session, {}, channel=1)
        store.append("x_two", session, {}, channel=2)
    store.flush()
    run, everything = store.kernel_run_id, store.read(EventQuery())
    found = store.read(EventQuery(session_id="a", types=["x_two", "x_three"]))
    assert [(event.session_id, event.type) for event in found] == [("a", "x_two")] * 2
    behind = EventQuery(kernel_run_ids=[run], after_position=found[0].position, channel=1)
    assert [event.seq for event in store.read(behind)] == [3, 5]
    assert [event.seq for event in store.read(EventQuery(newest_first=True, limit=2))] == [6, 5]
    places = [everything[0].position, everything[3].position]
    assert store.positions(EventQuery(positions=places, kernel_run_ids=[run, "other"])) == places
    assert store.read(EventQuery(kernel_run_ids=["other"])) == store.read(EventQuery(types=[])) == []


def test_events_come_back_by_their_time(store: Store):
    for n in range(3):
        store.append("x_test", "s", {"n": n})
        store.flush()
    times = [event.timestamp_us for event in store.read(EventQuery())]
    assert [e.seq for e in store.read(EventQuery(since_us=times[1], until_us=times[2]))] == [2]


@pytest.mark.parametrize("newest_first", [False, True])
def test_an_answer_ends_behind_so_many_bytes(store: Store, newest_first: bool):
    for _ in range(5):
        store.append("x_test", "s", {"text": "x" * 989}, {"prompt": "y" * 987})
    store.flush()
    for max_bytes, count in ((1, 1), (2_000, 1), (2_001, 2), (4_000, 2), (100_000, 5)):
        assert len(store.read(EventQuery(max_bytes=max_bytes, newest_first=newest_first))) == count
    assert len(store.read(EventQuery(max_bytes=100_000, limit=3))) == 3


def test_columns_are_read_without_the_rest(store: Store):
    turn = {"turn_id": "t", "status": "ok", "model": "m", "input_tokens": 7, "cost_usd": 0.5, "provider": None}
    store.append("turn_completed", "s", turn)
    store.flush()
    columns = ["seq", "status", "model", "provider", "input_tokens", "cost_usd", "duration_s"]
    assert store.rows(EventQuery(types=["turn_completed"]), columns) == [(1, "ok", "m", None, 7, 0.5, None)]
    assert len(store.rows(EventQuery(), ["data", *TURN_COLUMNS])[0]) == len(TURN_COLUMNS) + 1


def test_several_kernels_share_it(place: Place):
    script = "for n in range(500): store.append('x_test', 's', {'n': n})\nstore.close()"
    kernels = [place.start(script) for _ in range(3)]
    assert [kernel.communicate(timeout=60)[0] for kernel in kernels] == [""] * 3
    store = place.open()
    events, runs = store.read(EventQuery()), store.runs()
    store.close()
    assert [(run.stored, run.last_seq, run.alive, bool(run.ended_at_us)) for run in runs] == [
        (500, 500, False, True)
    ] * 3
    assert all([e.seq for e in events if e.kernel_run_id == run.id] == list(range(1, 501)) for run in runs)


def test_a_killed_run_is_neither_alive_nor_ended(place: Place):
    place.run("store.append('x_test', 's', {})\nstore.flush()\nos.kill(os.getpid(), 9)")
    store = place.open()
    store.append("x_test", "s", {})
    store.flush()
    killed, own = store.runs()
    store.close()
    assert (killed.alive, killed.ended_at_us, own.alive) == (False, None, True)


def test_reading_before_anything_was_recorded_finds_nothing(store: Store):
    assert store.read(EventQuery()) == store.runs() == store.outboxes() == store.dead_letters() == []
    assert store.size_bytes() == store.prune(1 << 60) == 0


def test_a_newer_schema_is_refused_with_what_to_do(store: Store, place: Place):
    store.append("x_test", "s", {})
    store.flush()
    store.close()
    if isinstance(store, PostgresStore):
        import psycopg

        with psycopg.connect(place.location) as connection:
            connection.execute("UPDATE victor.schema_version SET version = 99")
    else:
        newer = sqlite3.connect(place.location)
        newer.execute("PRAGMA user_version=99")
        newer.close()
    with pytest.raises(StoreVersionError, match=r"schema 99.*upgrade victor_nb"):
        store.read(EventQuery())


def test_what_is_not_json_is_refused_and_what_can_be_is_mended(store: Store):
    with pytest.raises(EventError, match="object is not JSON"):
        store.append("x_test", "s", {"bad": object()})
    odd = {
        "turn_id": "\ud800",
        "nan": float("nan"),
        "text": "a\x00b\udc00",
        "emoji": "🦉",
        "path": Path("x"),
        "n": 10**40,
    }
    store.append("x_test", "s\ud800" + "long" * 5_000, odd)
    store.flush()
    (event,) = store.read(EventQuery())
    told = {"nan": None, "text": "a\ufffdb\ufffd", "emoji": "🦉", "path": "x", "turn_id": "\ufffd", "n": 10**40}
    assert json.loads(event.data) == told
    assert (event.session_id[:2], event.turn_id, store.degraded) == ("s\ufffd", "\ufffd", None)
    assert store.read(EventQuery(session_id=event.session_id)) == [event]


def test_ten_megabytes_are_one_event(store: Store):
    store.append("x_test", "s", {"text": "🦉" * 850_000})
    store.append("x_test", "s", {})
    store.flush()
    assert [len(event.data) for event in store.read(EventQuery())] == [850_000 * 12 + 11, 2]


def test_secrets_are_taken_out_before_anything_is_stored(store: Store):
    key = "sk-proj-" + "aB3" * 16
    store.append("x_test", "s", {"text": f"my key is {key}"}, {"prompt": key})
    store.flush()
    (event,) = store.read(EventQuery())
    assert key not in event.data + str(event.content)


def test_a_closed_store_opens_again_as_the_same_run(store: Store):
    for _ in range(2):
        store.append("x_test", "s", {})
        store.close()
    store.append("x_test", "s", {})
    store.flush()
    assert [event.seq for event in store.read(EventQuery())] == [1, 2, 3]
    assert [(run.alive, run.ended_at_us) for run in store.runs()] == [(True, None)]


def test_what_is_pruned_is_gone_and_counted(store: Store):
    for n in range(4):
        store.append("x_test", "s", {"n": n}, channel=1)
        store.flush()
    third = store.read(EventQuery())[2]
    store.claim("web", 1)
    assert store.prune(third.timestamp_us) == 0
    assert store.prune(third.timestamp_us, undelivered=True) == 2
    assert [event.seq for event in store.read(EventQuery())] == [3, 4]
    ((run,), (box,)) = store.runs(), store.outboxes()
    assert (run.pruned_seq, run.last_seq, run.stored) == (2, 4, 2)
    assert (box.accepted, box.delivered, box.pending, box.dead) == (4, 0, 2, 2)


def test_it_is_what_the_protocols_ask_for(store: Store):
    checked: IEventStore = store
    assert isinstance(checked, IStoreUpkeep)
    store.append("x_test", "s", {})
    store.flush()
    store.vacuum()
    assert store.size_bytes() > 0


def test_a_session_is_found_by_a_name_that_had_to_be_mended(store: IEventStore):
    store.append("x_odd", "s\udc80", {})
    store.flush()
    assert [event.type for event in store.read(EventQuery(session_id="s\udc80"))] == ["x_odd"]

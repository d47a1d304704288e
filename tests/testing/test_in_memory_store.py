"""`InMemoryStore`: all that a store on disk does, without a file and without a thread. What holds for every store is in
`tests/store/test_any_store.py`, which runs on it too."""

from __future__ import annotations

import gc
import os
import sqlite3
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from support.destinations import Kept

import victor_nb as vn
from victor_nb import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import StoreError
from victor_nb.frames import Analytics
from victor_nb.protocols import EventQuery, IEventStore
from victor_nb.session import Session
from victor_nb.store import SQLiteStore, open_store
from victor_nb.testing import InMemoryStore, ScriptedModel, call

DIFFER = ("_at", "_s", "_id", "_event")
"""Ends of the names of columns with times and ids."""


def double(n: int) -> int:
    return 2 * n


async def talked(store: IEventStore, *exporters: Kept) -> AgentOrchestrator:
    model = ScriptedModel(call("double", n=4), "Eight.", "You are welcome.")
    orchestrator = AgentOrchestrator(model=model, store=store, tools=[double], session_id="talk")
    for exporter in exporters:
        orchestrator.analytics_coordinator.add_exporter(exporter)
    for question in ("Twice 4?", "Thanks!"):
        await orchestrator.chat(question)
    return orchestrator


async def test_frames_are_those_of_a_store_on_disk(tmp_path: Path):
    memory, disk = InMemoryStore(), SQLiteStore(tmp_path / "victor.db")
    for store in (memory, disk):
        await talked(store)
    for name in ("turns", "requests", "tool_calls", "sessions", "compactions", "feedback", "exports"):
        frames = [getattr(Analytics(lambda store=store: store), name)() for store in (memory, disk)]
        same = [name for name in frames[0] if not name.endswith(DIFFER)]
        pd.testing.assert_frame_equal(frames[0][same], frames[1][same])
        assert frames[0].dtypes.equals(frames[1].dtypes)
    disk.close()


async def test_sessions_feedback_and_exporters_work_and_nothing_is_on_disk(own_home: Path):
    store, destination = InMemoryStore(), Kept()
    orchestrator = await talked(store, destination)
    assert orchestrator.last_response
    vn.rate(orchestrator.last_response, 1, "kind")
    orchestrator.sessions.fork("talk", "other", at_turn=1)
    assert list(orchestrator.sessions.list().session_id) == ["other", "talk"]
    result = await orchestrator.analytics_coordinator.export_analytics()
    assert result.success
    sent = {event.type for batch in destination.batches for event in batch}
    assert sent >= {"turn_completed", "tool_call_completed", "feedback_given"}
    assert store.prune(time.time_ns() // 1_000) > 10
    assert list(Analytics(lambda: store).turns().index) == []
    orchestrator.close()
    assert not own_home.exists()


async def test_a_conversation_goes_on_in_another_orchestrator_of_the_store():
    store = InMemoryStore()
    (await talked(store)).close()
    model = ScriptedModel("Yes.")
    await AgentOrchestrator(model=model, store=store, session_id="talk").chat("Still there?")
    assert [m.content for m in model.requests[0].messages if m.role == "user"] == [
        "Twice 4?",
        "Thanks!",
        "Still there?",
    ]


def test_what_was_recorded_is_there_at_once_and_after_the_end():
    store = InMemoryStore()
    store.append("x_test", "s", {"n": 1})
    assert len(store.read(EventQuery())) == 1
    assert store.size_bytes() > 0
    store.close()
    assert len(store.read(EventQuery())) == 1
    assert [run.alive for run in store.runs()] == [False]
    assert store.prune(1 << 60) == 1
    assert (store.read(EventQuery()), [run.alive for run in store.runs()]) == ([], [False])


def test_two_stores_share_nothing():
    one, other = InMemoryStore(), InMemoryStore()
    one.append("x_test", "s", {})
    assert other.read(EventQuery()) == other.runs() == []


def test_threads_record_and_read_at_once():
    store, found = InMemoryStore(), list[int]()

    def record() -> None:
        for n in range(300):
            store.append("x_test", "s", {"n": n})
            found.append(len(store.read(EventQuery(limit=5))))

    threads = [threading.Thread(target=record) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event.seq for event in store.read(EventQuery())] == list(range(1, 1201))
    assert (len(found), store.degraded) == (1200, None)


def test_a_store_that_is_forgotten_leaves_no_thread_and_no_open_connection():
    before = threading.active_count()
    for _ in range(3):
        store = InMemoryStore()
        store.append("x_test", "s", {})
        store.read(EventQuery())
        assert threading.active_count() == before
        connection = store._connection
        assert connection
        del store
        gc.collect()
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("SELECT 1")


def test_a_forked_process_has_a_copy():
    store = InMemoryStore()
    store.append("x_parent", "s", {})
    if not (child := os.fork()):
        store.append("x_child", "s", {})
        os._exit(len(store.read(EventQuery())))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert [event.type for event in store.read(EventQuery())] == ["x_parent"]


def test_a_copy_of_it_is_a_store_on_disk(tmp_path: Path):
    store = InMemoryStore()
    with pytest.raises(StoreError, match="nothing has been recorded"):
        store.backup(tmp_path / "copy.db")
    store.append("x_test", "s", {})
    store.backup(tmp_path / "copy.db")
    with pytest.raises(StoreError, match="is there already"):
        store.backup(tmp_path / "copy.db")
    copy = SQLiteStore(tmp_path / "copy.db")
    assert [event.type for event in copy.read(EventQuery())] == ["x_test"]
    copy.close()


async def test_the_settings_can_ask_for_memory(monkeypatch: pytest.MonkeyPatch, own_home: Path):
    monkeypatch.setenv("VICTOR_STORE", "memory")
    orchestrator = AgentOrchestrator(model=ScriptedModel("Hi."))
    store = orchestrator.analytics_coordinator.store
    await orchestrator.chat("Hello")
    assert isinstance(store, InMemoryStore)
    assert store is open_store("memory") is Session().store
    assert Settings().explain()["store"] == ("memory", "env VICTOR_STORE")
    assert Settings(store="./memory").store_location == Path("memory")
    assert not own_home.exists()

"""Journals that grow with every Run All are shortened beside the turns, and nobody notices."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.conversations import fresh, talker
from support.talks import turn

from victor_nb import AgentOrchestrator
from victor_nb.context.conversation import Conversation
from victor_nb.store import SQLiteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "victor.db")
    yield store
    store.close()


def opened(orchestrator: AgentOrchestrator) -> Conversation:
    return orchestrator.context_coordinator.conversation("thesis")


def run_all(conversation: Conversation, runs: range, cells: int = 4) -> None:
    for run in runs:
        for cell in range(cells):
            turn(conversation, f"cell {cell}", key=str(cell), execution=str(run))


def upkeep_done() -> None:
    for thread in threading.enumerate():
        if thread.name == "victor-nb-upkeep":
            thread.join()


async def test_run_all_after_run_all_does_not_grow_a_session(store: SQLiteStore, tmp_path: Path):
    orchestrator = talker(store)
    conversation = opened(orchestrator)
    await orchestrator.context_coordinator.force_compact("thesis")
    orchestrator.context_coordinator.undo("thesis")
    for runs in range(0, 150, 10):
        run_all(conversation, range(runs, runs + 10))
        upkeep_done()
        orchestrator.context_coordinator.pin(conversation.log[-1], session_id="thesis")
    assert len(store.read_entries("thesis")) < 300
    assert store.saved_sessions()[0].entries > 600
    await orchestrator.chat("and now?")
    orchestrator.close(), store.close()
    later = opened(talker(fresh(tmp_path / "victor.db")))
    assert (later.view, later.log, later.records) == (conversation.view, conversation.log, conversation.records)
    assert [message.pinned for message in later.log].count(True) == 1


async def test_other_orchestrators_of_the_session_do_not_take_it_for_a_change(store: SQLiteStore):
    first, second = talker(store, "a1", "a2"), talker(store, "b1", "b2")
    run_all(opened(first), range(49))
    await second.chat("one")
    await first.context_coordinator.open("thesis")
    run_all(opened(first), range(49, 60))
    upkeep_done()
    assert len(store.read_entries("thesis")) < 60
    assert (await second.chat("two")).content == "b2"
    assert opened(first).turn_ids != opened(second).turn_ids
    assert (await first.chat("three")).content == "a1"
    assert len(opened(first).turn_ids) == 7


async def test_a_long_journal_is_shortened_when_it_is_opened(store: SQLiteStore, tmp_path: Path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("victor_nb.agent.sessions.upkeep.LONGEST", 10_000)
        run_all(opened(talker(store)), range(100))
        store.close()
    later = fresh(tmp_path / "victor.db")
    orchestrator = talker(later)
    before = opened(orchestrator).view
    upkeep_done()
    assert len(later.read_entries("thesis")) == 5
    assert orchestrator.sessions.list().loc[0, "turns"] == 4
    orchestrator.sessions.fork("thesis", "copy", at_turn=2)
    assert len(orchestrator.context_coordinator.conversation("copy").turn_ids) == 2
    orchestrator.sessions.close("thesis")
    assert opened(orchestrator).view == before
    later.close()


async def test_who_has_closed_the_session_does_not_shorten_it(store: SQLiteStore):
    orchestrator = talker(store)
    run_all(opened(orchestrator), range(50))
    orchestrator.close()
    run_all(opened(orchestrator), range(50, 51), cells=1)
    orchestrator.close()
    store.close()
    upkeep_done()
    assert store._writer is None


async def test_what_is_to_be_forgotten_leaves_the_store(store: SQLiteStore, tmp_path: Path):
    orchestrator = talker(store, "noted", "hello again")
    await orchestrator.chat("my secret plan")
    orchestrator.context_coordinator.reset("thesis")
    upkeep_done()
    assert "secret plan" not in "".join(entry.data for entry in store.read_entries("thesis"))
    await orchestrator.chat("who am I?")
    orchestrator.close(), store.close()
    assert [m.content for m in opened(talker(fresh(tmp_path / "victor.db"))).log] == ["who am I?", "hello again"]


async def test_what_a_killed_kernel_was_to_forget_leaves_the_store_later(
    store: SQLiteStore, tmp_path: Path, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr("victor_nb.agent.sessions.archive.shorten_at_once", lambda journal: None)
        orchestrator = talker(store, "noted")
        await orchestrator.chat("my secret plan")
        orchestrator.context_coordinator.reset("thesis")
        store.close()
    later = fresh(tmp_path / "victor.db")
    assert opened(talker(later)).log == ()
    upkeep_done()
    assert "secret plan" not in "".join(entry.data for entry in later.read_entries("thesis"))
    later.close()

"""Conversations when others write beside them, or the store is not as it was left: nothing that was said is lost."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.conversations import fresh, said, talker
from support.services import PostgresCluster
from support.team_stores import cluster, dsn, until

from victor_nb import AgentOrchestrator, Settings
from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.context import RecentMessagesCompactionStrategy
from victor_nb.errors import SessionInUseError, StoreError
from victor_nb.messages import Message, ModelRequest
from victor_nb.records import KernelRun, SessionEntry
from victor_nb.store import SQLiteStore
from victor_nb.store.postgres import PostgresStore
from victor_nb.testing import ScriptedModel

__all__ = ["cluster", "dsn"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "victor.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(path)
    yield store
    store.close()


def as_kept(path: Path, session: str = "thesis") -> list[str]:
    """What a new kernel finds."""
    store = fresh(path)
    try:
        return said(talker(store, keep_sessions=True, session=session))
    finally:
        store.close()


async def test_orchestrators_of_one_kernel_take_turns_in_one_session(store: SQLiteStore, path: Path):
    first, second = talker(store, "a1", "a2"), talker(store, "b1")
    for orchestrator, question in ((first, "one"), (second, "two"), (first, "three")):
        await orchestrator.chat(question)
    assert said(first) == ["one", "a1", "two", "b1", "three", "a2"]
    second.close()
    assert fresh(path).hold("thesis") is not None
    first.close()
    assert as_kept(path) == said(first)


async def test_a_fork_has_what_others_have_said_meanwhile(store: SQLiteStore, path: Path):
    first, second, other = talker(store, "a1"), talker(store, "b1"), talker(fresh(path))
    await first.chat("one")
    other.sessions.open("thesis", read_only=True)
    await second.chat("two")
    assert (len(said(first)), len(said(other))) == (2, 2)
    first.sessions.fork("thesis", "here")
    other.sessions.fork("thesis", "there")
    assert said(first, "here") == said(other, "there") == ["one", "a1", "two", "b1"]
    other.close()


async def test_a_session_that_is_only_looked_at_cannot_be_changed_in_memory_either(store: SQLiteStore, path: Path):
    talking = talker(store, "a1", "a2")
    for question in ("one", "two"):
        await talking.chat(question)
    await talking.context_coordinator.force_compact("thesis")
    looking = talker(fresh(path)).sessions.open("thesis", read_only=True)
    before = (looking.view, looking.log, looking.records, looking.version)
    record = replace(looking.records[-1], id="another")
    for change in (
        lambda: looking.pin(looking.log[1].id),
        looking.undo,
        looking.reset,
        lambda: looking.append(Message("user", "mine")),
        lambda: looking.fold(record, looking.view[:1]),
    ):
        with pytest.raises(SessionInUseError):
            change()
        assert (looking.view, looking.log, looking.records, looking.version) == before


async def test_a_turn_that_another_one_overtook_comes_behind_it(store: SQLiteStore, path: Path):
    second = talker(store, "b1")

    def slow(request: ModelRequest) -> str:
        asyncio.run_coroutine_threadsafe(second.chat("two"), loop).result() if len(request.messages) > 3 else None
        return "a"

    loop = asyncio.get_running_loop()
    first = talker(store, "a0", slow)
    await first.chat("zero")
    overtaken = asyncio.create_task(asyncio.to_thread(asyncio.run, first.chat("one")))
    with pytest.warns(RuntimeWarning, match="comes behind"):
        assert (await overtaken).content == "a"
    assert said(first) == ["zero", "a0", "one", "a"]
    await first.chat("three")
    assert said(first) == ["zero", "a0", "two", "b1", "one", "a", "three", "yes"]
    first.close(), second.close(), store.close()
    assert as_kept(path) == said(first)


async def test_a_file_that_was_deleted_gets_the_whole_conversation_again(store: SQLiteStore, path: Path):
    orchestrator = talker(store, "a1", "a2")
    await orchestrator.chat("one")
    for part in path.parent.glob("victor.db*"):
        part.unlink()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        await orchestrator.chat("two")
        await orchestrator.chat("three")
    assert ["was deleted" in str(warning.message) for warning in warned] == [True]
    store.close()
    assert as_kept(path) == ["one", "a1", "two", "a2", "three", "yes"]


async def test_what_another_kernel_said_in_between_stays_and_comes_first(store: SQLiteStore, path: Path):
    orchestrator = talker(store, "a1", "a2")
    await orchestrator.chat("one")
    store.release("thesis")
    other = talker(fresh(path), "b1")
    await other.chat("two")
    other.close()
    with pytest.warns(RuntimeWarning, match="changed by another kernel"):
        assert (await orchestrator.chat("three")).content == "a2"
    await orchestrator.chat("four")
    assert said(orchestrator) == ["one", "a1", "two", "b1", "three", "a2", "four", "yes"]
    store.close()
    assert as_kept(path) == said(orchestrator)


async def test_what_cannot_be_added_is_kept_under_a_name_of_its_own(store: SQLiteStore, path: Path):
    orchestrator = talker(store, "a1", "a2")
    await orchestrator.chat("one")
    store.release("thesis")
    other = talker(fresh(path), "b1")
    await other.chat("two")
    ours = f"thesis (kept by {store.kernel_run_id[-8:]})"
    with pytest.warns(RuntimeWarning, match="kept as 'thesis \\(kept by") as warned:
        assert (await orchestrator.chat("three")).content == "a2"
    await orchestrator.chat("four")
    assert len(warned) == 1
    assert said(orchestrator) == ["one", "a1", "three", "a2", "four", "yes"]
    store.close()
    assert as_kept(path, ours) == said(orchestrator)
    assert said(other) == ["one", "a1", "two", "b1"]
    other.close()


async def test_pins_that_nobody_waited_for_are_put_right_with_the_next_turn(store: SQLiteStore, path: Path):
    orchestrator = talker(store, "a1", "a2")
    await orchestrator.chat("one")
    store.release("thesis")
    other = talker(fresh(path), "b1")
    await other.chat("two")
    other.close()
    orchestrator.context_coordinator.pin(0)
    with pytest.warns(RuntimeWarning, match="changed by another kernel"):
        await orchestrator.chat("three")
    store.close()
    later = talker(fresh(path)).context_coordinator.conversation("thesis")
    assert [message.content for message in later.log if message.pinned] == ["one"]
    assert len(later.log) == 6


def folding(store: SQLiteStore, model: ScriptedModel) -> AgentOrchestrator:
    """It keeps the last two messages of a small window."""
    settings = Settings(context_window=400, reserved_output_tokens=0, context_compaction_threshold=0.5)
    context = ContextCoordinator(RecentMessagesCompactionStrategy(2))
    return AgentOrchestrator(settings, model=model, store=store, session_id="thesis", context_coordinator=context)


async def ask_for_much(orchestrator: AgentOrchestrator) -> None:
    for number in range(3):
        await orchestrator.chat(f"question {number} " * 10)


async def test_a_compaction_of_an_overtaken_turn_folds_nothing_of_the_other(store: SQLiteStore, path: Path):
    second, loop = talker(store, "b1"), asyncio.get_running_loop()

    def overtaken(request: ModelRequest) -> str:
        asyncio.run_coroutine_threadsafe(second.chat("of the other"), loop).result()
        return "a"

    first = folding(store, ScriptedModel("a", "a", "a", overtaken))
    await ask_for_much(first)
    with pytest.warns(RuntimeWarning, match="comes behind"):
        await asyncio.to_thread(asyncio.run, first.chat("and this? " * 30))
    assert first.context_coordinator.records("thesis")[-1].messages_removed
    first.close(), second.close(), store.close()
    assert "of the other" in as_kept(path)


async def test_a_compaction_of_a_turn_that_was_refused_folds_nothing_of_the_others(store: SQLiteStore, path: Path):
    first = folding(store, ScriptedModel(*["a"] * 4))
    await ask_for_much(first)
    store.release("thesis")
    other = talker(fresh(path), "b1")
    await other.chat("of the other")
    other.close()
    with pytest.warns(RuntimeWarning, match="changed by another kernel"):
        await first.chat("and this? " * 30)
    assert first.context_coordinator.records("thesis")[-1].messages_removed
    first.close(), store.close()
    assert "of the other" in as_kept(path)


async def test_a_conversation_begun_while_postgres_is_away_is_kept_when_it_is_back(
    cluster: PostgresCluster, dsn: str, tmp_path: Path
):
    cluster.stop()
    team = PostgresStore(dsn, folder=tmp_path / "waiting")
    orchestrator = talker(team, "a1", "a2", "a3")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert (await orchestrator.chat("one")).content == "a1"
        await orchestrator.chat("two")
        about_sessions = [str(warning.message) for warning in warned if "session" in str(warning.message)]
        assert len(about_sessions) == 1
        assert "in memory only" in about_sessions[0]
        cluster.start()
        until(lambda: team.degraded is None)
        await orchestrator.chat("three")
    orchestrator.close()
    team.close()
    later = PostgresStore(dsn, folder=tmp_path / "waiting")
    assert said(talker(later)) == ["one", "a1", "two", "a2", "three", "a3"]
    later.close()


class Unsteady(SQLiteStore):
    """A store whose server is away now and then."""

    away = True

    def hold(self, session_id: str) -> KernelRun | None:
        if self.away:
            raise StoreError("the server is away.")
        return super().hold(session_id)


async def test_a_session_that_could_not_be_read_is_read_when_nothing_was_said_since(store: SQLiteStore, path: Path):
    before = talker(store, "a1")
    await before.chat("one")
    before.close()
    unsteady = Unsteady(path)
    orchestrator = talker(unsteady, "b1")
    with pytest.warns(RuntimeWarning, match="begins empty.*server is away.*stays there") as warned:
        assert said(orchestrator) == []
    await orchestrator.context_coordinator.open("thesis")
    assert len(warned) == 1
    unsteady.away = False
    await orchestrator.chat("two")
    assert said(orchestrator) == ["one", "a1", "two", "b1"]
    unsteady.close(), store.close()
    assert as_kept(path) == said(orchestrator)


async def test_what_was_said_in_a_session_that_could_not_be_read_overwrites_nothing(store: SQLiteStore, path: Path):
    before = talker(store, "a1")
    await before.chat("one")
    before.close(), store.close()
    unsteady = Unsteady(path)
    orchestrator = talker(unsteady, "b1", "b2")
    with pytest.warns(RuntimeWarning, match="begins empty"):
        await orchestrator.chat("two")
    orchestrator.context_coordinator.pin(0)
    unsteady.away = False
    with pytest.warns(RuntimeWarning, match="is another one in the store: .* kept as"):
        await orchestrator.chat("three")
    unsteady.close()
    assert as_kept(path) == ["one", "a1"]
    assert as_kept(path, f"thesis (kept by {unsteady.kernel_run_id[-8:]})") == ["two", "b1", "three", "b2"]


async def test_a_disk_that_cannot_be_written_costs_no_turn(tmp_path: Path):
    (tmp_path / "victor.db").write_bytes(b"garbage" * 1_000)
    store = SQLiteStore(tmp_path / "victor.db")
    orchestrator = talker(store, "a1", "a2")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for question in ("one", "two"):
            await orchestrator.chat(question)
        orchestrator.close()
    assert said(orchestrator) == ["one", "a1", "two", "a2"]
    assert len(warned) == 1
    store.close()


async def test_a_stored_conversation_that_cannot_be_understood_is_told(store: SQLiteStore):
    store.append_entries("thesis", [SessionEntry(1, "turn", "[1]")]).result()
    store.append_entries("newer", [SessionEntry(1, "dance", '{"kind":"dance"}')]).result()
    orchestrator = talker(store)
    for session, message in (("thesis", "'thesis' cannot be read.*no JSON object"), ("newer", "'dance'")):
        with pytest.raises(Exception, match=message) as error:
            await orchestrator.chat("hi", session_id=session)
        assert type(error.value).__name__ == "SessionError"
    assert (await orchestrator.chat("hi", session_id="fine")).content == "yes"

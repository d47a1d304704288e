"""`capture_events`: what is recorded in the block, and nothing else, whoever records it."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest

from victor_nb import AgentOrchestrator
from victor_nb.errors import ModelRequestError, UsageError
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.testing import InMemoryStore, ScriptedModel, assert_turns, call, capture_events, fail

TURN = [
    "turn_started",
    "prompt_built",
    "config_loaded",
    "model_request_started",
    "model_request_completed",
    "turn_completed",
]


def talker(*answers: object, session: str | None = None, store: SQLiteStore | None = None) -> AgentOrchestrator:
    model = ScriptedModel(*(answers or ["Hi"] * 9))  # type: ignore[arg-type]
    return AgentOrchestrator(model=model, store=store or InMemoryStore(), session_id=session)


async def test_orchestrators_of_before_and_of_the_block_are_captured():
    before = talker()
    await before.chat("Not this one")
    with capture_events() as captured:
        await before.chat("This one")
        await talker().chat("And this one")
    await before.chat("No more")
    assert sorted(captured.types) == sorted([*TURN, "session_started", *TURN])
    assert [event.data["prompt_chars"] for event in captured.of("turn_started")] == [8, 12]


async def test_an_event_is_the_one_that_an_exporter_is_given():
    orchestrator = talker()
    async with capture_events() as captured, capture_events(include_content=True) as told:
        await orchestrator.chat("Hello")
        assert len(captured.of("turn_completed")) == 1
    (recorded,) = await orchestrator.analytics_coordinator.query_analytics(types=["turn_started"])
    (event,), (told_event,) = captured.of("turn_started"), told.of("turn_started")
    assert (event.id, event.seq, event.timestamp) == (recorded.id, recorded.seq, recorded.timestamp)
    assert ("prompt" in event.data, told_event.data["prompt"]) == (False, "Hello")


async def test_frames_are_of_what_was_captured():
    def look() -> str:
        return "sunny"

    orchestrator = talker("Before", call("look"), "It is sunny.", fail("server"))
    orchestrator.tools.append(look)
    await orchestrator.chat("Before")
    with capture_events() as captured:
        await orchestrator.chat("Weather?")
        with contextlib.suppress(ModelRequestError):
            await orchestrator.chat("Again?")
    assert_turns(captured, 2, status=None, tools=["look"])
    assert list(captured.frame("turns").status) == ["ok", "error"]
    assert list(captured.frame().type) == captured.types
    assert captured.frame("tool_calls", content=True).result[0] == "sunny"
    assert captured.frame().attrs["victor"]["gaps"] == {}
    with pytest.raises(UsageError, match="Did you mean 'turns'"):
        captured.frame("turn")  # type: ignore[arg-type]


async def test_blocks_side_by_side_see_each_their_own():
    one = talker(session="shared")
    meet = asyncio.Barrier(2)

    async def chats(session: str) -> list[str]:
        with capture_events() as captured:
            await meet.wait()
            await one.chat("Hi", session_id=session)
            await asyncio.create_task(talker(session=session).chat("Hi"))
            await meet.wait()
        return [*sorted({event.session_id for event in captured.events}), str(len(captured.of("turn_completed")))]

    with capture_events() as both:
        assert await asyncio.gather(chats("a"), chats("b")) == [["a", "2"], ["b", "2"]]
    assert len(both.of("turn_completed")) == 4


def test_threads_that_know_nothing_of_the_block_are_captured():
    with capture_events() as captured:
        thread = threading.Thread(target=lambda: asyncio.run(talker().chat("Hi")))
        thread.start()
        thread.join()
    assert len(captured.of("turn_completed")) == 1


async def test_a_store_on_disk_is_read_with_what_is_not_durable_yet(tmp_path):
    store = SQLiteStore(tmp_path / "victor.db")
    with capture_events() as captured:
        orchestrator = talker(store=store)
        orchestrator.analytics_coordinator.track_event("x_mine", {"n": 1})
        assert captured.types == ["session_started", "x_mine"]
    store.close()
    assert captured.of("x_mine")[0].data == {"n": 1}


async def test_what_fails_in_the_block_is_captured_and_goes_on():
    with pytest.raises(ModelRequestError), capture_events() as captured:
        await talker(fail("server")).chat("Hi")
    assert captured.of("turn_completed")[0].data["status"] == "error"
    assert capture_events().events == []


def test_a_store_of_events_is_as_if_they_were_recorded_there():
    source = InMemoryStore()
    for n in range(3):
        source.append("x_test", "s", {"n": n}, {"note": "n"}, channel=2)
    events = source.read(EventQuery())[1:]
    copy = InMemoryStore.of(events)
    assert [(e.id, e.seq, e.data, e.content, e.timestamp_us) for e in copy.read(EventQuery())] == [
        (e.id, e.seq - 1, e.data, e.content, e.timestamp_us) for e in events
    ]
    copy.append("x_more", "s", {}, channel=copy.open_channel())
    assert [(e.seq, e.channel) for e in copy.read(EventQuery())] == [(1, 2), (2, 2), (3, 3)]
    assert InMemoryStore.of([]).read(EventQuery()) == []

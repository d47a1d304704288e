"""A replay keeps apart from what is the user's: its store, its time and ids, its exporters."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator, clock
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.config.settings import Settings
from victor_nb.frames import Analytics
from victor_nb.messages import ChatResponse
from victor_nb.protocols import AnalyticsEvent, ExportResult
from victor_nb.store import SQLiteStore
from victor_nb.testing import use_cassette

NOBODY = "http://127.0.0.1:9/v1#m"
QUESTIONS = ("Which mean?", "And 12 squared?")


class Recorder:
    def __init__(self) -> None:
        self.events: list[AnalyticsEvent] = []

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        self.events += events
        return ExportResult(True, len(events))


def square(number: int) -> int:
    """The square of a number."""
    return number * number


@pytest.fixture
async def path(tmp_path: Path, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording of two questions, the second with a tool."""
    monkeypatch.delenv("CI", raising=False)
    llm_server.reply("The mean is 3.", delay_s=0.02)
    llm_server.reply(tool_calls=[("square", {"number": 12})])
    llm_server.reply("It is 144.")
    with use_cassette(tmp_path / "talk.json", "record"):
        await asked(made(f"{llm_server.openai_url}#m"))
    return tmp_path / "talk.json"


def made(model: str = NOBODY, **options: Any) -> AgentOrchestrator:
    return AgentOrchestrator(model=model, tools=[square], **options)


async def asked(orchestrator: AgentOrchestrator, **options: Any) -> list[ChatResponse]:
    try:
        return [await orchestrator.chat(question, **options) for question in QUESTIONS]
    finally:
        orchestrator.close()


async def replayed(path: Path, **options: Any) -> tuple[list[ChatResponse], str]:
    """What came, and all frames as text."""
    with use_cassette(path, "replay"):
        orchestrator = made()
        answers = await asked(orchestrator, **options)
        frames = Analytics(lambda: orchestrator.analytics_coordinator.store)
        names = ("turns", "requests", "tool_calls", "sessions", "exports", "events", "summary")
        found = [getattr(frames, name)() for name in names]
        return answers, "\n".join(f"{frame.to_csv()}{frame.attrs}" for frame in found)


async def test_replays_are_the_same_and_streamed_ones_alike(path: Path) -> None:
    first, shown = await replayed(path)
    again, shown_again = await replayed(path)
    streamed, _ = await replayed(path, on_chunk=lambda chunk: None)
    assert (first, shown) == (again, shown_again)
    assert [answer.duration_s for answer in first] == [answer.duration_s for answer in streamed]
    assert [answer.turn_id for answer in first] == [answer.turn_id for answer in streamed]
    assert first[0].duration_s >= 0.02
    assert first[1].tool_calls[0].duration_s == 0.0


async def test_a_replay_begins_with_an_empty_store_and_leaves_the_users_alone(path: Path, own_home: Path) -> None:
    (own_home / "victor.db").unlink()
    for _ in range(2):
        with use_cassette(path, "replay"):
            orchestrator = made(session_id="mine")
            await asked(orchestrator)
            assert orchestrator.sessions.list()["turns"].tolist() == [2]
            assert len(await orchestrator.analytics_coordinator.query_analytics(types=["turn_started"])) == 2
    assert not (own_home / "victor.db").exists()


async def test_after_the_block_all_is_real_again(path: Path) -> None:
    with use_cassette(path, "replay"):
        inside = made()
        await asked(inside)
    outside = made("demo")
    answer = await outside.chat("Hello")
    assert not clock.is_recorded()
    assert outside.session_id > inside.session_id
    assert answer.turn_id > (await inside.chat("Hello", model="demo")).turn_id[:8]
    assert isinstance(outside.analytics_coordinator.store, SQLiteStore)
    assert str(outside.analytics_coordinator.store.path).endswith("victor.db")


async def test_a_store_that_is_named_in_code_is_used_with_ids_and_times_of_its_own(path: Path, tmp_path: Path) -> None:
    ids, squared_at_us = list[str](), list[int]()

    def square(number: int) -> int:
        """The square of a number."""
        squared_at_us.append(clock.now_us())
        return number * number

    began_us = clock.now_us()
    for _ in range(2):
        with use_cassette(path, "replay"):
            settings = Settings(store=tmp_path / "own.db", keep_sessions=False)
            orchestrator = AgentOrchestrator(settings, model=NOBODY, tools=[square], session_id="mine")
            answers = await asked(orchestrator)
            ids += [answer.turn_id for answer in answers]
        assert answers[0].duration_s == (await replayed(path))[0][0].duration_s
    kept = await orchestrator.analytics_coordinator.query_analytics(types=["turn_started"])
    assert {event.data["turn_id"] for event in kept} == set(ids)
    assert len(set(ids)) == 4
    assert all(began_us < at_us < clock.now_us() for at_us in squared_at_us)


async def test_an_orchestrator_from_before_the_block_keeps_its_store_and_real_ids(path: Path) -> None:
    before = made()
    found: list[str] = []
    for number in range(2):
        with use_cassette(path, "replay"):
            found += [answer.turn_id for answer in await asked(before, session_id=f"s{number}")]
    assert len(set(found)) == 4
    kept = await before.analytics_coordinator.query_analytics(types=["turn_started"])
    assert set(found) <= {event.data["turn_id"] for event in kept}


async def test_exporters_accept_events_and_deliver_nothing(path: Path) -> None:
    exporter = Recorder()
    with use_cassette(path, "replay"):
        orchestrator = made(analytics_coordinator=AnalyticsCoordinator([exporter]))
        await asked(orchestrator)
        analytics = orchestrator.analytics_coordinator
        result, exports = await analytics.export_analytics(), Analytics(lambda: analytics.store).exports()
        assert (await analytics.retry_dead()).success
    assert (result.success, result.exported_count, result.pending > 10) == (True, 0, True)
    assert "a replay delivers nothing" in (result.error or "")
    assert list(result.results) == ["Recorder"]
    assert exports["status"].tolist() == ["pending"]
    assert exports["events"].sum() == result.pending
    assert "a replay delivers nothing" in exports["last_error"][0]
    await orchestrator.chat("Hello", model="demo")
    await analytics.export_analytics()
    assert exporter.events == []


@pytest.mark.parametrize("by", ["argument", "variable"])
async def test_exporters_deliver_where_that_is_asked_for(path: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter, asked_for = Recorder(), True if by == "argument" else None
    if by == "variable":
        monkeypatch.setenv("VICTOR_CASSETTE_EXPORTERS", "1")
    with use_cassette(path, "replay", exporters=asked_for):
        orchestrator = made(analytics_coordinator=AnalyticsCoordinator([exporter]))
        await asked(orchestrator)
        result = await orchestrator.analytics_coordinator.export_analytics()
    orchestrator.close()
    assert result.success
    assert 0 < result.exported_count == len({event.id for event in exporter.events})


async def test_tool_calls_of_one_answer_are_made_in_their_order(
    tmp_path: Path, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    done: list[int] = []

    def pause(ms: int) -> str:
        """Wait."""
        time.sleep(ms / 1_000)
        done.append(ms)
        return "waited"

    llm_server.reply(tool_calls=[("pause", {"ms": 60}), ("pause", {"ms": 1})])
    llm_server.reply("Waited.")
    with use_cassette(tmp_path / "pause.json", "record"):
        await AgentOrchestrator(model=f"{llm_server.openai_url}#m", tools=[pause]).chat("Wait.")
    with use_cassette(tmp_path / "pause.json", "replay"):
        await AgentOrchestrator(model=NOBODY, tools=[pause]).chat("Wait.")
    assert done == [1, 60, 60, 1]


async def test_a_tool_that_asks_in_a_session_of_its_own_does_not_wait_for_its_turn(
    tmp_path: Path, llm_server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)

    async def both(model: str) -> list[ChatResponse]:
        async def expert(question: str) -> str:
            """Ask an expert."""
            return (await orchestrator.chat(question, session_id="expert")).content

        orchestrator = AgentOrchestrator(model=model, tools=[expert])
        answers = await asyncio.gather(*(orchestrator.chat("Ask.", session_id=name) for name in ("one", "two")))
        orchestrator.close()
        return answers

    calls = [("expert", {"question": "Why?"})]
    llm_server.reply(tool_calls=calls, delay_s=0.3)
    llm_server.reply(tool_calls=calls, delay_s=0.3)
    for _ in range(4):
        llm_server.reply("Because.")
    with use_cassette(tmp_path / "expert.json", "record"):
        await both(f"{llm_server.openai_url}#m")
    shown: list[Any] = []
    for _ in range(2):
        with use_cassette(tmp_path / "expert.json", "replay"):
            shown.append(await both(NOBODY))
    assert shown[0] == shown[1]
    assert all(answer.tool_calls[0].duration_s > 0 for answer in shown[0])

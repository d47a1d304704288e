"""`verify` asks the real model again: other calls fail, other words are told, and nothing is written."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator
from victor_nb.errors import UsageError
from victor_nb.testing import ChangedAnswersError, MissingRecordingError, use_cassette

QUESTIONS = ("Which mean?", "And 12 squared?")


def square(number: int) -> int:
    """The square of a number."""
    return number * number


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("CI", raising=False)
    return tmp_path / "talk.json"


async def ask(server: LLMServer, path: Path, mode: str, words: str, number: int, *questions: str) -> list[str]:
    """The answers that the notebook sees, while the server says `words` and squares `number`."""
    server.reply(words)
    server.reply(tool_calls=[("square", {"number": number})])
    server.reply("It is done.")
    with use_cassette(path, mode):  # type: ignore[arg-type]
        orchestrator = AgentOrchestrator(model=f"{server.openai_url}#m", tools=[square])
        try:
            return [(await orchestrator.chat(question)).content for question in questions or QUESTIONS]
        finally:
            orchestrator.close()


async def test_the_same_answers_pass(llm_server: LLMServer, path: Path) -> None:
    first = await ask(llm_server, path, "record", "The mean\nis 3.", 12)
    assert await ask(llm_server, path, "verify", "The  mean is 3.", 12) == first
    assert len(llm_server.requests) == 6


async def test_other_words_are_told_and_the_recorded_ones_are_given(llm_server: LLMServer, path: Path) -> None:
    await ask(llm_server, path, "record", "First.\nThe mean is 3.\nLast.", 12)
    before = path.read_text()
    with pytest.warns(UserWarning, match="other words in 1 answer") as told:
        given = await ask(llm_server, path, "verify", "First.\nThe mean is 4.\nLast.", 12)
    assert given[0] == "First.\nThe mean is 3.\nLast."
    assert [line.strip() for line in str(told[0].message).split("\n")[1:]] == [
        'recording 1, "Which mean?": other words',
        "First.",
        "-The mean is 3.",
        "+The mean is 4.",
        "Last.",
    ]
    assert path.read_text() == before


async def test_other_calls_fail_at_the_end_when_all_was_asked(llm_server: LLMServer, path: Path) -> None:
    await ask(llm_server, path, "record", "The mean is 3.", 12)
    with pytest.raises(ChangedAnswersError) as told:
        await ask(llm_server, path, "verify", "The mean is 3.", 13)
    lines = told.value._render_traceback_()
    assert lines[1:] == [
        '  recording 2, "And 12 squared?": other calls',
        '    -square({"number":12})',
        '    +square({"number":13})',
        "  → if they are as good: VICTOR_CASSETTE_MODE=rewrite records them",
    ]
    assert len(llm_server.requests) == 6


async def test_what_is_not_recorded_is_not_asked(llm_server: LLMServer, path: Path) -> None:
    await ask(llm_server, path, "record", "The mean is 3.", 12)
    with pytest.raises(MissingRecordingError):
        await ask(llm_server, path, "verify", "No.", 12, "Which median?")
    assert len(llm_server.requests) == 3


async def test_a_stream_is_verified_too(llm_server: LLMServer, path: Path) -> None:
    async def streamed(mode: str, *chunks: str) -> list[str]:
        llm_server.reply(chunks=chunks)
        with use_cassette(path, mode):  # type: ignore[arg-type]
            orchestrator = AgentOrchestrator(model=f"{llm_server.openai_url}#m")
            found = [chunk.content async for chunk in orchestrator.stream_chat("Mean?") if chunk.content]
            orchestrator.close()
        return found

    assert await streamed("record", "The me", "an.") == ["The me", "an."]
    with pytest.warns(UserWarning, match="other words"):
        assert await streamed("verify", "A median.") == ["The me", "an."]


async def test_a_pace_takes_the_time_that_was_recorded(llm_server: LLMServer, path: Path) -> None:
    async def answered(mode: str, pace: float | None, within_s: float = 30.0) -> bool:
        with use_cassette(path, mode, pace=pace):  # type: ignore[arg-type]
            orchestrator = AgentOrchestrator(model=f"{llm_server.openai_url}#m")
            try:
                async with asyncio.timeout(within_s):
                    return bool([chunk async for chunk in orchestrator.stream_chat("Mean?")])
            except TimeoutError:
                return False
            finally:
                orchestrator.close()

    llm_server.reply(chunks=("The me", "an."), delay_s=0.2)
    assert await answered("record", None)
    assert [await answered("replay", pace) for pace in (None, 100.0)] == [True, True]
    assert not await answered("replay", 0.001, within_s=1.0)


def test_a_pace_that_is_none(path: Path) -> None:
    with pytest.raises(UsageError, match="above 0"), use_cassette(path, pace=0):
        pass

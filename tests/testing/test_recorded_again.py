"""A notebook that is edited and recorded again: what it is answered as before takes the time that it took before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator
from victor_nb.testing import InMemoryStore, use_cassette


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "talk.json"


async def record(path: Path, server: LLMServer, *turns: tuple[str, str]) -> list[Any]:
    """The recorded answers, after these questions with their answers."""
    for _, answer in turns:
        server.reply(chunks=[*answer], usage={"input_tokens": 10 * len(turns[0][0]), "output_tokens": 1})
    with use_cassette(path, "rewrite"):
        orchestrator = AgentOrchestrator(model=f"{server.openai_url}#m", store=InMemoryStore())
        for question, _ in turns:
            await orchestrator.chat(question, on_chunk=lambda chunk: None)
        orchestrator.close()
    return [one["answer"] for one in json.loads(path.read_text())["requests"]]


def slowed(path: Path) -> None:
    data = json.loads(path.read_text())
    for number, one in enumerate(data["requests"]):
        one["answer"] |= {"first_s": 100.0 + number, "whole_s": 200.0}
    path.write_text(json.dumps(data))


async def test_behind_a_new_question_answers_that_say_the_same_keep_their_time(llm_server: LLMServer, path: Path):
    await record(path, llm_server, ("One?", "Yes."), ("Two?", "Yes."), ("Three?", "No."))
    slowed(path)
    edited = await record(path, llm_server, ("One, once more?", "Yes."), ("Two?", "Yes."), ("Three?", "Maybe."))
    assert [answer.get("first_s", 0) >= 100 for answer in edited] == [True, True, False]
    assert [answer["first_s"] for answer in edited[:2]] == [100.0, 101.0]
    assert {answer["usage"]["input_tokens"] for answer in edited} == {150}


async def test_the_time_of_an_answer_is_taken_over_once(llm_server: LLMServer, path: Path):
    await record(path, llm_server, ("One?", "Yes."), ("Two?", "No."))
    slowed(path)
    edited = await record(path, llm_server, ("One?", "Yes."), ("And?", "Yes."), ("Two?", "No."))
    assert [answer.get("first_s", 0) for answer in edited[::2]] == [100.0, 101.0]
    assert edited[1].get("first_s", 0) < 100

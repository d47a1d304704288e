"""The fixture `victor`: a test chats, and nothing of the person who runs it counts."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

import victor_nb as vn
from victor_nb.config.settings import Settings
from victor_nb.errors import UsageError
from victor_nb.models.detect import detect
from victor_nb.models.keys import environment
from victor_nb.store import open_store
from victor_nb.testing import InMemoryStore, ScriptedModel, Victor, assert_tool_called, assert_turns, call
from victor_nb.testing.isolated import isolated


def average(column: str) -> float:
    """The mean of a column."""
    return 3.0


def test_a_test_chats_and_reads_the_frames(victor: Victor):
    victor.tools.append(average)
    victor.script(call("average", column="rain_mm"), "It is 3.", "Yes.")
    assert victor.chat("How much rain?").content == "It is 3."
    assert victor.chat("Really?").content == "Yes."
    assert_turns(victor, 2, tools=["average"], max_requests=3)
    assert_tool_called(victor, "average", column="rain_mm")
    assert [request.messages[-1].content for request in victor.requests] == ["How much rain?", "3.0", "Really?"]


async def test_so_does_a_coroutine(victor: Victor):
    victor.script("Hello.")
    assert (await victor.chat_async("Hi")).content == "Hello."
    with pytest.raises(UsageError, match=r"await victor\.chat_async"):
        victor.chat("Hi")


def test_it_is_the_notebooks_too_and_other_orchestrators_are_in_its_frames(victor: Victor):
    assert vn.orchestrator is victor.orchestrator
    vn.tool(average)
    assert victor.tools == [average]
    victor.script("One.")
    victor.chat("Hi")
    other = vn.AgentOrchestrator(model=ScriptedModel("Two."))
    asyncio.run(other.chat("Hi"))
    assert list(victor.analytics.turns().model) == ["scripted", "scripted"]
    assert len(vn.analytics.turns()) == 2
    assert isinstance(victor.store, InMemoryStore)


def test_the_next_test_finds_nothing_of_it(victor: Victor):
    assert len(victor.analytics.turns(all=True)) == 0
    assert victor.requests == victor.tools == []


def test_the_store_in_memory_is_new_and_gone_afterwards(tmp_path: Path):
    mine = open_store("memory")
    with isolated(tmp_path / "home"):
        its = open_store("memory")
        its.append("x_test", "s", {})
    assert its is not mine
    assert open_store("memory") not in (mine, its)


def keys() -> tuple[str | None, str | None]:
    return environment().get("OPENAI_API_KEY"), environment().get("ANTHROPIC_API_KEY")


def test_settings_keys_and_servers_of_the_person_are_out_of_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, llm_server: LLMServer
):
    monkeypatch.setenv("OLLAMA_HOST", llm_server.url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("VICTOR_TEMPERATURE=0.5\nOPENAI_API_KEY=sk-env-file\n")
    (tmp_path / "pyproject.toml").write_text("[tool.victor_nb]\ntop_p = 0.5\n")
    (tmp_path / "config" / "victor_nb").mkdir(parents=True)
    (tmp_path / "config" / "victor_nb" / "config.toml").write_text("max_tokens = 7\n")
    monkeypatch.setenv("VICTOR_VERBOSITY", "quiet")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-person")
    mine = Settings()
    assert (mine.temperature, mine.top_p, mine.max_tokens, mine.verbosity) == (0.5, 0.5, 7, "quiet")
    with isolated(tmp_path / "home"):
        told = Settings()
        assert (told.temperature, told.top_p, told.max_tokens, told.verbosity) == (None, 0.5, None, "normal")
        assert (told.home, told.store) == (tmp_path / "home", "memory")
        assert keys() == (None, None)
        assert str(detect(environment())) == "demo"
        os.environ["VICTOR_MODEL"] = "demo"
    with isolated(tmp_path / "home", keys=True):
        assert keys() == ("sk-env-file", "sk-person")
        assert (Settings().temperature, Settings().model) == (None, None)
    assert "VICTOR_MODEL" not in os.environ
    assert Settings().temperature == 0.5


TESTS = """
import pytest
from victor_nb.testing import assert_turns

@pytest.mark.victor_cassette("talk.json", model="{url}#m")
def test_recorded(victor):
    assert victor.chat("Which mean?").content == "The mean is 3."
    assert_turns(victor, 1, max_input_tokens=10)
"""


def test_with_the_marker_answers_are_recorded_and_replayed(tmp_path: Path, llm_server: LLMServer):
    (tmp_path / "test_it.py").write_text(TESTS.replace("{url}", llm_server.openai_url))
    llm_server.reply("The mean is 3.")
    for mode in ("record", "replay"):
        code, told = run_pytest(tmp_path, f"--victor={mode}")
        assert code == 0, told
    assert len(llm_server.requests) == 1

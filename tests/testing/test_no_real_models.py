"""A test that must ask no real model fails when it would have, and nothing reaches the provider."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

from victor_nb import AgentOrchestrator
from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.context import SummarizingCompactionStrategy
from victor_nb.errors import MissingKeyError
from victor_nb.models.embeddings import embed
from victor_nb.models.factory import build_model
from victor_nb.testing import InMemoryStore, RealModelError, ScriptedModel, no_real_models, use_cassette


def asking(model: object, **arguments: object) -> AgentOrchestrator:
    return AgentOrchestrator(model=model, store=InMemoryStore(), **arguments)


async def test_a_chat_that_would_reach_a_provider_is_refused_and_told(llm_server: LLMServer):
    with pytest.raises(RealModelError, match=r'openai-chat:m was to be asked "Which mean\?"'), no_real_models():
        await asking(f"{llm_server.openai_url}#m").chat("Which mean?")
    assert not llm_server.requests


@pytest.mark.parametrize("streamed", [False, True])
async def test_it_is_so_with_a_key_and_without(monkeypatch: pytest.MonkeyPatch, streamed: bool):
    on_chunk = (lambda chunk: None) if streamed else None
    for key in ("", "sk-ant-canary"):
        monkeypatch.setenv("ANTHROPIC_API_KEY", key)
        with pytest.raises(RealModelError, match="anthropic:claude-sonnet-5-5"), no_real_models():
            await asking("anthropic:claude-sonnet-5-5").chat("Hi", on_chunk=on_chunk)


async def test_an_error_that_is_swallowed_comes_back(llm_server: LLMServer):
    orchestrator = asking(f"{llm_server.openai_url}#m")
    with pytest.raises(RealModelError, match="ScriptedModel"), no_real_models(), contextlib.suppress(RealModelError):
        await orchestrator.chat("Which mean?")
    with no_real_models() as refusals:
        with pytest.raises(RealModelError):
            await asking(f"{llm_server.openai_url}#m").chat("Which mean?")
        refusals.forget()


async def test_embedders_and_models_of_before_are_refused_too(llm_server: LLMServer):
    url = llm_server.openai_url
    before = build_model(f"{url}#m")
    with no_real_models() as refusals:
        for embedder in (f"{url}#vectors", "openai:text-embedding-3-small"):
            with pytest.raises(RealModelError):
                await embed(["text"], embedder)
        with pytest.raises(RealModelError):
            await asking(before).chat("Hi")
        refusals.forget()
    assert not llm_server.requests


async def test_a_summary_that_a_strategy_gives_up_is_not_forgotten(llm_server: LLMServer):
    strategy = SummarizingCompactionStrategy(model=f"{llm_server.openai_url}#m")
    orchestrator = asking(ScriptedModel(*["word " * 400] * 4), context_coordinator=ContextCoordinator(strategy))
    for _ in range(4):
        await orchestrator.chat("Tell me more")
    with pytest.raises(RealModelError, match="openai-chat:m"), no_real_models():
        await orchestrator.context_coordinator.compact_context()
    assert not llm_server.requests


async def test_who_needs_no_provider_goes_on(llm_server: LLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("CI", raising=False)
    llm_server.reply("The mean is 3.")
    for mode in ("record", "replay"):
        with use_cassette(tmp_path / "talk.json", mode):
            if mode == "record":
                await asking(f"{llm_server.openai_url}#m").chat("Which mean?")
                continue
            with no_real_models():
                answer = await asking(f"{llm_server.openai_url}#m").chat("Which mean?")
                assert answer.content == "The mean is 3."
                assert (await asking(ScriptedModel("Hi")).chat("Hello")).content == "Hi"
                assert (await asking("demo").chat("Hello")).content
                assert len(await embed(["one", "two"])) == 2


async def test_what_was_refused_can_be_asked_afterwards(llm_server: LLMServer):
    llm_server.reply("The mean is 3.")
    orchestrator = asking(f"{llm_server.openai_url}#m")
    with no_real_models() as refusals:
        with pytest.raises(RealModelError):
            await orchestrator.chat("Which mean?")
        refusals.forget()
    assert (await orchestrator.chat("Which mean?")).content == "The mean is 3."


async def test_a_model_without_a_key_is_there_to_be_refused_only_in_the_block(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    orchestrator = asking("anthropic:claude-sonnet-5-5")
    with no_real_models():
        assert (await orchestrator.resolve_model()).provider == "anthropic"
    with pytest.raises(MissingKeyError):
        await orchestrator.resolve_model()


TESTS = """
import asyncio
import pytest
import victor_nb as vn

URL = "{url}#m"

async def ask():
    await vn.AgentOrchestrator(model=URL, store=vn.testing.InMemoryStore()).chat("Which mean?")

def swallows():
    try:
        asyncio.run(ask())
    except Exception:
        pass

def test_refused(no_real_models):
    swallows()

def test_meant(no_real_models):
    swallows()
    no_real_models.forget()

@pytest.fixture
def greedy():
    swallows()

def test_in_a_fixture({fixture}greedy):
    pass

def test_raises(no_real_models):
    asyncio.run(ask())

def test_free():
    swallows()

@pytest.mark.victor_cassette
def test_recorded():
    asyncio.run(ask())
"""


def write_tests(folder: Path, url: str, fixture: str) -> None:
    (folder / "test_it.py").write_text(TESTS.replace("{url}", url).replace("{fixture}", fixture))


def test_a_test_with_the_fixture_fails_whatever_it_makes_of_the_error(tmp_path: Path, llm_server: LLMServer):
    write_tests(tmp_path, llm_server.openai_url, "no_real_models, ")
    llm_server.reply("The mean is 3.")
    code, told = run_pytest(tmp_path, "-rA", "--tb=line", "-k", "not recorded")
    assert code == 1
    for line in ("FAILED test_it.py::test_refused", "PASSED test_it.py::test_meant", "PASSED test_it.py::test_free"):
        assert line in told, told
    assert "FAILED test_it.py::test_raises" in told
    assert 'openai-chat:m was to be asked "Which mean?", and no real model may be asked here.' in told
    assert "ERROR test_it.py::test_in_a_fixture" in told
    assert "1 error" in told
    assert len(llm_server.requests) == 1


def test_the_ini_file_refuses_for_all_but_what_is_recorded_now(tmp_path: Path, llm_server: LLMServer):
    write_tests(tmp_path, llm_server.openai_url, "")
    (tmp_path / "pytest.ini").write_text("[pytest]\nvictor_real_models = refuse\n")
    llm_server.reply("The mean is 3.")
    code, told = run_pytest(tmp_path, "-rA", "--tb=line", "--victor=record")
    assert code == 1
    assert "FAILED test_it.py::test_free" in told, told
    assert "ERROR test_it.py::test_in_a_fixture" in told
    assert "PASSED test_it.py::test_recorded" in told
    assert len(llm_server.requests) == 1
    (tmp_path / "pytest.ini").write_text("[pytest]\nvictor_real_models = never\n")
    code, told = run_pytest(tmp_path)
    assert (code, "it is allow or refuse" in told) == (4, True)


TWICE = """
from _pytest.runner import runtestprotocol

def pytest_runtest_protocol(item, nextitem):
    for _ in range(2):
        runtestprotocol(item, nextitem=nextitem)
    return True
"""


def test_a_test_that_is_run_again_is_refused_again(tmp_path: Path, llm_server: LLMServer):
    write_tests(tmp_path, llm_server.openai_url, "")
    (tmp_path / "conftest.py").write_text(TWICE)
    code, told = run_pytest(tmp_path, "-o", "victor_real_models=refuse", "-k", "test_free")
    assert (code, "2 failed" in told, llm_server.requests) == (1, True, []), told

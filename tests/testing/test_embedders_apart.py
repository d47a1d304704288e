"""While answers are recorded or replayed no provider is asked for vectors, and a test that would have fails."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import nbformat
import pytest
from support.embeddings_wire import letters
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

from victor_nb import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import UnknownModelError, VictorError
from victor_nb.models.embeddings import embed
from victor_nb.testing import CassetteError, ScriptedModel, use_cassette

NAME = "openai:text-embedding-3-small"
REFUSED = f"embeddings are not recorded: {NAME} was to be asked for 2 texts."
ASKS = f"""import contextlib, victor_nb as vn
from victor_nb.models.embeddings import embed
with contextlib.suppress(vn.VictorError):
    await embed(['one', 'two'], '{NAME}')"""


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, llm_server: LLMServer) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_server.openai_url)


@pytest.mark.parametrize("mode", ["replay", "record", "rewrite", "verify"])
async def test_a_provider_is_not_asked_and_the_end_tells(tmp_path: Path, llm_server: LLMServer, mode: Any):
    swallowed = contextlib.suppress(VictorError)
    with pytest.raises(CassetteError) as at_the_end, use_cassette(tmp_path / "a.json", mode), swallowed:
        await embed(["one", "two"], NAME)
    assert str(at_the_end.value) == f"{REFUSED} leave the embedder out, or give a function"
    assert not llm_server.requests


async def test_neither_key_nor_address_is_needed_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    for name, told in ((NAME, NAME), ("http://me:secret@127.0.0.1:9/v1#m", "server:m")):
        with pytest.raises(CassetteError) as caught, use_cassette(tmp_path / "a.json"):
            await embed(["one"], name)
        assert caught.value.message == f"embeddings are not recorded: {told} was to be asked for a text."


async def test_live_functions_and_embedders_of_this_process_go_on(tmp_path: Path, llm_server: LLMServer):
    with use_cassette(tmp_path / "a.json", "live"):
        assert await embed(["abc"], NAME) == [letters("abc")]
    with use_cassette(tmp_path / "a.json"):
        assert await embed(["abc"], lambda texts: [[1.0] for _ in texts]) == [[1.0]]
        assert await embed(["abc"]) == [[1.0]]
        with pytest.raises(UnknownModelError):
            await embed(["abc"], "opnai:m")
        with contextlib.suppress(VictorError):  # that of a package or a model which is not here
            await embed(["abc"], "sentence-transformers:no-such-model/here")
    assert len(llm_server.requests) == 1


async def test_a_selection_of_tools_that_goes_on_without_fails_all_the_same(tmp_path: Path):
    def tool(number: int):
        def function() -> int:
            return number

        function.__name__ = f"tool_{number}"
        return function

    model = ScriptedModel("done")
    agent = AgentOrchestrator(
        settings=Settings(embedder=NAME, tool_selection_limit=2),
        model=model,
        tools=[tool(number) for number in range(3)],
    )
    with pytest.raises(CassetteError, match=r"embeddings are not recorded: \S+ was"), use_cassette(tmp_path / "a.json"):
        await agent.chat("Which mean?")
    assert len(model.requests) == 1


def test_a_notebook_fails_without_advice_that_does_not_help(tmp_path: Path) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(ASKS)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, tmp_path / "asks.ipynb")
    code, told = run_pytest(tmp_path, "--nbmake", "asks.ipynb")
    assert code == 1
    assert REFUSED in told
    assert "records it" not in told

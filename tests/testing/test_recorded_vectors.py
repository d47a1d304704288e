"""What a provider's embedder says is recorded with the answers, and replayed without it."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.embeddings_wire import letters
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

from victor_nb import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import UnknownModelError, VictorError
from victor_nb.models.embeddings import embed
from victor_nb.store.redaction import Redactor
from victor_nb.testing import CassetteError, MissingRecordingError, ScriptedModel, use_cassette
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.form import from_text
from victor_nb.testing.cassettes.page import to_text
from victor_nb.testing.cassettes.pruning import prune
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.vectors import packed, unpacked
from victor_nb.testing.command_line.main import main
from victor_nb.vectors import cosine

NAME = "openai:text-embedding-3-small"
NOBODY = "http://127.0.0.1:9/v1"
TEXTS = ["Which mean?\nOf what?", "abba", "a cab", " "]


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch, llm_server: LLMServer) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", llm_server.openai_url)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "talk.json"


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> Any:
    def leave() -> None:
        monkeypatch.delenv("OPENAI_API_KEY")
        monkeypatch.setenv("OPENAI_BASE_URL", NOBODY)

    return leave


async def recorded(path: Path, texts: Sequence[str] = TEXTS, mode: Any = "record", name: str = NAME) -> list[Any]:
    with use_cassette(path, mode):
        return await embed(texts, name)


async def test_vectors_are_replayed_without_a_key_as_they_were_handed_on(path: Path, alone: Any):
    found = await recorded(path)
    assert all(cosine(vector, letters(text)) > 0.999 for vector, text in zip(found[:3], TEXTS, strict=False))
    assert found[3] == [0.0] * 26
    alone()
    assert await recorded(path, mode="replay") == await recorded(path, mode="verify") == found
    assert await recorded(path, TEXTS[::-1], "replay") == found[::-1]


async def test_recording_asks_for_what_is_new_and_changes_no_line_of_the_rest(path: Path, llm_server: LLMServer):
    await recorded(path, TEXTS[:2])
    before = path.read_text()
    await recorded(path, TEXTS[:2])
    await recorded(path, TEXTS[1::-1], "rewrite")
    assert path.read_text() == before
    await recorded(path, TEXTS)
    entries = json.loads(path.read_text())["embeddings"][NAME]
    assert [entry["text"] for entry in entries] == [TEXTS[0].split("\n"), "abba", "a cab"]
    await recorded(path, TEXTS[1:2], "rewrite")
    assert [entry["text"] for entry in json.loads(path.read_text())["embeddings"][NAME]] == ["abba"]


def test_other_numbers_that_say_the_same_leave_the_file_as_it_was(path: Path):
    for vector, kept in (([1.0, 0.5], [1.0, 0.5]), ([1.0, 0.51], [1.0, 0.5]), ([0.0, 1.0], [0.0, 1.0])):
        cassette = Cassette(path)
        cassette.keep_vectors("e", {"text": packed(vector)})
        cassette.save(anew=True)
        assert from_text(path.read_text()).embeddings == {"e": {"text": packed(kept)}}


async def test_a_text_that_is_not_recorded_is_named_and_told_at_the_end(path: Path, llm_server: LLMServer):
    await recorded(path)
    asked, swallowed = len(llm_server.requests), contextlib.suppress(VictorError)
    with pytest.raises(MissingRecordingError) as at_the_end, use_cassette(path), swallowed:
        await embed(["abba", "Which median?\nOf all", "more"], NAME)
    told = at_the_end.value
    assert told.message == f'the vector of "Which median?" (and 1 more) by {NAME} is not recorded in talk.json.'
    assert "VICTOR_CASSETTE_MODE=record" in told.hint
    assert len(llm_server.requests) == asked


async def test_neither_secrets_nor_addresses_are_written(path: Path, llm_server: LLMServer):
    key, name = "sk-ant-api03-0123456789abcdefghijklmnop", f"{llm_server.openai_url}#m"
    with use_cassette(path, "record"):
        found = await embed([f"Is {key} one? Mail x@y.org"], name, redact=Redactor().redact)
    text = path.read_text()
    assert all(word not in text for word in (key, "127.0.0.1", "x@y.org"))
    with use_cassette(path):
        assert await embed([f"Is {key} one? Mail [redacted]"], f"{NOBODY}#m") == found


async def test_live_functions_and_embedders_of_this_process_go_on(path: Path):
    assert await recorded(path, ["abc"], "live") == [letters("abc")]
    with use_cassette(path):
        assert await embed(["abc"], lambda texts: [[1.0] for _ in texts]) == [[1.0]]
        assert await embed(["abc"]) == [[1.0]]
        with pytest.raises(UnknownModelError):
            await embed(["abc"], "opnai:m")
        with contextlib.suppress(VictorError):  # that of a package or a model which is not here
            await embed(["abc"], "sentence-transformers:no-such-model/here")


def tool(number: int):
    def function() -> int:
        return number

    function.__name__, function.__doc__ = f"tool_{number}", "abcdefgh"[number] * 9
    return function


async def offered(url: str) -> list[str]:
    """What a request offers of eight tools when meaning decides."""
    settings = Settings(
        embedder=f"{url}#vectors",
        tool_selection_limit=2,
        tool_selection_strategy="semantic",
        capture_content="redacted",
    )
    agent = AgentOrchestrator(settings=settings, model=ScriptedModel("done"), tools=[tool(n) for n in range(8)])
    await agent.chat("fff 555-123-4567")
    model = await agent.resolve_model()
    agent.close()
    return [spec.name for spec in model.requests[0].tools]  # type: ignore[attr-defined]


async def test_tools_are_selected_in_a_replay_as_they_were(path: Path, llm_server: LLMServer):
    with use_cassette(path, "record"):
        before = await offered(llm_server.openai_url)
    assert "tool_5" in before
    assert "fff [redacted]" in path.read_text()
    with use_cassette(path):
        assert await offered(NOBODY) == before
    with pytest.raises(MissingRecordingError, match="by server:vectors"), use_cassette(path.with_name("none.json")):
        await offered(NOBODY)


def test_a_notebook_is_recorded_and_replayed(tmp_path: Path, llm_server: LLMServer) -> None:
    def run(text: str, *arguments: str, **metadata: Any) -> tuple[int, str]:
        asks = f"vectors = await embed(['{text}'], '{NAME}')\nassert len(vectors[0]) == 26"
        cell = f"from victor_nb.models.embeddings import embed\n{asks}"
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell, metadata=metadata)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, tmp_path / "asks.ipynb")
        return run_pytest(tmp_path, "--nbmake", "asks.ipynb", *arguments)

    assert run("one", "--victor=record")[0] == 0
    assert run("one")[0] == 0
    assert len(llm_server.requests) == 1
    assert run("two", tags=["victor-live"])[0] == 0
    assert len(llm_server.requests) == 2
    code, told = run("two")
    assert code == 1
    assert f'the vector of "two" by {NAME} is not recorded in asks.json' in told


async def test_commands_read_and_keep_them(path: Path, capsys: pytest.CaptureFixture[str]):
    (path.parent.parent / "talk.ipynb").write_text('{"cells": []}')
    await recorded(path)
    before = path.read_text()
    assert main(["cassette", "check", str(path)]) == 0
    assert main(["cassette", "show", str(path)]) == 0
    assert f"3 texts as vectors of {NAME}" in capsys.readouterr().out
    path.write_text(before.replace('"models": {}', '"models":  {}'))
    assert main(["cassette", "check", "--fix", str(path)]) == 0
    prune(path, [1])
    assert path.read_text() == before


@pytest.mark.parametrize(
    "entry", ['{"text": 3, "vector": "AA=="}', '{"text": "a", "vector": "?"}', '{"text": "a"}', "7"]
)
def test_a_vector_that_is_none(path: Path, entry: str):
    path.parent.mkdir()
    path.write_text(f'{{"victor_cassette": 2, "embeddings": {{"e": [{entry}]}}}}')
    with pytest.raises(CassetteError, match="cannot be understood"), use_cassette(path):
        pass


finite = st.floats(allow_nan=False, allow_infinity=False)
texts = st.text(max_size=30).map(Redaction().text)  # as they are when they are recorded


@given(st.dictionaries(texts, st.dictionaries(texts, st.lists(finite, max_size=9), min_size=1), max_size=3))
def test_what_is_saved_is_read_and_saved_as_it_was(said: dict[str, dict[str, list[float]]]):
    kept = {name: {text: packed(vector) for text, vector in of.items()} for name, of in said.items()}
    text = to_text([], {}, kept)
    read = from_text(text).embeddings
    assert read == kept
    assert to_text([], {}, read) == text


@given(st.lists(st.floats(-1e150, 1e150).filter(lambda n: not n or abs(n) > 1e-150), min_size=1, max_size=40))
def test_a_packed_vector_points_where_it_pointed(vector: list[float]):
    found, length = unpacked(packed(vector)), math.hypot(*vector)
    assert math.isclose(math.hypot(*found), 1.0 if length else 0.0)
    assert max(abs(a - b / (length or 1)) for a, b in zip(found, vector, strict=True)) < 0.02

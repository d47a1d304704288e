"""Recorded once against a real server, replayed without one: the same answers, one clear error for anything else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator
from victor_nb.errors import UsageError
from victor_nb.messages import Message, ModelDelta, ModelReply, ToolCall, Usage
from victor_nb.testing import CassetteError, MissingRecordingError, ScriptedModel, use_cassette
from victor_nb.testing.cassettes.answer import Answer, Timing
from victor_nb.testing.cassettes.form import Player, Take, from_text
from victor_nb.testing.cassettes.page import to_text
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import Sent, Tools
from victor_nb.testing.cassettes.talk import Talk

NOBODY = "http://127.0.0.1:9/v1#m"
SECRET = "sk-ant-api03-0123456789abcdefghijklmnop"
LONG = "## Answer\n\nThe mean is **3**.\n\n```python\nprint(3)\n```\n"


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cassettes" / "talk.json"


def square(number: int) -> int:
    """The square of a number."""
    return number * number


async def talk(model: str, *questions: str, **options: Any) -> list[str]:
    orchestrator = AgentOrchestrator(model=model, tools=[square])
    try:
        return [(await orchestrator.chat(question, **options)).content for question in questions]
    finally:
        orchestrator.close()


async def recorded(server: LLMServer, path: Path, mode: str = "record") -> list[str]:
    server.reply(LONG)
    server.reply(tool_calls=[("square", {"number": 12})])
    server.reply("It is 144.")
    with use_cassette(path, mode):
        return await talk(f"{server.openai_url}#m", "Which mean?", "And 12 squared?")


async def test_what_was_recorded_is_replayed_without_a_server(llm_server: LLMServer, path: Path):
    first = await recorded(llm_server, path)
    assert first == [LONG, "It is 144."]
    with use_cassette(path) as cassette:
        assert await talk(NOBODY, "Which mean?", "And 12 squared?") == first
    assert (cassette.replayed, cassette.missing, cassette.unused) == (3, [], [])


async def test_a_stream_comes_in_the_pieces_in_which_it_came(llm_server: LLMServer, path: Path):
    llm_server.reply(chunks=("The me", "an is ", "3."))
    pieces: list[list[str]] = []
    for model, mode in ((f"{llm_server.openai_url}#m", "record"), (NOBODY, "replay")):
        with use_cassette(path, mode):
            orchestrator = AgentOrchestrator(model=model)
            pieces.append([chunk.content async for chunk in orchestrator.stream_chat("Mean?") if chunk.content])
            orchestrator.close()
    assert pieces == [["The me", "an is ", "3."]] * 2


async def test_usage_model_and_window_are_the_recorded_ones(llm_server: LLMServer, path: Path):
    first = await recorded(llm_server, path)
    assert first
    with use_cassette(path):
        orchestrator = AgentOrchestrator(model=NOBODY, tools=[square])
        answers = [await orchestrator.chat(question) for question in ("Which mean?", "And 12 squared?")]
        orchestrator.close()
    data = json.loads(path.read_text())
    told = [request["answer"]["usage"]["input_tokens"] for request in data["requests"]]
    assert [answers[0].usage.input_tokens, answers[1].usage.input_tokens] == [told[0], told[1] + told[2]]
    assert {answer.provider for answer in answers} == {data["requests"][0]["answer"]["provider"]}


async def test_recording_the_same_again_changes_no_line(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)
    before = path.read_text()
    await recorded(llm_server, path, "rewrite")
    assert path.read_text() == before


async def test_a_file_holds_lines_and_what_is_new_only(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)
    first, second, third = json.loads(path.read_text())["requests"]
    assert [message["role"] for message in first["messages"]] == ["system", "user"]
    assert first["answer"]["text"] == LONG.split("\n")
    assert (second["after"], [message["text"] for message in second["messages"]]) == (-1, ["And 12 squared?"])
    assert (third["after"], third["messages"]) == (-1, [{"role": "tool", "text": "144", "tool": "square", "call": 1}])
    assert ["tools" in request for request in (first, second, third)] == [True, False, False]


async def test_an_answer_that_was_edited_by_hand_is_given(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)
    path.write_text(path.read_text().replace("The mean is **3**.", "The mean is **4**."))
    with use_cassette(path):
        assert "**4**" in (await talk(NOBODY, "Which mean?", "And 12 squared?"))[0]


async def test_what_differs_is_named(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)

    async def fails(*questions: str, **options: Any) -> list[str]:
        with pytest.raises(MissingRecordingError) as told, use_cassette(path):
            await talk(NOBODY, *questions, **options)
        return told.value._render_traceback_()

    lines = await fails("Which median?")
    assert lines[0] == 'MissingRecordingError: "Which median?" is not recorded in talk.json.'
    assert [line.strip() for line in lines[2:5]] == [
        "differs in: line 1 of message 2 (user)",
        "recorded: Which mean?",
        "now:      Which median?",
    ]
    assert len(lines) == 6
    assert "VICTOR_CASSETTE_MODE=record" in lines[-1]
    assert "differs in: setting temperature" in (await fails("Which mean?", temperature=0.5))[2]


async def test_a_changed_tool_is_named_by_its_field(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)

    def cube(number: int) -> int:
        """The square of a number."""
        return number**3

    with pytest.raises(MissingRecordingError, match="the tools: cube"), use_cassette(path):
        await talk(NOBODY, "Which mean?", tools=[cube])


async def test_what_the_notebook_swallows_fails_at_the_end(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)
    with pytest.raises(MissingRecordingError, match="Never asked"), use_cassette(path):  # noqa: SIM117 (two of them)
        with pytest.raises(MissingRecordingError):
            await talk(NOBODY, "Never asked")


async def test_the_same_request_again_gets_its_recordings_in_order(llm_server: LLMServer, path: Path):
    for number in range(2):
        llm_server.reply(f"Answer {number}")
    with use_cassette(path, "rewrite"):
        for _ in range(2):
            await talk(f"{llm_server.openai_url}#m", "Roll a die.")
    with use_cassette(path):
        found = [(await talk(NOBODY, "Roll a die."))[0] for _ in range(3)]
    assert found == ["Answer 0", "Answer 1", "Answer 0"]


async def test_record_asks_only_what_is_not_there(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)
    llm_server.reply("New.")
    with use_cassette(path, "record"):
        await talk(f"{llm_server.openai_url}#m", "Which mean?", "And 12 squared?", "Something new?")
    assert len(llm_server.requests) == 4
    assert len(json.loads(path.read_text())["requests"]) == 4


async def test_what_is_not_asked_for_is_warned_of(llm_server: LLMServer, path: Path):
    await recorded(llm_server, path)
    with pytest.warns(UserWarning, match="2 of 3 recordings were not asked for"), use_cassette(path):
        await talk(NOBODY, "Which mean?")


async def test_no_secret_is_stored_and_requests_with_one_are_found(llm_server: LLMServer, path: Path):
    llm_server.reply(f"Your key is {SECRET}.")
    question = f"Is {SECRET} a key? {object()!r}"
    with use_cassette(path, "record"):
        await talk(f"{llm_server.openai_url}#m", question)
    text = path.read_text()
    assert SECRET not in text
    assert "127.0.0.1" not in text
    with use_cassette(path):
        assert await talk(NOBODY, f"Is {SECRET} a key? {object()!r}") == [
            "Your key is [secret scrubbed: Anthropic key]."
        ]


async def test_models_that_answer_by_themselves_are_left_alone(path: Path):
    with use_cassette(path):
        assert await talk("demo", "Hello")
        orchestrator = AgentOrchestrator(model=ScriptedModel("Scripted."))
        assert (await orchestrator.chat("Hi")).content == "Scripted."
        orchestrator.close()


async def test_an_orchestrator_that_goes_on_behind_the_block_asks_its_own_model(llm_server: LLMServer, path: Path):
    llm_server.reply("Recorded.")
    llm_server.reply("Live.")
    orchestrator = AgentOrchestrator(model=f"{llm_server.openai_url}#m")
    with use_cassette(path, "record"):
        await orchestrator.chat("One", session_id="a")
    assert (await orchestrator.chat("Two", session_id="b")).content == "Live."
    orchestrator.close()


def test_recording_under_ci_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(CassetteError, match="refused under CI"), use_cassette(path, "record"):
        pass


def test_a_mode_that_is_none(path: Path):
    with pytest.raises(UsageError, match="Did you mean 'replay'"), use_cassette(path, "repaly"):
        pass


def test_one_cassette_at_a_time(path: Path):
    with use_cassette(path), pytest.raises(UsageError, match="another cassette"), use_cassette(path):
        pass


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "it is no JSON"),
        ("[]", "it is no cassette"),
        ('{"victor_cassette": 9}', "of version 9, and this victor_nb reads up to 2"),
        (
            '{"victor_cassette": 1, "requests": [{"messages": []}]}',
            "request 1 cannot be understood: 'answer' is missing",
        ),
        (
            '{"victor_cassette": 1, "requests": [{"messages": [], "answer": {}, "after": 7}]}',
            "comes after request 7",
        ),
    ],
)
def test_a_file_that_is_none(path: Path, text: str, told: str):
    path.parent.mkdir()
    path.write_text(text)
    with pytest.raises(CassetteError, match=told), use_cassette(path):
        pass


def test_replaying_imports_no_providers_package():
    script = (
        "import sys, victor_nb.testing; print({'openai', 'anthropic', 'pydantic_ai', 'IPython'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts, lambda x: st.lists(x) | st.dictionaries(texts, x)
)


@given(texts, texts, st.dictionaries(texts, values, max_size=3), st.lists(st.integers(1, 5), max_size=8))
def test_a_file_gives_back_what_was_written(question: str, answer: str, arguments: Any, sizes: list[int]):
    pieces, start = list[ModelDelta](), 0
    for size in sizes:
        pieces += [ModelDelta(text=answer[start : start + size])] if answer[start : start + size] else []
        start += size
    pieces += [ModelDelta(text=answer[start:])] if answer[start:] else []
    calls = (ToolCall("c1", "f", json.dumps(arguments)),)
    reply = ModelReply(Message("assistant", answer, calls), Usage(3, 4), "m", "p", finish_reason="stop", cost_usd=0.5)
    found = Answer.of(reply, [*pieces, ModelDelta(tool_name="f")], Timing(0.1, 0.2), Redaction(environment={}))
    tool = {"name": "f", "description": question, "parameters": {"required": ["a", "b"], "text": ["a"]}}
    take = Take(
        Sent("m", "chat", Talk.of([{"role": "user", "text": question}]), Tools([tool]), None, {"top_p": 0.5}), found
    )
    content = from_text(to_text([take], {"m": Player("m", "p", 7)}))
    (again,), players = content.takes, content.players
    assert (again.sent.key, again.sent.tools[0]["description"]) == (take.sent.key, question)
    assert again.answer.says_the_same(found)
    assert list(again.answer.deltas()) == list(found.deltas())
    assert players == {"m": Player("m", "p", 7)}

"""Canaries: what must not be published is put wherever a conversation has a place for it, recorded against a real
server, and looked for in the file. What was asked with it is found again."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator, Settings
from victor_nb.messages import Message, ModelReply, ToolCall, Usage
from victor_nb.testing import use_cassette
from victor_nb.testing.cassettes.answer import Answer, Timing
from victor_nb.testing.cassettes.redaction import Redaction

KEYS = {
    "OPENAI_API_KEY": "sk-proj-canary0123456789abcdefghij",
    "VAULT_TOKEN": "canary-by-its-name-only",
    "DB_PASSWORD": "canary hunter two",
}
SHAPES = (
    "sk-ant-api03-canary0123456789abcdef",
    "ghp_canary0123456789abcdefghijklmnop",
    "AKIACANARY0123456789",
    "hf_canary0123456789abcdefgh",
)
PLACES = (
    "Authorization: Bearer canary0123456789abcdef",
    '{"x-api-key": "canary-0123456789"}',
    "Cookie: session=canary0123456789",
    "postgresql://canaryuser:canarypassword@db.example/x",
    "https://canarytoken@git.example/repo.git",
    "https://files.example/a.csv?sig=canary%2F0123456789&x=1",
    "password = 'canary-hunter-22'",
    "client_secret=canary-0123456789",
    "-----BEGIN PRIVATE KEY-----\ncanary0123456789\n-----END PRIVATE KEY-----",
    "aws_secret_access_key = canary/0123456789+abcdefghijklmnopqrstuv",
)
EVERYTHING = "\n".join([*KEYS.values(), *SHAPES, *PLACES])


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("HOME", "/home/canaryname")
    monkeypatch.setenv("USER", "canaryname")
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


def fetch(url: str, token: str = "sk-ant-api03-canary0123456789abcdef") -> str:
    """Uses sk-ant-api03-canary0123456789abcdef."""
    return f"{EVERYTHING}\n/home/canaryname/data.csv {url}"


def fails(path: str) -> str:
    """Opens a file."""
    raise OSError(f"/home/canaryname/{path}: {KEYS['VAULT_TOKEN']}")


async def talk(url: str) -> list[str]:
    settings = Settings(redact_patterns=["canaryproject"])
    orchestrator = AgentOrchestrator(settings, model=f"{url}#m", tools=[fetch, fails])
    question = f"What are these? {EVERYTHING}\nIn /home/canaryname/data.csv, by canaryproject, someone@canary.example"
    options: dict[str, Any] = {"extra_body": {"user": "canary-extra"}, "stop_sequences": [SHAPES[0]]}
    try:
        return [(await orchestrator.chat(text, **options)).content for text in (question, "And now?")]
    finally:
        orchestrator.close()


def script(server: LLMServer) -> None:
    server.reply(tool_calls=[("fetch", {"url": PLACES[3], "token": SHAPES[1]}), ("fails", {"path": "canary"})])
    server.reply(f"They are {EVERYTHING}\nin /home/canaryname of canaryproject", headers={"x-canary": "canary-header"})
    server.reply("Still.", model=f"m {SHAPES[2]}")


async def test_no_canary_is_in_a_cassette_and_what_was_asked_with_them_is_found(llm_server: LLMServer, tmp_path: Path):
    path = tmp_path / "talk.json"
    script(llm_server)
    with use_cassette(path, "record") as cassette:
        await talk(llm_server.openai_url.replace("http://", "http://canaryuser:canarypassword@"))
    assert cassette.recorded == 3
    kept = [line.strip() for line in path.read_text().splitlines() if "canary" in line]
    assert set(kept) == {'"path": "canary"', '"text": "OSError: [home folder]/canary: [secret scrubbed: VAULT_TOKEN]",'}
    assert "127.0.0.1" not in path.read_text()
    assert getpass.getuser() == "canaryname"
    with use_cassette(path) as cassette:
        answers = await talk("http://127.0.0.1:9/v1")
    assert (cassette.replayed, answers[1]) == (3, "Still.")


async def test_a_home_folder_is_the_one_where_it_is_replayed(
    llm_server: LLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "talk.json"
    llm_server.reply("It is /home/canaryname/data.csv.")
    with use_cassette(path, "record"):
        await ask(f"{llm_server.openai_url}#m", "Where is /home/canaryname/data.csv?")
    assert "[home folder]/data.csv" in path.read_text()
    monkeypatch.setenv("HOME", "/Users/bob")
    for question in ("Where is /Users/bob/data.csv?", "Where is /home/canaryname/data.csv?"):
        with use_cassette(path):
            assert await ask("http://127.0.0.1:9/v1#m", question) == "It is /Users/bob/data.csv."


async def ask(model: str, question: str) -> str:
    orchestrator = AgentOrchestrator(model=model)
    try:
        return (await orchestrator.chat(question)).content
    finally:
        orchestrator.close()


async def test_personal_data_goes_where_the_settings_say_so(llm_server: LLMServer, tmp_path: Path):
    path = tmp_path / "talk.json"
    llm_server.reply("Write to ann@example.org.")
    settings = Settings(capture_content="redacted")
    for url, mode in ((llm_server.openai_url, "record"), ("http://127.0.0.1:9/v1", "replay")):
        with use_cassette(path, mode):
            orchestrator = AgentOrchestrator(settings, model=f"{url}#m")
            answer = await orchestrator.chat("Who is ann@example.org?")
            orchestrator.close()
    assert "ann@" not in path.read_text()
    assert answer.content == "Write to [redacted]."


@pytest.mark.parametrize("home", ["/", "/app", "/tmp", ""])
def test_a_folder_that_is_nobodys_stays(home: str):
    text = "in /app/x, /tmp/y and /home/settings"
    assert Redaction(environment={"HOME": home}).text(text) == text


def test_prose_and_code_without_secrets_stay():
    text = "The password field is empty; api_key = os.environ['X']; tokens: 12345678; see https://a.example/?page=2#key"
    assert Redaction(environment={}).text(text) == text


pieces = st.sampled_from(
    [*SHAPES, *PLACES, *KEYS.values(), "/root", "[redacted]", "[", "]", '"', "\\", " ", "\n", "a:", "="]
)


@given(st.lists(pieces | st.text(max_size=8), max_size=8).map("".join))
def test_what_is_clean_stays_clean(text: str):
    redaction = Redaction(lambda found: found.replace("a:", "[redacted]"), {**KEYS, "HOME": "/root"})
    clean = redaction.text(text)
    assert redaction.text(clean) == clean
    assert redaction.json({clean: [clean]}) == {clean: [clean]}


@given(st.lists(pieces | st.text(max_size=8), max_size=6).map("".join))
@example("/root/root/root")
def test_an_answer_is_stored_as_it_will_be_asked(text: str):
    redaction = Redaction(environment={**KEYS, "HOME": "/root"})
    call = ToolCall("c", "f", json.dumps({text: text}))
    reply = ModelReply(Message("assistant", text, (call,)), Usage(), text, "p", reasoning=text)
    once = Answer.of(reply, [], Timing(None, 0.0), redaction)
    assert Answer.of(once.reply, [], Timing(None, 0.0), redaction).to_json() == once.to_json()
    assert Answer.from_json(json.loads(json.dumps(once.to_json()))).to_json() == once.to_json()

"""Whatever the conversation, the server receives the same roles, texts and pairs of calls and results."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.llm_server import LLMServer

from victor_nb.messages import Message, ModelRequest, ToolCall
from victor_nb.models import build_model
from victor_nb.models.wire_messages import MessageConverter
from victor_nb.protocols import IChatModel

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
ARGUMENTS = st.dictionaries(st.sampled_from("abc"), st.integers() | TEXTS, max_size=2).map(json.dumps)


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    messages = [Message("system", draw(TEXTS)), Message("user", draw(TEXTS))]
    for step in range(draw(st.integers(0, 3))):
        calls = [ToolCall(f"c{step}_{n}", "look_up", draw(ARGUMENTS)) for n in range(draw(st.integers(0, 3)))]
        text = draw(TEXTS if not calls else TEXTS | st.just(""))
        messages.append(Message("assistant", text, tool_calls=tuple(calls)))
        messages += [Message("tool", draw(TEXTS), tool_call_id=c.id, tool_name=c.name) for c in calls]
        if not calls or draw(st.booleans()):
            messages.append(Message("user", draw(TEXTS)))
    return tuple(messages)


def expected(messages: tuple[Message, ...]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    for message in messages:
        if message.role == "tool":
            rows.append(("tool", message.tool_call_id, message.content))
        elif message.content:
            rows.append((message.role, message.content))
        rows += [("call", c.id, c.name, json.loads(c.arguments)) for c in message.tool_calls]
    return rows


def chat_rows(body: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    for message in body["messages"]:
        if message["role"] == "tool":
            yield "tool", message["tool_call_id"], message["content"]
        elif message.get("content"):
            yield message["role"], message["content"]
        for call in message.get("tool_calls") or ():
            yield "call", call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])


def anthropic_rows(body: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield "system", body["system"] if isinstance(body["system"], str) else body["system"][0]["text"]
    for message in body["messages"]:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            match part["type"]:
                case "text":
                    yield message["role"], part["text"]
                case "tool_use":
                    yield "call", part["id"], part["name"], part["input"]
                case "tool_result":
                    inner = part["content"]
                    yield "tool", part["tool_use_id"], inner if isinstance(inner, str) else inner[0]["text"]


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    server = LLMServer()
    yield server
    server.close()


@pytest.fixture(scope="module")
def chat(server: LLMServer) -> Iterator[IChatModel]:
    yield from closing(build_model("openai-chat:m", base_url=server.openai_url))


@pytest.fixture(scope="module")
def anthropic(server: LLMServer) -> Iterator[IChatModel]:
    yield from closing(build_model("anthropic:m", base_url=server.url))


def closing(model: IChatModel) -> Iterator[IChatModel]:
    yield model
    asyncio.run(model.aclose())  # type: ignore[attr-defined]


@given(messages=conversations())
@settings(max_examples=40, deadline=None)
def test_openai_receives_the_conversation(messages: tuple[Message, ...], chat: IChatModel, server: LLMServer) -> None:
    asyncio.run(chat.request(ModelRequest(messages)))
    assert list(chat_rows(server.requests[-1].body)) == expected(messages)


@given(messages=conversations())
@settings(max_examples=40, deadline=None)
def test_anthropic_receives_the_conversation(
    messages: tuple[Message, ...], anthropic: IChatModel, server: LLMServer
) -> None:
    asyncio.run(anthropic.request(ModelRequest(messages)))
    assert list(anthropic_rows(server.requests[-1].body)) == expected(messages)


def test_an_answer_goes_back_as_the_library_gave_it_until_it_is_changed(chat: IChatModel, server: LLMServer) -> None:
    server.reply("Original.")
    answer = asyncio.run(chat.request(ModelRequest((Message("user", "q"),)))).message
    asyncio.run(chat.request(ModelRequest((Message("user", "q"), answer, Message("user", "r")))))
    assert MessageConverter("openai").convert([answer]) == [answer.wire]
    clamped = replace(answer, content="Orig…")
    asyncio.run(chat.request(ModelRequest((Message("user", "q"), clamped, Message("user", "r")))))
    sent = [[m["content"] for m in received.body["messages"]] for received in server.requests[-2:]]
    assert sent == [["q", "Original.", "r"], ["q", "Orig…", "r"]]


def test_an_answer_of_another_provider_is_rebuilt(chat: IChatModel, anthropic: IChatModel, server: LLMServer) -> None:
    server.reply("Hello", tool_calls=[("f", {"x": 1}, "id1")])
    answer = asyncio.run(anthropic.request(ModelRequest((Message("user", "q"),)))).message
    result = Message("tool", "done", tool_call_id="id1", tool_name="f")
    assert MessageConverter("anthropic").convert([answer]) == [answer.wire]
    assert MessageConverter("openai").convert([answer])[0] is not answer.wire
    messages = (Message("user", "q"), answer, result)
    asyncio.run(chat.request(ModelRequest(messages)))
    assert list(chat_rows(server.requests[-1].body)) == expected(messages)


def test_a_message_is_converted_once() -> None:
    converter = MessageConverter("openai")
    history = [Message("user", "q"), Message("assistant", "a")]
    first = converter.convert(history)
    second = converter.convert([*history, Message("user", "r")])
    assert second[1] is first[1]


def test_all_results_of_a_step_travel_together() -> None:
    calls = tuple(ToolCall(f"c{n}", "f", "{}") for n in range(3))
    results = [Message("tool", "ok", tool_call_id=call.id, tool_name="f") for call in calls]
    converted = MessageConverter("x").convert(
        [Message("user", "q"), Message("assistant", "", tool_calls=calls), *results]
    )
    assert [len(message.parts) for message in converted] == [1, 3, 3]

"""The demo model is honest, shows what would be sent, and does as it is told."""

from __future__ import annotations

import asyncio
import json

import pytest

from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest, ToolSpec
from victor_nb.models import DemoModel

NUMBER = {"type": "number"}
ADD = ToolSpec("add", "Add two numbers.\nMore.", {"type": "object", "properties": {"a": NUMBER, "b": NUMBER}})
LOOK = ToolSpec("look_up", "", {"type": "object", "properties": {"query": {"type": "string"}}})


def ask(*messages: Message, **parts: object) -> ModelReply:
    return asyncio.run(DemoModel(0).request(ModelRequest(messages, **parts)))  # type: ignore[arg-type]


def user(text: str) -> Message:
    return Message("user", text)


def test_it_says_first_that_it_is_no_ai_and_how_to_get_one() -> None:
    text = ask(user("What is life?")).message.content
    assert text.startswith("**I am the demo model, not an AI**")
    assert "%victor use openai:" in text
    assert "%victor use anthropic:" in text
    assert "%victor use ollama:" in text


def test_it_shows_what_a_real_model_would_have_been_sent() -> None:
    system = Message("system", "Be kind.\n```\nfence\n```")
    text = ask(system, user("Hi"), tools=(ADD, LOOK), settings={"temperature": 0.2}).message.content
    assert "Be kind." in text
    assert "````text" in text
    assert "- `add(a, b)`: Add two numbers." in text
    assert "- `look_up(query)`" in text
    assert "`temperature=0.2`" in text
    assert "| all, with tools | 2 |" in text


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("use add with a=2 b=3", {"a": 2, "b": 3}),
        ("Please call add(2, 3).", {"a": 2, "b": 3}),
        ("add(2, b=3)", {"a": 2, "b": 3}),
        ('add {"a": 2, "b": -3.5}', {"a": 2, "b": -3.5}),
        ("call the tool `add` with 2 and 3", {"a": 2, "b": 3}),
        ("use add with a: 2, b: 3!", {"a": 2, "b": 3}),
        ("call add((1, 2), [')'])", {"a": [1, 2], "b": [")"]}),
        ("add(x, __import__('os'))", {"a": "x", "b": "__import__('os')"}),
        ("use add", {}),
        ("add(", {}),
    ],
)
def test_it_calls_a_tool_when_asked(text: str, arguments: dict[str, object]) -> None:
    reply = ask(user(text), tools=(LOOK, ADD))
    (call,) = reply.message.tool_calls
    assert (call.name, json.loads(call.arguments)) == ("add", arguments)
    assert reply.finish_reason == "tool_call"


@pytest.mark.parametrize("text", ["Can you add salt?", "address(1)", "What does look_up do?", ""])
def test_it_calls_no_tool_when_not_asked(text: str) -> None:
    assert ask(user(text), tools=(LOOK, ADD)).message.tool_calls == ()


def test_after_the_tool_it_shows_the_result() -> None:
    call = ask(user("add(2, 3)"), tools=(ADD,)).message
    result = Message("tool", "5", tool_call_id=call.tool_calls[0].id, tool_name="add")
    reply = ask(user("add(2, 3)"), call, result, tools=(ADD,))
    assert reply.message.tool_calls == ()
    assert "`add` →" in reply.message.content
    assert "\n5\n" in reply.message.content


def test_an_output_tool_gets_a_blank_of_its_shape() -> None:
    point = {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer", "minimum": 1}}}
    schema = {
        "type": "object",
        "required": ["name", "at", "tags", "kind"],
        "properties": {
            "name": {"type": "string"},
            "at": {"$ref": "#/$defs/Point"},
            "tags": {"type": "array"},
            "kind": {"enum": ["big", "small"]},
        },
        "$defs": {"Point": point},
    }
    (call,) = ask(user("x"), output_tool=ToolSpec("final", "", schema)).message.tool_calls
    assert json.loads(call.arguments) == {"name": "", "at": {"x": 1}, "tags": [], "kind": "big"}


def test_it_is_measured_as_no_model_and_costs_nothing_known() -> None:
    reply = ask(user("one two three"))
    assert (reply.usage.source, reply.cost_usd, reply.provider) == ("unmeasured", None, "demo")
    assert reply.usage.input_tokens == 4


def test_the_stream_adds_up_to_the_same_answer_every_time() -> None:
    request = ModelRequest((user("Tell me\n  more"),), tools=(ADD,))

    async def streamed() -> str:
        items = [item async for item in DemoModel(0).stream(request)]
        assert isinstance(items[-1], ModelReply)
        assert len(items) > 20
        return "".join(item.text for item in items if isinstance(item, ModelDelta))

    assert (
        asyncio.run(streamed()) == asyncio.run(streamed()) == asyncio.run(DemoModel().request(request)).message.content
    )

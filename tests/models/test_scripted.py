"""ScriptedModel does what its script says, to the request."""

from __future__ import annotations

import asyncio
import json

import pytest

from victor_nb.errors import RateLimitError, VictorError
from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest, Usage
from victor_nb.protocols import IChatModel
from victor_nb.testing import Reply, ScriptedModel, ScriptError, call, cut

ASK = ModelRequest((Message("user", "two words"),))


async def items(model: ScriptedModel) -> list[ModelDelta | ModelReply]:
    return [item async for item in model.stream(ASK)]


def test_a_text_streams_word_by_word() -> None:
    model = ScriptedModel("Good morning,\nworld")
    assert isinstance(model, IChatModel)
    *deltas, reply = asyncio.run(items(model))
    assert [delta.text for delta in deltas if isinstance(delta, ModelDelta)] == ["Good ", "morning,\n", "world"]
    assert isinstance(reply, ModelReply)
    assert (reply.message.content, reply.usage) == ("Good morning,\nworld", Usage(2, 3))


def test_tool_calls_and_functions_of_the_request() -> None:
    model = ScriptedModel(call("add", a=1), [call("f"), call("g")], lambda r: f"{len(r.messages)} message")
    replies = [asyncio.run(model.request(ASK)) for _ in range(3)]
    first = replies[0].message.tool_calls[0]
    assert (first.name, json.loads(first.arguments)) == ("add", {"a": 1})
    assert [c.name for c in replies[1].message.tool_calls] == ["f", "g"]
    assert replies[2].message.content == "1 message"
    assert model.requests == [ASK, ASK, ASK]


def test_errors_and_broken_streams() -> None:
    model = ScriptedModel(RateLimitError("full"), cut("one two", RateLimitError("later")))
    with pytest.raises(RateLimitError, match="full"):
        asyncio.run(model.request(ASK))
    seen: list[object] = []

    async def read() -> None:
        async for item in model.stream(ASK):
            seen.append(item)  # noqa: PERF401

    with pytest.raises(RateLimitError, match="later"):
        asyncio.run(read())
    assert seen == [ModelDelta(text="one "), ModelDelta(text="two")]


def test_a_reply_in_full() -> None:
    told = Reply("x", usage=Usage(7, 8), reasoning="because I said", finish_reason="length", cost_usd=0.5)
    *deltas, reply = asyncio.run(items(ScriptedModel(told)))
    assert ModelDelta(reasoning="because ") in deltas
    assert isinstance(reply, ModelReply)
    assert (reply.usage, reply.finish_reason, reply.cost_usd) == (Usage(7, 8), "length", 0.5)


def test_a_script_that_ends_too_early_says_so() -> None:
    with pytest.raises(ScriptError, match="request 1") as caught:
        asyncio.run(ScriptedModel().request(ASK))
    assert isinstance(caught.value, VictorError)
    with pytest.raises(ScriptError, match="no answer"):
        asyncio.run(ScriptedModel(42).request(ASK))  # type: ignore[arg-type]

"""Whatever middlewares there are, in whatever order: each sees every call exactly once, and no denial is got around."""

from __future__ import annotations

import asyncio
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from victor_nb.agent.middleware import Middlewares
from victor_nb.agent.tools import ToolOutcome
from victor_nb.errors import DeniedError, VictorError
from victor_nb.messages import Message, ModelReply, ModelRequest, ToolCall, ToolRequest, Usage

ORDERLY = {"passes", "answers", "denies", "denies late", "swallows", "retries"}
KINDS = ["passes", "answers", "denies", "denies late", "retries", "swallows", "fails", "forgets", "gathers"]
REQUEST = ModelRequest((Message("user", "go"),))
REPLY = ModelReply(Message("assistant", "ok"), Usage(), "m", "p")
TOOL_REQUEST = ToolRequest(ToolCall("1", "add", "{}"), {})
OUTCOME = ToolOutcome(TOOL_REQUEST.call, "ok", "5")


class Layer:
    """One that behaves, or misbehaves, in the way of its kind."""

    def __init__(self, number, kind, seen, answer):
        self.number, self.kind, self.seen, self.answer = number, kind, seen, answer

    async def __call__(self, request, next):
        self.seen[self.number] += 1
        match self.kind:
            case "answers":
                return self.answer
            case "denies":
                raise DeniedError("no")
            case "fails":
                raise ZeroDivisionError
            case "swallows" | "retries":
                return await self.stubborn(request, next)
            case "gathers":
                return (await asyncio.gather(next(request), next(request), return_exceptions=True))[0]
        answer = await next(request)
        if self.kind == "denies late":
            raise DeniedError("no")
        return None if self.kind == "forgets" else answer

    async def stubborn(self, request, next):
        try:
            return await next(request)
        except (VictorError, ZeroDivisionError):
            if self.kind == "swallows":
                return self.answer
        try:
            return await next(request)
        except VictorError:
            return self.answer


def travel(kinds, answer, around):
    """What comes out, how often each layer and the inmost were called."""
    seen: Counter[object] = Counter()
    layers = Middlewares([Layer(number, kind, seen, answer) for number, kind in enumerate(kinds)])

    async def inmost(request):
        seen["inmost"] += 1
        return answer

    async def go():
        try:
            return await around(layers, inmost)
        except (VictorError, ZeroDivisionError) as error:
            return error

    return asyncio.run(go()), seen


def is_denied(kinds):
    """What is denied late has to get there: an error on the way is one all the same."""
    return "denies" in kinds or ("denies late" in kinds and set(kinds) <= ORDERLY)


@given(st.lists(st.sampled_from(KINDS), max_size=6))
def test_around_requests(kinds):
    found, seen = travel(kinds, REPLY, lambda layers, inmost: layers.around_request(REQUEST, inmost))
    assert [seen[number] for number in range(len(kinds))] == [1] * len(kinds)
    assert seen["inmost"] == (not {"answers", "denies", "fails"} & set(kinds))
    if is_denied(kinds):
        assert isinstance(found, DeniedError)
    elif set(kinds) <= ORDERLY:
        assert found is REPLY


@given(st.lists(st.sampled_from(KINDS), max_size=6))
def test_around_tool_calls(kinds):
    found, seen = travel(kinds, OUTCOME, lambda layers, inmost: layers.around_tool(TOOL_REQUEST, inmost))
    assert [seen[number] for number in range(len(kinds))] == [1] * len(kinds)
    assert seen["inmost"] == (not {"answers", "denies", "fails"} & set(kinds))
    if is_denied(kinds):
        assert (found.status, found.error_type) == ("denied", "DeniedError")
        assert ("withheld" if seen["inmost"] else "not made") in found.text

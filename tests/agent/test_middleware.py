"""Middleware around each model request and tool call of `chat()`: what it sees, may change, and may not do."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pytest

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import ToolOutcome, tool
from victor_nb.errors import DeniedError, MiddlewareError, ModelConnectionError
from victor_nb.messages import Message, ModelReply, ModelRequest, ToolRequest, Usage
from victor_nb.testing import ScriptedModel, call, cut

BOTH_WAYS = pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def said(text: str) -> ModelReply:
    return ModelReply(Message("assistant", text), Usage(), "mine", "mine")


async def asked(orchestrator: AgentOrchestrator, streamed: bool = False, message: str = "go") -> tuple[str, str]:
    """The answer, and what the screen showed of it."""
    chunks: list[str] = []
    on_chunk = (lambda chunk: chunks.append(chunk.content)) if streamed else None
    response = await orchestrator.chat(message, on_chunk=on_chunk)
    return response.content, "".join(chunks)


def contents(orchestrator: AgentOrchestrator) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in orchestrator.context_coordinator.get_context().messages]


async def events(orchestrator: AgentOrchestrator) -> list[tuple[str, dict[str, Any]]]:
    found = await orchestrator.analytics_coordinator.get_session_analytics(orchestrator.session_id)
    return [(event.type, event.data) for event in found.events]


class Noting:
    def __init__(self, name: str, notes: list[str]) -> None:
        self.name = name
        self.notes = notes

    async def __call__(self, request, next):
        self.notes.append(f"{self.name} in {type(request).__name__}")
        answer = await next(request)
        self.notes.append(f"{self.name} out {type(answer).__name__}")
        return answer


@BOTH_WAYS
async def test_layers_stand_around_every_request_and_every_tool_call_in_order(streamed):
    notes: list[str] = []
    model = ScriptedModel(call("add", a=2, b=3), "It is 5.")
    orchestrator = AgentOrchestrator(model=model, tools=[add], middleware=[Noting("a", notes), Noting("b", notes)])
    assert await asked(orchestrator, streamed) == ("It is 5.", "It is 5." if streamed else "")
    request = ["a in ModelRequest", "b in ModelRequest", "b out ModelReply", "a out ModelReply"]
    around_the_call = ["a in ToolRequest", "b in ToolRequest", "b out ToolOutcome", "a out ToolOutcome"]
    assert notes == [*request, *around_the_call, *request]


async def test_a_request_says_where_it_belongs_and_can_be_changed():
    seen: list[ModelRequest] = []

    async def colder(request, next):
        seen.append(request)
        return await next(dataclasses.replace(request, settings={"temperature": 0.0}))

    model = ScriptedModel("ok")
    response = await AgentOrchestrator(model=model, middleware=[colder]).chat("go", temperature=1.0)
    assert (seen[0].session_id, seen[0].turn_id, seen[0].purpose) == (response.session_id, response.turn_id, "chat")
    assert (seen[0].settings, model.requests[0].settings) == ({"temperature": 1.0}, {"temperature": 0.0})


async def test_what_is_on_record_is_what_was_sent():
    async def colder(request, next):
        return await next(dataclasses.replace(request, settings={"temperature": 0.25}))

    orchestrator = AgentOrchestrator(model=ScriptedModel("ok"), middleware=[colder])
    await orchestrator.chat("go", temperature=1.0)
    assert [data["temperature"] for kind, data in await events(orchestrator) if kind == "model_request_started"] == [
        0.25
    ]


@BOTH_WAYS
async def test_one_that_answers_itself_spares_the_model_and_is_seen_by_those_inside(streamed):
    notes: list[str] = []

    async def cache(request, next):
        return said("from the cache")

    model = ScriptedModel()
    orchestrator = AgentOrchestrator(model=model, middleware=[cache, Noting("in", notes)])
    shown = "from the cache" if streamed else ""
    assert await asked(orchestrator, streamed) == await asked(orchestrator, streamed) == ("from the cache", shown)
    assert (model.requests, len(notes)) == ([], 4)
    assert not [kind for kind, _ in await events(orchestrator) if kind.startswith("model_request")]
    ids = [message.id for message in orchestrator.context_coordinator.get_context().messages]
    assert len(set(ids)) == 4


@BOTH_WAYS
async def test_an_answer_that_was_changed_is_the_answer_and_is_what_the_model_reads_next(streamed):
    async def upper(request, next):
        reply = await next(request)
        return dataclasses.replace(reply, message=dataclasses.replace(reply.message, content="LOUD", wire="quiet"))

    model = ScriptedModel("quiet", "quiet again")
    orchestrator = AgentOrchestrator(model=model, middleware=[upper])
    assert await asked(orchestrator, streamed) == ("LOUD", "quiet" if streamed else "")
    await asked(orchestrator, streamed)
    assert [(m.content, m.wire) for m in model.requests[1].messages if m.role == "assistant"] == [("LOUD", None)]


async def test_what_is_added_to_a_streamed_answer_reaches_the_screen():
    async def signed(request, next):
        reply = await next(request)
        text = f"{reply.message.content} -- checked"
        return dataclasses.replace(reply, message=dataclasses.replace(reply.message, content=text))

    orchestrator = AgentOrchestrator(model=ScriptedModel("fine"), middleware=[signed])
    assert await asked(orchestrator, streamed=True) == ("fine -- checked", "fine -- checked")


@BOTH_WAYS
async def test_a_denied_request_fails_the_turn_and_leaves_the_conversation(streamed):
    async def deny(request, next):
        if "secret" in request.messages[-1].content:
            raise DeniedError("no secrets", hint="ask about something else")
        return await next(request)

    model = ScriptedModel("fine")
    orchestrator = AgentOrchestrator(model=model, middleware=[deny])
    await asked(orchestrator, streamed)
    with pytest.raises(DeniedError, match="no secrets"):
        await asked(orchestrator, streamed, "the secret, please")
    assert contents(orchestrator) == [("user", "go"), ("assistant", "fine")]
    kind, last = (await events(orchestrator))[-1]
    assert (kind, last["error_type"], last["requests"], len(model.requests)) == ("turn_completed", "DeniedError", 0, 1)


async def test_a_denied_tool_call_is_not_made_and_the_model_is_told_why():
    made: list[int] = []

    def delete(number: int) -> str:
        """Deletes."""
        made.append(number)
        return "gone"

    async def careful(request, next):
        if isinstance(request, ToolRequest) and request.arguments["number"] > 1:
            raise DeniedError("only number 1 may go")
        return await next(request)

    model = ScriptedModel([call("delete", number=1), call("delete", number=2)], "done")
    response = await AgentOrchestrator(model=model, tools=[delete], middleware=[careful]).chat("go")
    assert ([done.status for done in response.tool_calls], made) == (["ok", "denied"], [1])
    assert "only number 1 may go" in model.requests[1].messages[-1].content


@pytest.mark.parametrize("outermost", [True, False])
async def test_nobody_is_asked_about_a_denied_call_and_a_denied_request_costs_nothing(outermost):
    asked_about: list[str] = []

    async def deny(request, next):
        raise DeniedError("not today")

    async def deny_tools(request, next):
        return await (next(request) if isinstance(request, ModelRequest) else deny(request, next))

    async def swallow(request, next):
        try:
            return await next(request)
        except DeniedError:
            return said("yes") if isinstance(request, ModelRequest) else ToolOutcome(request.call, "ok", "yes")

    def approve(name, arguments):
        asked_about.append(name)
        return True

    @tool(requires_approval=lambda arguments: asked_about.append("rule") or True)
    def risky() -> None:
        """Risky."""
        asked_about.append("ran")

    model = ScriptedModel(call("risky"), "done")
    layers = [deny_tools, swallow] if outermost else [swallow, deny_tools]
    orchestrator = AgentOrchestrator(model=model, tools=[risky], middleware=layers, approve=approve)
    response = await orchestrator.chat("go")
    assert ([done.status for done in response.tool_calls], asked_about) == (["denied"], [])
    assert "approval_decided" not in [kind for kind, _ in await events(orchestrator)]
    layers = [deny, swallow] if outermost else [swallow, deny]
    refused = AgentOrchestrator(model=ScriptedModel(), middleware=layers)
    with pytest.raises(DeniedError, match="not today"):
        await refused.chat("go")
    found = dict(await events(refused))
    assert "model_request_started" not in found
    assert (found["turn_completed"]["requests"], found["turn_completed"]["cost_usd"]) == (0, None)


async def test_arguments_that_are_changed_where_they_are_are_checked_too():
    def change(number: object) -> Any:
        async def changing(request, next):
            if isinstance(request, ToolRequest):
                request.arguments["a"] = number
            return await next(request)

        return changing

    for number, status, result in [("three", "invalid_arguments", "three"), ("3", "ok", "5")]:
        model = ScriptedModel(call("add", a=1, b=2), "done")
        response = await AgentOrchestrator(model=model, tools=[add], middleware=[change(number)]).chat("go")
        (made,) = response.tool_calls
        assert (made.status, result in made.result) == (status, True)


async def test_arguments_can_be_changed_and_results_taken_from_elsewhere():
    async def doubled(request, next):
        if isinstance(request, ModelRequest):
            return await next(request)
        if request.arguments["b"] == 0:
            return ToolOutcome(request.call, "ok", "from the cache")
        return await next(dataclasses.replace(request, arguments={**request.arguments, "a": 10}))

    model = ScriptedModel([call("add", a=1, b=1), call("add", a=1, b=0)], "done")
    response = await AgentOrchestrator(model=model, tools=[add], middleware=[doubled]).chat("go")
    assert [done.result for done in response.tool_calls] == ["11", "from the cache"]


async def test_calls_that_cannot_run_are_seen_too():
    seen: list[tuple[str, dict[str, Any]]] = []

    async def see(request, next):
        if isinstance(request, ToolRequest):
            seen.append((request.name, dict(request.arguments)))
        return await next(request)

    model = ScriptedModel([call("ad", a=1), call("add", a="x", b=1)], "sorry")
    response = await AgentOrchestrator(model=model, tools=[add], middleware=[see]).chat("go")
    assert [done.status for done in response.tool_calls] == ["unknown_tool", "invalid_arguments"]
    assert seen == [("ad", {"a": 1}), ("add", {"a": "x", "b": 1})]


async def once_more(request, next):
    await next(request)
    return await next(request)


async def forgetful(request, next):
    await next(request)


async def confused(request, next):
    return await next("a request")


def unawaited(request, next):
    async def later():
        return next(request)

    return later()


@pytest.mark.parametrize(
    ("middleware", "match"),
    [
        (once_more, "once_more called next\\(\\) a second time"),
        (forgetful, "forgetful returned None, not a ModelReply.*return await next"),
        (confused, "confused called next\\(\\) with a str, not a ModelRequest"),
        (unawaited, "unawaited returned a coroutine, not a ModelReply"),
        (lambda request, next: dataclasses.replace(said(""), message=Message("user", "x")), "role 'user'"),
    ],
)
async def test_what_breaks_the_rules_fails_the_turn_and_is_named(middleware, match):
    orchestrator = AgentOrchestrator(model=ScriptedModel("ok", "ok"), middleware=[middleware])
    with pytest.raises(MiddlewareError, match=match):
        await orchestrator.chat("go")
    assert contents(orchestrator) == []
    assert (await events(orchestrator))[-1][1]["error_type"] == "MiddlewareError"


async def test_a_call_cannot_be_exchanged_for_another():
    async def other(request, next):
        changed = {"call": call("add", a=0, b=0)} if isinstance(request, ToolRequest) else {}
        return await next(dataclasses.replace(request, **changed))

    orchestrator = AgentOrchestrator(model=ScriptedModel(call("add", a=1, b=1)), tools=[add], middleware=[other])
    with pytest.raises(MiddlewareError, match="only `arguments` may be changed"):
        await orchestrator.chat("go")


class Silent:
    pass


class Narrow:
    async def __call__(self, request):
        return request


class Yielding:
    async def __call__(self, request, next):
        yield await next(request)


@pytest.mark.parametrize(
    ("middleware", "match"),
    [
        ([Silent()], r"middleware\[0\] is a Silent, which has no async def __call__"),
        ([forgetful, Narrow], r"middleware\[1\] is the class Narrow: give an object of it, Narrow\(\)"),
        ([Narrow()], r"middleware\[0\], Narrow, does not take \(request, next\)"),
        ([Yielding()], r"Yielding, yields: it must return the answer"),
        (forgetful, r"middleware takes a list, not a function: use middleware=\[…\]"),
        (None, "takes a list, not None"),
        ("log", "takes a list, not a str"),
    ],
)
def test_what_is_no_middleware_is_refused_when_the_orchestrator_is_made(middleware, match):
    with pytest.raises(TypeError, match=match):
        AgentOrchestrator(model=ScriptedModel(), middleware=middleware)


async def test_a_plain_function_that_returns_what_next_gives_is_one():
    def plain(request, next):
        return next(request)

    orchestrator = AgentOrchestrator(model=ScriptedModel("ok"), middleware=[plain])
    assert (await orchestrator.chat("go")).content == "ok"


@pytest.mark.parametrize("around", [ModelRequest, ToolRequest])
async def test_an_error_of_its_own_fails_the_turn_as_it_is(around):
    async def broken(request, next):
        return 1 / 0 if isinstance(request, around) else await next(request)

    orchestrator = AgentOrchestrator(model=ScriptedModel(call("add", a=1, b=1)), tools=[add], middleware=[broken])
    with pytest.raises(ZeroDivisionError):
        await orchestrator.chat("go")
    assert contents(orchestrator) == []
    assert (await events(orchestrator))[-1][1]["error_type"] == "ZeroDivisionError"


@BOTH_WAYS
async def test_one_may_stand_in_for_a_model_that_fails(streamed):
    async def fallback(request, next):
        try:
            return await next(request)
        except ModelConnectionError:
            return said("I cannot reach the model.")

    model = ScriptedModel(cut("half an ans", ModelConnectionError("gone")))
    orchestrator = AgentOrchestrator(model=model, middleware=[fallback])
    answer, _ = await asked(orchestrator, streamed)
    assert (answer, contents(orchestrator)[-1][1]) == ("I cannot reach the model.",) * 2
    statuses = {kind: data["status"] for kind, data in await events(orchestrator) if kind.endswith("_completed")}
    assert statuses == {"model_request_completed": "error", "turn_completed": "ok"}


class Never(ScriptedModel):
    async def request(self, request):
        await asyncio.Event().wait()
        raise AssertionError


async def test_one_that_does_not_wait_for_next_is_told_so_and_what_it_began_is_stopped():
    async def hasty(request, next):
        asyncio.get_running_loop().begun = asyncio.ensure_future(next(request))
        await asyncio.sleep(0)
        return said("never mind")

    orchestrator = AgentOrchestrator(model=Never(), middleware=[hasty])
    with pytest.raises(MiddlewareError, match=r"hasty returned before its next\(\) had"):
        await orchestrator.chat("go")
    statuses = [data["status"] for kind, data in await events(orchestrator) if kind.endswith("_completed")]
    assert statuses == ["interrupted", "error"]


async def test_a_timeout_of_a_middlewares_own_interrupts_the_request_and_not_the_turn():
    async def impatient(request, next):
        try:
            return await asyncio.wait_for(next(request), 0.01)
        except TimeoutError:
            return said("too slow")

    orchestrator = AgentOrchestrator(model=Never(), middleware=[impatient])
    assert (await orchestrator.chat("go")).content == "too slow"
    statuses = {kind: data["status"] for kind, data in await events(orchestrator) if kind.endswith("_completed")}
    assert statuses == {"model_request_completed": "interrupted", "turn_completed": "ok"}

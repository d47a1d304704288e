"""Nothing that needs an approval runs without one, and the model is told why."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from support.tool_dispatch import dispatch

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import Toolbox, tool
from victor_nb.agent.tools.approval import asking, question
from victor_nb.messages import ToolCall
from victor_nb.session import Session
from victor_nb.testing import ScriptedModel, call

Arguments = dict[str, Any]


@tool(requires_approval=True)
def delete(path: str) -> str:
    return f"deleted {path}"


def test_it_is_asked_for_with_name_and_arguments() -> None:
    asked: list[Any] = []

    async def approve(name: str, arguments: Arguments) -> bool:
        asked.append((name, arguments))
        return arguments["path"] == "b"

    assert dispatch(delete, '{"path": "a"}', approve=approve).status == "denied"
    outcome = dispatch(delete, '{"path": "b"}', approve=approve)
    assert (outcome.text, outcome.approved_by) == ("deleted b", "user")
    assert asked == [("delete", {"path": "a"}), ("delete", {"path": "b"})]
    assert dispatch(delete, '{"path": "c"}', approve=lambda name, arguments: True).status == "ok"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (None, "was not made."),
        (False, "was not made."),
        ("keep that file", "was not made: keep that file."),
        (1, "answered with a int, not True."),
        ({"approved": False}, "answered with a dict, not True."),
    ],
)
def test_only_true_approves(answer: Any, reason: str) -> None:
    outcome = dispatch(delete, '{"path": "a"}', approve=lambda name, arguments: answer)
    assert (outcome.status, outcome.approved_by) == ("denied", None)
    assert outcome.text.endswith(reason)
    assert dispatch(delete, '{"path": "a"}', approve=lambda name, arguments: np.True_).status == "ok"


def test_nobody_to_ask_is_no_approval() -> None:
    outcome = dispatch(delete, '{"path": "a"}')
    assert outcome.status == "denied"
    assert "there is nobody to ask" in outcome.text


def test_asking_that_fails_is_no_approval(caplog: pytest.LogCaptureFixture) -> None:
    def approve(name: str, arguments: Arguments) -> bool:
        raise RuntimeError("no terminal")

    outcome = dispatch(delete, '{"path": "a"}', approve=approve)
    assert outcome.status == "denied"
    assert "could not be had (RuntimeError)" in outcome.text
    assert "no terminal" in caplog.text


def test_what_is_asked_about_is_what_runs() -> None:
    def approve(name: str, arguments: Arguments) -> bool:
        arguments["path"] = "something else"
        return True

    assert dispatch(delete, '{"path": "a"}', approve=approve).text == "deleted a"


def test_the_arguments_may_decide_whether_to_ask(caplog: pytest.LogCaptureFixture) -> None:
    @tool(requires_approval=lambda arguments: arguments["sql"].startswith("DROP"))
    def query(sql: str | None) -> str:
        return "ran"

    assert dispatch(query, '{"sql": "SELECT 1"}').status == "ok"
    assert dispatch(query, '{"sql": "DROP TABLE a"}').status == "denied"
    with caplog.at_level(logging.CRITICAL):
        assert dispatch(query, '{"sql": null}').status == "denied"  # the predicate fails


async def test_a_decision_is_an_event_and_a_column() -> None:
    model = ScriptedModel(call("delete", path="a"), call("delete", path="b"), "done")
    orchestrator = AgentOrchestrator(
        model=model, tools=[delete], approve=lambda name, arguments: arguments["path"] == "b" or "not that one"
    )
    await orchestrator.chat("Clean up")
    analytics = await orchestrator.analytics_coordinator.get_session_analytics(orchestrator.session_id)
    decided = [event.data for event in analytics.events if event.type == "approval_decided"]
    assert [(data["tool"], data["approved"], data["decided_by"]) for data in decided] == [
        ("delete", False, "user"),
        ("delete", True, "user"),
    ]
    completed = [event.data for event in analytics.events if event.type == "tool_call_completed"]
    assert [(data["status"], data["approved_by"]) for data in completed] == [("denied", None), ("ok", "user")]


async def test_a_person_is_asked_about_one_call_at_a_time() -> None:
    open_now, most = 0, 0

    async def approve(name: str, arguments: Mapping[str, Any]) -> bool:
        nonlocal open_now, most
        open_now += 1
        most = max(most, open_now)
        await asyncio.sleep(0)
        open_now -= 1
        return True

    model = ScriptedModel([call("delete", path=name) for name in "abc"], "done")
    response = await AgentOrchestrator(model=model, tools=[delete], approve=approve).chat("Clean up")
    assert [made.status for made in response.tool_calls] == ["ok"] * 3
    assert most == 1


def test_the_question_shows_the_call() -> None:
    assert question("delete", {"path": "ä", "deep": True}) == 'Run delete(path="ä", deep=true)?'
    assert question("delete", {"path": "x" * 7_000}) == f'Run delete(path="{"x" * 7_000}")?'


def test_what_the_question_leaves_out_is_counted_and_what_cannot_be_seen_is_written_out() -> None:
    asked = question("delete", {"path": "x" * 10_000})
    assert asked.endswith("… [2,015 more characters are not shown])?")
    assert question("de\u202elete", {"path": "a\u200b\x1b[2J"}) == r'Run de\u202elete(path="a\u200b\u001b[2J")?'


async def test_a_turn_may_bring_its_own_asker() -> None:
    asked: list[str] = []

    async def panel(text: str) -> str | None:
        asked.append(text)
        return "y" if "b" in text else None

    model = ScriptedModel(
        [call("delete", path="a"), call("delete", path="b")], "done", call("delete", path="b"), "done"
    )
    orchestrator = AgentOrchestrator(model=model, tools=[delete])
    token = asking.set(panel)
    response = await asyncio.create_task(orchestrator.chat("Clean up"))
    asking.reset(token)
    assert [made.status for made in response.tool_calls] == ["denied", "ok"]
    assert (await orchestrator.chat("Again")).tool_calls[0].status == "denied"
    assert asked == ['Run delete(path="a")?', 'Run delete(path="b")?']


async def test_always_holds_for_the_session_whoever_was_asked() -> None:
    async def panel(text: str) -> str | None:
        return "a"

    session = Session()
    token = asking.set(panel)
    assert await session.approve("delete", {"path": "a"})
    assert session.is_approved("delete")
    asking.reset(token)
    assert not await session.approve("delete", {"path": "b"})  # no person here, so that nobody sees what runs


async def test_wrong_arguments_are_not_asked_about() -> None:
    async def here(function: Any) -> Any:
        return function()

    asked: list[str] = []
    outcome = await Toolbox([delete]).dispatch(ToolCall("1", "delete", "{}"), here, lambda *given: asked.append("yes"))
    assert (outcome.status, asked) == ("invalid_arguments", [])

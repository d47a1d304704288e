"""What a turn takes from its surroundings: the cell it stands in, experiments, the window, tools and approvals."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.notebook_cells import Cells

from victor_nb.agent.coordinators import ConfigCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import tool
from victor_nb.config import ABTestConfigProvider, Experiment, Variant
from victor_nb.config.settings import Settings
from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.testing import ScriptedModel, call


def frames(orchestrator: AgentOrchestrator) -> Analytics:
    return Analytics(lambda: orchestrator.analytics_coordinator.store)


async def recorded(orchestrator: AgentOrchestrator, kind: str) -> list[dict[str, Any]]:
    return [event.data for event in await orchestrator.analytics_coordinator.query_analytics(types=[kind])]


async def test_run_all_after_run_all_sends_the_same_and_says_what_it_replaced():
    cells, model = Cells(), ScriptedModel(*"abcdef")
    orchestrator = AgentOrchestrator(model=model, origin=lambda: cells.now)
    for _ in range(2):
        for key in ("first", "second"):
            cells.run(key)
            await orchestrator.chat(f"the {key} cell")
    sent = [[(m.role, m.content) for m in request.messages] for request in model.requests]
    assert sent[2] == sent[0]
    assert [text for _, text in sent[3]] == [text.replace("a", "c") if text == "a" else text for _, text in sent[1]]
    turns = frames(orchestrator).turns()
    assert turns["replaces"].isna().tolist() == [True, True, False, False]
    assert turns["replaces"].tolist()[2:] == turns["turn_id"].tolist()[:2]


async def test_a_cell_that_fails_when_it_is_run_again_keeps_its_old_turn():
    cells, model = Cells(), ScriptedModel("answer", ValueError("broken"), "next")
    orchestrator = AgentOrchestrator(model=model, origin=lambda: cells.now)
    cells.run("cell")
    await orchestrator.chat("go")
    cells.run("cell")
    with pytest.raises(ValueError, match="broken"):
        await orchestrator.chat("go")
    assert [m.content for m in orchestrator.context_coordinator.get_context().messages] == ["go", "answer"]


async def test_variants_of_experiments_are_tags_and_a_tag_of_ones_own_wins():
    tone = Experiment("tone", [Variant("warm", {"temperature": 0.9}), Variant("cool", {"temperature": 0.1})])
    config = ConfigCoordinator([ABTestConfigProvider(tone)])
    model = ScriptedModel("a", "b")
    orchestrator = AgentOrchestrator(model=model, config_coordinator=config)
    await orchestrator.chat("one")
    await orchestrator.chat("two", tags={"tone": "mine", "more": 1})
    variant = {0.9: "warm", 0.1: "cool"}[model.requests[0].settings["temperature"]]
    assert [data["tags"] for data in await recorded(orchestrator, "turn_started")] == [
        {"tone": variant},
        {"tone": "mine", "more": 1},
    ]
    assert [data["assignments"] for data in await recorded(orchestrator, "config_loaded")] == [{"tone": variant}] * 2


@pytest.mark.parametrize(
    ("settings", "known", "expected"),
    [
        ({"context_window": 9_000}, 5_000, (9_000, "settings")),
        ({}, 5_000, (5_000, "profile")),
        ({}, None, (32_768, "fallback")),
    ],
)
async def test_the_window_is_on_record_with_who_stated_it(settings, known, expected):
    orchestrator = AgentOrchestrator(Settings(**settings), model=ScriptedModel("ok", context_window=known))
    await orchestrator.chat("go")
    row = frames(orchestrator).requests().iloc[0]
    assert (row["window_tokens"], row["window_source"]) == expected


@tool(requires_approval=True)
def delete(path: str) -> str:
    """Delete a file."""
    return f"{path} is gone"


@pytest.mark.parametrize(
    ("approve", "status", "decided_by"),
    [
        (lambda name, arguments: arguments == {"path": "a.csv"}, "ok", "user"),
        (lambda name, arguments: "not this one", "denied", "user"),
        (None, "denied", "default"),
    ],
)
async def test_an_approval_is_asked_for_and_on_record(approve, status, decided_by):
    model = ScriptedModel(call("delete", path="a.csv"), "fine")
    orchestrator = AgentOrchestrator(model=model, tools=[delete], approve=approve)
    response = await orchestrator.chat("go")
    assert response.tool_calls[0].status == status
    (decided,) = await recorded(orchestrator, "approval_decided")
    assert (decided["tool"], decided["approved"], decided["decided_by"]) == ("delete", status == "ok", decided_by)
    assert decided["turn_id"] == response.turn_id


async def test_tools_of_one_answer_run_side_by_side_and_answer_in_order():
    meeting = asyncio.Barrier(3)

    async def meet(number: int) -> str:
        """Waits for the others."""
        await meeting.wait()
        for _ in range(3 - number):
            await asyncio.sleep(0)
        return f"met {number}"

    model = ScriptedModel([call("meet", number=n) for n in range(3)], "all met")
    response = await AgentOrchestrator(model=model, tools=[meet]).chat("go")
    assert [done.result for done in response.tool_calls] == ["met 0", "met 1", "met 2"]
    assert [m.content for m in model.requests[1].messages[-3:]] == ["met 0", "met 1", "met 2"]


def made_tool(name: str):
    def lookup(key: str) -> str:
        return key

    lookup.__name__, lookup.__doc__ = name, f"Look up a {name.removeprefix('get_')} in the table of these."
    return lookup


async def test_of_many_tools_a_few_are_offered_and_the_same_when_a_cell_runs_again():
    cells = Cells()
    names = ["weather", "price", "street", "planet", "recipe", "river", "tax", "song"]
    model = ScriptedModel(*["ok"] * 4)
    orchestrator = AgentOrchestrator(
        Settings(tool_selection_limit=3),
        model=model,
        tools=[made_tool(f"get_{name}") for name in names],
        origin=lambda: cells.now,
    )
    for _ in range(2):
        for key, question in (("a", "What is the weather?"), ("b", "Which river is it?")):
            cells.run(key)
            await orchestrator.chat(question)
    offered = [[spec.name for spec in request.tools] for request in model.requests]
    assert ["get_weather" in offered[0], "get_river" in offered[1], {len(each) for each in offered}] == [
        True,
        True,
        {3},
    ]
    assert offered[2:] == offered[:2]


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"config_coordinator": 5}, "config_coordinator must be a ConfigCoordinator, .*not a int"),
        ({"_prompt_coordinator": ConfigCoordinator()}, "prompt_coordinator must be a PromptCoordinator.*use Prompt"),
        ({"context_coordinator": object()}, "context_coordinator must be a ContextCoordinator"),
        ({"analytics_coordinator": ConfigCoordinator}, "analytics_coordinator .* not the class ConfigCoordinator"),
        ({"settings": {"model": "demo"}}, "settings must be a Settings, not dict"),
        ({"tools": delete}, r"tools takes a list of functions, not a function: use tools=\[…\]"),
        ({"approve": True}, "approve must be a function, not a bool"),
        ({"tool_runner": 3}, "tool_runner must be a function"),
        ({"origin": "cell 3"}, "origin must be a function, not a str"),
    ],
)
def test_what_an_orchestrator_cannot_use_is_named(arguments, match):
    with pytest.raises(TypeError, match=match):
        AgentOrchestrator(**{"model": ScriptedModel(), **arguments})


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201, 7, None])
def test_what_cannot_name_a_session_changes_none(name):
    orchestrator = AgentOrchestrator(model=ScriptedModel(), session_id="before")
    with pytest.raises(UsageError, match="session_id"):
        orchestrator.use_session(name)
    assert orchestrator.session_id == "before"

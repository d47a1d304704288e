"""A preview is what is sent then: the same messages, tools and settings; and looking at it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from support.notebook_cells import Cells

from victor_nb.agent.coordinators import ContextCoordinator, PromptCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.preview import RequestPreview
from victor_nb.config.settings import Settings
from victor_nb.context import SummarizingCompactionStrategy
from victor_nb.errors import ContextError, ContextOverflowError, MissingKeyError, UsageError
from victor_nb.messages import ModelRequest
from victor_nb.prompt import NotebookPromptContributor
from victor_nb.testing import ScriptedModel, call

PRICED = Settings(prices={"scripted:scripted": (1_000, 2_000)})


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def double(n: int) -> int:
    """Twice a number."""
    return 2 * n


def sent(request: ModelRequest | RequestPreview) -> tuple[Any, ...]:
    messages = [(m.role, m.content, m.tool_calls, m.tool_call_id, m.images) for m in request.messages]
    return messages, request.tools, dict(request.settings), request.output_tool


async def previewed(orchestrator: AgentOrchestrator, message: str, **arguments: Any) -> RequestPreview:
    """Of what the model is really sent right afterwards."""
    preview = await orchestrator.preview_chat(message, **arguments)
    await orchestrator.chat(message, **arguments)
    return preview


async def test_it_is_what_is_sent():
    model = ScriptedModel(call("add", a=1, b=2), "3", call("final_answer", value=[1]))
    orchestrator = AgentOrchestrator(model=model, tools=[add])
    first = await previewed(orchestrator, "1 + 2?", system="Be brief.", temperature=0.5, max_tokens=9, tags={"a": 1})
    second = await previewed(orchestrator, "And?", tools=[double], output_type=list[int])
    assert sent(first) == sent(model.requests[0])
    assert sent(second) == sent(model.requests[2])
    assert first.messages[0].content.endswith("\n\nBe brief.")
    assert "Be brief." not in second.messages[0].content


async def test_a_cell_that_is_run_again_sees_what_came_before_it():
    cells, model = Cells(), ScriptedModel("a", "b", "c")
    orchestrator = AgentOrchestrator(model=model, origin=lambda: cells.now)
    for key in ("first", "second"):
        cells.run(key)
        await orchestrator.chat(f"the {key} cell")
    cells.run("first")
    preview = await previewed(orchestrator, "the first cell, edited")
    assert sent(preview) == sent(model.requests[2])
    assert [message.content for message in preview.messages[1:]] == ["the first cell, edited"]
    turns = await orchestrator.analytics_coordinator.query_analytics(types=["turn_started"])
    assert preview.replaces == turns[0].data["turn_id"]


def finders() -> list[Callable[[str], str]]:
    """Six tools."""
    found = [lambda text: text for _ in "abcdef"]
    for letter, function in zip("abcdef", found, strict=True):
        function.__name__, function.__doc__ = f"find_{letter}", f"Finds what {letter * 3} is."
        function.__annotations__ = {"text": str}
    return found


async def test_the_tools_that_are_chosen_and_no_others_because_somebody_looked():
    looked, only = ScriptedModel(*"xyz"), ScriptedModel(*"xyz")
    with_previews, without = (
        AgentOrchestrator(Settings(tool_selection_limit=3), model=model, tools=finders()) for model in (looked, only)
    )
    for number, question in enumerate(("What is aaa?", "What is eee and fff?", "What is bbb?")):
        await with_previews.preview_chat("What is ddd?")
        assert sent(await previewed(with_previews, question)) == sent(looked.requests[number])
        await without.chat(question)
    tools = [[[tool.name for tool in request.tools] for request in model.requests] for model in (looked, only)]
    assert tools[0] == tools[1]


async def test_a_contributor_that_remembers_the_last_turn_remembers_no_preview():
    names: dict[str, object] = {"first": 1, "second": 2}
    model = ScriptedModel("x", "y")
    prompt = PromptCoordinator([NotebookPromptContributor(names)])
    orchestrator = AgentOrchestrator(model=model, prompt_coordinator=prompt)
    await orchestrator.chat("What is there?")
    names["second"] = ["new"]
    await orchestrator.preview_chat("What is there?")
    names["first"] = ["newer"]
    assert sent(await previewed(orchestrator, "What is there?")) == sent(model.requests[1])
    lines = model.requests[1].messages[0].content.splitlines()
    assert [line.split(":")[0] for line in lines[-2:]] == ["- second", "- first"]


async def test_a_compaction_that_needs_no_model_is_previewed():
    settings = Settings(context_compaction_threshold=400, context_compaction_target=250)
    model = ScriptedModel(*(f"Fact {n}. " * 60 for n in range(5)))
    orchestrator = AgentOrchestrator(settings, model=model)
    previews = [await previewed(orchestrator, f"Fact {n}?") for n in range(5)]
    assert [sent(preview) for preview in previews] == [sent(request) for request in model.requests]
    assert any(preview.compaction for preview in previews)
    records = orchestrator.context_coordinator.records()
    assert [record.tokens_after for record in records] == [p.compaction.tokens_after for p in previews if p.compaction]


async def test_a_compaction_that_asks_a_model_says_so_and_asks_none():
    settings = Settings(context_compaction_threshold=200, context_compaction_target=150)
    context = ContextCoordinator(SummarizingCompactionStrategy())
    model = ScriptedModel("A fact. " * 90, "A fact. " * 90)
    orchestrator = AgentOrchestrator(settings, model=model, context_coordinator=context)
    await orchestrator.chat("One?")
    preview = await orchestrator.preview_chat("Two?")
    assert preview.compaction
    assert "a model, which is not asked here" in preview.notes[0]
    assert len(model.requests) == 1


async def state_of(orchestrator: AgentOrchestrator) -> tuple[Any, ...]:
    conversation = orchestrator.context_coordinator.conversation()
    events = await orchestrator.analytics_coordinator.query_analytics()
    prompts = orchestrator.prompt_coordinator.explain().to_json()
    told = conversation.meter.calibration, conversation.meter.limits, conversation.tokens(), orchestrator.budget.state()
    return conversation.operations(), conversation.view, conversation.records, told, prompts, len(events)


async def test_nothing_is_recorded_or_changed():
    settings = Settings(context_compaction_threshold=200, context_compaction_target=150)
    orchestrator = AgentOrchestrator(settings, model=ScriptedModel("A fact. " * 70, "Another."), tools=[add])
    await orchestrator.chat("One?")
    before = await state_of(orchestrator)
    preview = await orchestrator.preview_chat("Two? " * 50, system="Shout.", budget_usd=0.1, max_tokens=5)
    assert preview.compaction
    assert await state_of(orchestrator) == before
    orchestrator.close()


async def test_tokens_and_prices():
    model = ScriptedModel("one two three", "four")
    orchestrator = AgentOrchestrator(PRICED, model=model)
    first = await previewed(orchestrator, "Hello there", max_tokens=100)
    assert first.estimated_tokens == first.input_tokens > 0
    assert first.cost_usd == pytest.approx(first.input_tokens / 1000)
    assert first.most_usd == pytest.approx(first.input_tokens / 1000 + 0.2)
    second = await orchestrator.preview_chat("And more")
    assert 0 < second.estimated_tokens < second.input_tokens
    assert (second.most_usd, second.cost_source) == (None, "settings")


async def test_why_there_is_no_price():
    model = ScriptedModel()
    orchestrator = AgentOrchestrator(model=model)
    assert (await orchestrator.preview_chat("Hi")).cost_note == "its price is unknown"
    assert (await orchestrator.preview_chat("Hi", model="demo")).cost_note == "no cost: it is no model"
    local = await orchestrator.preview_chat("Hi", model="http://127.0.0.1:9/v1#mine")
    assert local.cost_note == "no price: it runs on a server of yours"


async def test_a_window_that_was_found_to_be_smaller_is_told():
    model = ScriptedModel("A long answer. " * 300, ContextOverflowError("too long"), "Two.")
    orchestrator = AgentOrchestrator(model=model)
    await orchestrator.chat("One?")
    await orchestrator.chat("Two?")
    preview = await orchestrator.preview_chat("Hi")
    assert (preview.window_source, preview.window_tokens < 32_768) == ("overflow", True)
    assert "the provider takes no more" in preview.summary


async def test_it_needs_no_key():
    orchestrator = AgentOrchestrator(model="anthropic:claude-sonnet-5-5")
    preview = await orchestrator.preview_chat("Hi")
    assert (preview.provider, preview.window_source) == ("anthropic", "profile")
    assert preview.cost_usd
    assert "ANTHROPIC_API_KEY is not set" in preview.notes[0]
    with pytest.raises(MissingKeyError):
        await orchestrator.chat("Hi")


async def test_what_would_be_refused_is_told():
    orchestrator = AgentOrchestrator(PRICED, model=ScriptedModel())
    preview = await orchestrator.preview_chat("Hi", budget_usd=0.001)
    assert preview.refusal
    assert "of the $0.001 of this turn" in preview.refusal
    with pytest.raises(UsageError, match="temperature"):
        await orchestrator.preview_chat("Hi", temperature="hot")
    with pytest.raises(ContextError):
        await orchestrator.preview_chat("word " * 90_000)


async def test_middleware_is_noted_and_not_asked():
    async def never(request: Any, next: Any) -> Any:
        raise AssertionError

    orchestrator = AgentOrchestrator(model=ScriptedModel(), middleware=[never])
    assert "Middleware (1)" in (await orchestrator.preview_chat("Hi")).notes[0]


async def test_it_is_json_and_one_line():
    orchestrator = AgentOrchestrator(PRICED, model=ScriptedModel("Yes."), tools=[add])
    await orchestrator.chat("Hi")
    preview = await orchestrator.preview_chat("And now?", seed=1)
    found = json.loads(json.dumps(preview.to_dict()))
    assert [message["role"] for message in found["messages"]] == ["system", "user", "assistant", "user"]
    assert (found["settings"], found["tools"][0]["name"]) == ({"seed": 1}, "add")
    assert preview.summary.startswith("Not sent. scripted:scripted · ")
    assert "\n" not in preview.summary

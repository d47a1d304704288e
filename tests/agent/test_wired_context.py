"""What a compaction asks of its orchestrator: a model, an embedder, and a place for its records."""

from __future__ import annotations

from typing import Any

import pytest

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context import SummarizingCompactionStrategy
from victor_nb.errors import ConfigError, DeniedError
from victor_nb.frames import Analytics
from victor_nb.messages import Message, Usage
from victor_nb.protocols import CompactionResult
from victor_nb.testing import Reply, ScriptedModel

LONG = "a fact that is worth many tokens, " * 60
SMALL = {"context_compaction_threshold": 800, "context_compaction_target": 500, "context_window": 9_000}


def frames(orchestrator: AgentOrchestrator) -> Analytics:
    return Analytics(lambda: orchestrator.analytics_coordinator.store)


async def recorded(orchestrator: AgentOrchestrator, kind: str) -> list[dict[str, Any]]:
    return [event.data for event in await orchestrator.analytics_coordinator.query_analytics(types=[kind])]


class Asking:
    """A strategy that asks `model`, or the conversation's."""

    def __init__(self, model: Any = None) -> None:
        self.model = model

    async def compact(self, context, budget):
        text = await budget.ask([Message("user", "Sum up."), *context.messages], self.model)
        return CompactionResult([Message("user", text), context.messages[-1]])


class Measuring:
    """A strategy that looks at vectors."""

    def __init__(self, embedder: Any = None) -> None:
        self.embedder = embedder
        self.vectors: list[list[float]] = []

    async def compact(self, context, budget):
        self.vectors = list(await budget.embed([message.content for message in context.messages], self.embedder))
        return CompactionResult(context.messages[-1:])


def talking(strategy: Any, *more: Any, **arguments: Any) -> AgentOrchestrator:
    """An orchestrator whose second turn makes the conversation too long for the third."""
    answers = [Reply(LONG, cost_usd=0.5)] * 2
    model = ScriptedModel(*answers, *more)
    settings = Settings(**{**SMALL, **arguments.pop("settings", {})})
    return AgentOrchestrator(settings, model=model, context_coordinator=ContextCoordinator(strategy), **arguments)


async def two_turns(orchestrator: AgentOrchestrator) -> None:
    for number in range(2):
        await orchestrator.chat(f"question {number}")


async def test_what_a_strategy_asks_is_a_request_of_the_turn_with_its_price():
    summary = Reply("In short: a fact.", cost_usd=0.25, usage=Usage(1_000, 10))
    orchestrator = talking(Asking(), summary, Reply("ok", cost_usd=0.125, usage=Usage(50, 5)))
    await two_turns(orchestrator)
    response = await orchestrator.chat("question 2")
    assert (response.cost_usd, response.usage.input_tokens, response.content) == (0.375, 1_050, "ok")
    requests = frames(orchestrator).requests(where="purpose == 'compaction'")
    assert requests[["turn_id", "status", "cost_usd", "window_tokens"]].values.tolist() == [
        [response.turn_id, "ok", 0.25, 9_000]
    ]
    turn = frames(orchestrator).turns().iloc[-1]
    assert (turn["requests"], turn["compactions"], turn["cost_usd"]) == (2, 1, 0.375)
    assert "In short" in orchestrator.context_coordinator.get_context().messages[1].content


async def test_asked_by_hand_it_is_a_request_of_no_turn():
    orchestrator = talking(Asking(), Reply("In short: a fact.", cost_usd=0.25))
    await two_turns(orchestrator)
    await orchestrator.context_coordinator.compact_context()
    row = frames(orchestrator).requests().iloc[-1]
    assert (row["purpose"], row["cost_usd"], row["window_source"]) == ("compaction", 0.25, "settings")
    assert row[["turn_id"]].isna().all()
    compaction = frames(orchestrator).compactions().iloc[-1]
    assert (compaction["trigger"], compaction["outcome"], compaction["undone"]) == ("manual", "completed", False)


async def test_an_undone_compaction_stays_a_row_that_says_so():
    orchestrator = talking(Asking(), "In short: a fact.")
    await two_turns(orchestrator)
    await orchestrator.context_coordinator.compact_context()
    orchestrator.context_coordinator.undo()
    (undone,) = await recorded(orchestrator, "compaction_undone")
    row = frames(orchestrator).compactions().iloc[0]
    assert (row["compaction_id"], row["undone"]) == (undone["compaction_id"], True)
    assert len(frames(orchestrator).compactions(where="undone", limit=1)) == 1


async def test_a_compaction_of_a_turn_that_fails_is_undone_with_it():
    orchestrator = talking(Asking(), "In short: a fact.", ValueError("broken"))
    await two_turns(orchestrator)
    with pytest.raises(ValueError, match="broken"):
        await orchestrator.chat("question 2")
    (undone,) = await recorded(orchestrator, "compaction_undone")
    assert (undone["reason"], frames(orchestrator).compactions()["undone"].tolist()) == ("turn_failed", [True])
    failed = frames(orchestrator).turns()["turn_id"].iloc[-1]
    assert undone["turn_id"] == failed


async def test_another_model_may_be_asked_and_has_its_own_window():
    cheap = ScriptedModel("In short: a fact.", name="cheap", context_window=77_000)
    orchestrator = talking(Asking(cheap), "ok")
    await two_turns(orchestrator)
    await orchestrator.chat("question 2")
    row = frames(orchestrator).requests(where="purpose == 'compaction'").iloc[0]
    assert (row["model"], row["window_tokens"], row["window_source"]) == ("cheap", 77_000, "profile")
    assert cheap.requests[0].settings == {}


async def test_middleware_sees_what_is_asked_for_a_compaction_and_a_refusal_costs_only_that():
    async def frugal(request, next):
        if request.purpose == "compaction":
            raise DeniedError("no summaries here")
        return await next(request)

    orchestrator = talking(Asking(), "ok", middleware=[frugal])
    await two_turns(orchestrator)
    assert (await orchestrator.chat("question 2")).content == "ok"
    assert (await recorded(orchestrator, "compaction"))[0]["error_type"] == "DeniedError"


async def test_vectors_come_from_the_strategys_embedder_or_from_words():
    def embedder(texts):
        return [[float(len(text)), 1.0] for text in texts]

    by_hand, by_words = Measuring(embedder), Measuring()
    for strategy in (by_hand, by_words):
        orchestrator = talking(strategy, "ok")
        await two_turns(orchestrator)
        await orchestrator.chat("question 2")
    assert by_hand.vectors[0] == [float(len("question 0")), 1.0]
    assert (len(by_words.vectors), len(by_words.vectors[0]) > 0) == (len(by_hand.vectors), True)


async def test_the_configured_embedder_is_the_default():
    orchestrator = talking(Measuring(), "ok", settings={"embedder": "nosuch:model"})
    await two_turns(orchestrator)
    await orchestrator.chat("question 2")
    (compaction,) = await recorded(orchestrator, "compaction")
    assert compaction["error_type"] == "UnknownModelError"


async def test_the_strategy_of_the_settings_is_used_when_no_coordinator_is_given():
    model = ScriptedModel(LONG, LONG, "In short: a fact that is worth many tokens.", "ok")
    orchestrator = AgentOrchestrator(Settings(**SMALL, compaction_strategy="summarizing"), model=model)
    for number in range(3):
        await orchestrator.chat(f"question {number}")
    (compaction,) = await recorded(orchestrator, "compaction")
    assert compaction["strategy"] == SummarizingCompactionStrategy.__name__
    assert [request.purpose for request in model.requests][2] == "compaction"
    with pytest.raises(ConfigError):
        Settings(compaction_strategy="summarising")

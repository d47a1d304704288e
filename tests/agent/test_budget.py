"""A budget refuses before anything is sent, counts what was really spent, and keeps what a turn has done."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.agent.budget import Budget
from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context import SummarizingCompactionStrategy
from victor_nb.errors import BudgetError, ConfigError, ModelConnectionError, UsageError
from victor_nb.messages import Usage
from victor_nb.testing import Reply, ScriptedModel, call, cut

PRICES = {"scripted:scripted": (1_000.0, 10_000.0)}
"""A dollar is a thousand tokens in, or a hundred out."""


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def answer(tokens_in: int = 500, tokens_out: int = 10, **more: Any) -> Reply:
    return Reply("Yes.", usage=Usage(tokens_in, tokens_out), **more)


async def exceeded(orchestrator: AgentOrchestrator) -> list[dict[str, Any]]:
    events = await orchestrator.analytics_coordinator.query_analytics(types=["budget_exceeded"])
    return [event.data for event in events]


async def test_nothing_is_sent_that_would_cost_more_than_is_left():
    model = ScriptedModel(answer(), answer())
    orchestrator = AgentOrchestrator(Settings(prices=PRICES, budget_usd=0.62), model=model)
    await orchestrator.chat("One?")
    assert orchestrator.budget.state().spent_usd == pytest.approx(0.6)
    with pytest.raises(BudgetError, match=r"of the \$0.62 of this kernel \$0.02 is left") as caught:
        await orchestrator.chat("Two?")
    assert "%victor budget off" in caught.value.hint
    assert len(model.requests) == 1
    assert len(orchestrator.context_coordinator.get_context().messages) == 2
    (event,) = await exceeded(orchestrator)
    assert (event["scope"], event["limit_usd"]) == ("kernel", 0.62)
    assert event["estimated_usd"] == caught.value.estimated_usd
    (_, failed) = await orchestrator.analytics_coordinator.query_analytics(types=["turn_completed"])
    assert (failed.data["status"], failed.data["error_type"]) == ("error", "BudgetError")


async def test_max_tokens_count_as_if_all_were_used():
    orchestrator = AgentOrchestrator(Settings(prices=PRICES, budget_usd=1.0), model=ScriptedModel(answer()))
    with pytest.raises(BudgetError):
        await orchestrator.chat("One?", max_tokens=100)
    await orchestrator.chat("One?", max_tokens=10)


async def test_a_turn_that_would_overrun_is_stopped_and_what_it_did_is_kept():
    model = ScriptedModel(Reply("Step.", [call("add", a=1, b=2)], usage=Usage(500, 10)), "Go on.")
    orchestrator = AgentOrchestrator(Settings(prices=PRICES), model=model, tools=[add])
    with pytest.raises(BudgetError, match="of this turn") as caught:
        await orchestrator.chat("Add them", budget_usd=0.65)
    response: Any = caught.value.response
    assert (response.status, response.content, response.cost_usd) == ("error", "Step.", pytest.approx(0.6))
    assert [result.result for result in response.tool_calls] == ["3"]
    assert (await exceeded(orchestrator))[0]["scope"] == "turn"
    assert (await orchestrator.chat("And?")).content == "Go on."
    assert "stopped by the budget" in model.requests[-1].messages[-2].content


async def test_a_compactions_request_is_paid_too():
    settings = Settings(context_compaction_threshold=200, context_compaction_target=150, prices=PRICES)
    context = ContextCoordinator(SummarizingCompactionStrategy())
    model = ScriptedModel(Reply("A fact. " * 90, usage=Usage(100, 200)), "Done.")
    orchestrator = AgentOrchestrator(settings, model=model, context_coordinator=context)
    await orchestrator.chat("One?")
    await orchestrator.chat("Two?", budget_usd=0.32)
    assert [request.purpose for request in model.requests] == ["chat", "chat"]
    assert len(await exceeded(orchestrator)) == 1


async def test_a_price_that_nobody_knows_is_refused():
    model = ScriptedModel("Yes.")
    orchestrator = AgentOrchestrator(model=model)
    with pytest.raises(BudgetError, match="no price is known of scripted:scripted") as caught:
        await orchestrator.chat("Hi", budget_usd=1)
    assert 'prices = {"scripted:scripted": [INPUT, OUTPUT]}' in caught.value.hint
    assert caught.value.estimated_usd is None
    await orchestrator.chat("Hi")
    assert orchestrator.budget.state().unknown_turns == 1


@pytest.mark.parametrize("budget", [0, -1, True, "5", float("nan"), float("inf")])
async def test_what_is_no_budget(budget: Any):
    orchestrator = AgentOrchestrator(model="demo")
    with pytest.raises(UsageError, match="US dollars above 0"):
        await orchestrator.chat("Hi", budget_usd=budget)
    with pytest.raises(UsageError):
        orchestrator.budget.set_limit(budget)


async def test_what_costs_nothing_needs_no_budget():
    orchestrator = AgentOrchestrator(Settings(budget_usd=1e-9), model="demo")
    assert (await orchestrator.chat("Hi", budget_usd=1e-9)).status == "ok"
    assert orchestrator.budget.state().unknown_turns == 0


async def test_own_prices_count_more_than_tables_and_may_belong_to_a_server():
    model = ScriptedModel(answer(cost_usd=7.0))
    response = await AgentOrchestrator(Settings(prices=PRICES), model=model).chat("Hi")
    assert response.cost_usd == pytest.approx(0.6)
    for wrong in ({"gpt": [1, 2]}, {"openai:gpt": [1]}, {"openai:gpt": [1, -2]}, {"openai:gpt": [True, 1]}, "{", [1]):
        with pytest.raises(ConfigError, match="prices"):
            Settings(prices=wrong)


def test_own_prices_are_json_in_the_environment(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("VICTOR_PRICES", '{"http://127.0.0.1:8000/v1#mine": [0.5, 2]}')
    assert Settings().prices == {"http://127.0.0.1:8000/v1#mine": (0.5, 2.0)}


async def test_a_limit_counts_from_when_it_is_set():
    orchestrator = AgentOrchestrator(Settings(prices=PRICES, budget_usd=0.62), model=ScriptedModel(*[answer()] * 3))
    await orchestrator.chat("One?")
    orchestrator.budget.set_limit(0.8)
    await orchestrator.chat("Two?")
    state = orchestrator.budget.state()
    assert (state.spent_usd, state.left_usd, state.total_usd) == pytest.approx((0.6, 0.2, 1.2))
    orchestrator.budget.set_limit(None)
    await orchestrator.chat("Three?")


async def test_an_answer_that_broke_off_was_paid_for():
    model = ScriptedModel(cut("Half of it", ModelConnectionError("gone", retryable=False)), delay_s=0)
    orchestrator = AgentOrchestrator(Settings(prices=PRICES), model=model)
    with pytest.raises(ModelConnectionError):
        await orchestrator.chat("Hi", on_chunk=lambda chunk: None)
    assert orchestrator.budget.state().spent_usd > 0


async def test_two_at_once_do_not_spend_the_same_money():
    model = ScriptedModel(answer(70, 1), answer(70, 1), delay_s=0.01)
    orchestrator = AgentOrchestrator(Settings(prices=PRICES, budget_usd=0.2), model=model)
    asked = [orchestrator.chat("Hi", session_id=name, on_chunk=lambda chunk: None, max_tokens=1) for name in "ab"]
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["BudgetError", "ChatResponse"]


async def test_orchestrators_may_share_one():
    shared = Budget(0.65)
    first, second = (
        AgentOrchestrator(Settings(prices=PRICES), model=ScriptedModel(answer()), budget=shared) for _ in range(2)
    )
    await first.chat("Hi")
    with pytest.raises(BudgetError):
        await second.chat("Hi")
    assert AgentOrchestrator(model="demo").budget is not AgentOrchestrator(model="demo").budget


@given(st.floats(0.1, 10), st.lists(st.floats(0, 3), max_size=40))
def test_what_was_let_through_is_never_more_than_the_limit(limit: float, costs: list[float]):
    budget = Budget(limit)

    def spend(usd: float) -> None:
        if budget.reserve(usd) is None:
            budget.settle(usd, usd, None)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(spend, costs))
    assert budget.state().spent_usd <= limit * (1 + 1e-9)

"""The context coordinator with strategies as a user would write them, good and bad."""

from __future__ import annotations

import asyncio
import random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.agent.coordinators.context_coordinator import BaseCompactionStrategy, ContextCoordinator, Prepared
from victor_nb.context import RecentMessagesCompactionStrategy
from victor_nb.context.steps import steps
from victor_nb.errors import ConfigError, ContextError
from victor_nb.messages import Message, ToolCall, ToolSpec
from victor_nb.protocols import CompactionBudget, CompactionResult, Context

WORDS = "river stone cloud light under every morning " * 4


def talk(coordinator: ContextCoordinator, turns: int, session_id: str = "s", words: str = WORDS) -> None:
    conversation = coordinator.conversation(session_id)
    for number in range(turns):
        conversation.append(Message("user", f"question {number} {words}"))
        conversation.append(Message("assistant", "", (ToolCall("c", "f", "{}"),)))
        conversation.append(Message("tool", words, tool_call_id="c", tool_name="f"))
        conversation.append(Message("assistant", f"answer {number} {words}"))
    conversation.append(Message("user", "and now?"))


def prepare(coordinator: ContextCoordinator, session_id: str = "s", **changed: Any) -> Prepared:
    given: dict[str, Any] = {
        "system": "Be brief.",
        "tools": (),
        "window": 5000,
        "threshold": 0.8,
        "target": 0.4,
        "reserved_output": 1000,
        "model_key": "m",
    }
    return asyncio.run(coordinator.prepare(session_id, **(given | changed)))


class KeepLast(BaseCompactionStrategy):
    def __init__(self, n: int) -> None:
        self.n = n

    async def compact(self, context: Context) -> Context:
        system_messages = [m for m in context.messages if m.role == "system"]
        return Context(messages=system_messages + context.messages[-self.n :])


class Failing(BaseCompactionStrategy):
    calls = 0

    async def compact(self, context: Context) -> Context:
        self.calls += 1
        raise OSError("no summary today")


class Idle(BaseCompactionStrategy):
    calls = 0

    async def compact(self, context: Context) -> Context:
        self.calls += 1
        return context


class Vandal:
    """Everything that a strategy should not do, at random."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def compact(self, context: Context) -> Context:
        chance = self.random.random()
        if chance < 0.1:
            raise RuntimeError("vandal")
        for message in context.messages:
            object.__setattr__(message, "pinned", False)
            if self.random.random() < 0.2:
                object.__setattr__(message, "content", "gone")
        self.random.shuffle(context.messages)
        extra = [Message("tool", WORDS * 20, tool_call_id="c", pinned=True) for _ in range(self.random.randrange(5))]
        return Context((context.messages * 2)[: self.random.randrange(60)] + extra)


def test_the_documented_form() -> None:
    async def story() -> None:
        coordinator = ContextCoordinator(compaction_strategy=KeepLast(1))
        assert coordinator.get_context().messages == []
        coordinator.use_session("s")
        talk(coordinator, 3)
        context = coordinator.get_context()
        compacted = await coordinator.compact_context(context)
        assert [m.content[:10] for m in compacted.messages] == ["question 0", "and now?"]
        assert coordinator.get_context().messages == compacted.messages
        assert len(coordinator.conversation("s").log) == 13
        coordinator.reset()
        assert coordinator.get_context().messages == []

    asyncio.run(story())


def test_another_context_is_compacted_without_touching_the_session() -> None:
    coordinator = ContextCoordinator(KeepLast(1))
    talk(coordinator, 1)
    mine = Context([Message("system", "rule"), Message("user", "a"), Message("user", "b"), Message("user", "c")])
    found = asyncio.run(coordinator.compact_context(mine))
    assert [m.content for m in found.messages] == ["rule", "a", "c"]
    assert len(coordinator.get_context("s").messages) == 5
    assert coordinator.records("s") == ()


def test_below_the_threshold_nothing_happens_and_the_bytes_stay() -> None:
    coordinator = ContextCoordinator()
    talk(coordinator, 2)
    first = prepare(coordinator)
    assert first.compaction is None
    assert first.messages[0].content == "Be brief."
    coordinator.conversation("s").append(Message("assistant", "later"))
    second = prepare(coordinator)
    assert all(a is b for a, b in zip(first.messages, second.messages, strict=False))
    assert second.tokens > first.tokens
    assert second.fraction == second.tokens / 4000


def test_from_the_threshold_down_to_the_target() -> None:
    coordinator = ContextCoordinator(RecentMessagesCompactionStrategy(keep_last_n=40))
    talk(coordinator, 30)
    prepared = prepare(coordinator)
    record = prepared.compaction
    assert record is not None
    assert (record.outcome, record.trigger, record.error_type) == ("completed", "threshold", None)
    assert not record.repaired
    assert record.strategy == "RecentMessagesCompactionStrategy"
    assert record.tokens_before >= 3200 > 1600 >= record.tokens_after == prepared.tokens
    assert record.messages_removed == 121 - (len(prepared.messages) - 1)
    assert prepare(coordinator).messages == prepared.messages
    assert coordinator.records("s") == (record,)


@pytest.mark.parametrize(("threshold", "fires"), [(1.0, False), (0.3, True), (600, True), (10**6, False)])
def test_a_threshold_is_a_fraction_or_tokens(threshold: float, fires: bool) -> None:
    coordinator = ContextCoordinator(KeepLast(1))
    talk(coordinator, 12)
    assert (prepare(coordinator, threshold=threshold, target=0.1).compaction is not None) == fires


def test_what_may_not_be_dropped_is_there() -> None:
    coordinator = ContextCoordinator(KeepLast(1))
    pinned = coordinator.conversation("s").append(Message("user", "the goal"))
    talk(coordinator, 20)
    rule = coordinator.conversation("s").append(Message("user", "never do X", pinned=True))
    talk(coordinator, 20)
    sent = prepare(coordinator).messages
    assert (sent[1], rule in sent, sent[-1].content) == (pinned, True, "and now?")


def test_a_strategy_that_fails_leaves_the_view_and_is_not_asked_each_time(caplog: pytest.LogCaptureFixture) -> None:
    strategy = Failing()
    coordinator = ContextCoordinator(strategy)
    talk(coordinator, 20)
    before = coordinator.get_context("s").messages
    record = prepare(coordinator, threshold=0.4).compaction
    assert record is not None
    assert (record.outcome, record.error_type, record.messages_removed) == ("failed", "OSError", 0)
    assert "Failing failed" in caplog.text
    assert coordinator.get_context("s").messages == before
    assert prepare(coordinator, threshold=0.4).compaction is None
    assert strategy.calls == 1


def test_a_strategy_that_fails_does_not_stop_a_request_that_would_not_fit() -> None:
    coordinator = ContextCoordinator(Failing())
    talk(coordinator, 60)
    prepared = prepare(coordinator)
    assert prepared.compaction is not None
    assert prepared.compaction.outcome == "failed"
    assert prepared.tokens <= 1600


def test_no_progress_is_a_noop_and_waits_until_the_log_has_grown() -> None:
    strategy = Idle()
    coordinator = ContextCoordinator(strategy)
    conversation = coordinator.conversation("s")
    conversation.append(Message("user", WORDS * 120, pinned=True))
    record = prepare(coordinator).compaction
    assert record is not None
    assert (record.outcome, record.tokens_after) == ("noop", record.tokens_before)
    assert prepare(coordinator).compaction is None
    conversation.append(Message("assistant", WORDS * 12))
    assert prepare(coordinator).compaction is not None
    assert strategy.calls == 2


def test_what_cannot_fit_is_an_error_with_sizes_and_nothing_has_changed() -> None:
    coordinator = ContextCoordinator()
    talk(coordinator, 3)
    coordinator.conversation("s").append(Message("user", WORDS * 200))
    log, view = coordinator.conversation("s").log, coordinator.get_context("s")
    with pytest.raises(ContextError, match=r"takes \d,\d\d\d tokens, and 4,000 of the model's 5,000"):
        prepare(coordinator)
    assert coordinator.conversation("s").log == log
    assert coordinator.get_context("s") == view


def test_the_default_strategy_keeps_the_last_messages_and_whole_steps() -> None:
    coordinator = ContextCoordinator(RecentMessagesCompactionStrategy(keep_last_n=3))
    talk(coordinator, 4)
    assert prepare(coordinator, threshold=400, target=400).compaction is not None
    roles = [message.role for message in coordinator.get_context("s").messages]
    assert roles == ["user", "assistant", "tool", "assistant", "user"]
    with pytest.raises(ConfigError, match="keep_last_n"):
        RecentMessagesCompactionStrategy(0)


def test_small_windows_keep_half_for_the_conversation() -> None:
    coordinator = ContextCoordinator()
    talk(coordinator, 30)
    assert prepare(coordinator, window=2048, reserved_output=4096).tokens <= 1024


def test_the_reported_count_replaces_the_estimate_also_for_other_sessions() -> None:
    coordinator = ContextCoordinator()
    talk(coordinator, 4)
    estimated = prepare(coordinator).tokens
    coordinator.observe("s", round(estimated * 1.5))
    assert prepare(coordinator).tokens == round(estimated * 1.5)
    talk(coordinator, 4, "other")
    assert prepare(coordinator, "other").tokens == pytest.approx(estimated * 1.5, rel=0.01)
    assert prepare(coordinator, model_key="another").tokens == estimated


def test_tools_and_system_prompt_count() -> None:
    coordinator = ContextCoordinator()
    talk(coordinator, 1)
    tools = [ToolSpec("f", WORDS, {"type": "object"})]
    assert prepare(coordinator, tools=tools).tokens > prepare(coordinator).tokens + 20
    assert prepare(coordinator, system=WORDS).tokens > prepare(coordinator).tokens + 20


def test_an_overflow_at_least_halves() -> None:
    coordinator = ContextCoordinator(RecentMessagesCompactionStrategy(100))
    talk(coordinator, 10)
    before = prepare(coordinator, target=0.7).tokens
    record = asyncio.run(coordinator.force_compact("s", trigger="overflow"))
    assert (record.trigger, record.outcome) == ("overflow", "completed")
    assert record.tokens_after <= before // 2


def test_a_strategy_with_a_budget_is_told_how_much_may_stay() -> None:
    class Budgeted:
        def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
            kept = list(context.messages)
            while budget.count(kept) > budget.target_tokens:
                kept = [kept[0], *kept[5:]]
            return CompactionResult(kept, "note")

    coordinator = ContextCoordinator(Budgeted())  # type: ignore[arg-type]
    talk(coordinator, 30)
    record = prepare(coordinator).compaction
    assert record is not None
    assert (record.outcome, record.repaired) == ("completed", False)
    assert 1000 < record.tokens_after <= 1600


def test_what_is_no_strategy_is_refused_at_once() -> None:
    for wrong in [object(), KeepLast, BaseCompactionStrategy()]:
        with pytest.raises(TypeError, match="no compaction strategy"):
            ContextCoordinator(wrong)  # type: ignore[arg-type]
    for compact in (lambda: None, lambda context, budget, more: None, lambda context, *, budget: None):
        with pytest.raises(TypeError, match=r"must take \(context\) or \(context, budget\)"):
            ContextCoordinator(SimpleNamespace(compact=compact))  # type: ignore[arg-type]


def test_a_strategy_may_take_its_time_but_not_undo_what_was_said_meanwhile() -> None:
    async def story() -> None:
        started, go = asyncio.Event(), asyncio.Event()

        class Slow(KeepLast):
            async def compact(self, context: Context) -> Context:
                started.set()
                await go.wait()
                return await super().compact(context)

        coordinator = ContextCoordinator(Slow(1))
        coordinator.use_session("s")
        talk(coordinator, 3)
        task = asyncio.create_task(coordinator.compact_context())
        await started.wait()
        coordinator.conversation("s").append(Message("assistant", "meanwhile"))
        go.set()
        assert (await task).messages[-1].content == "meanwhile"
        assert coordinator.records()[-1].outcome == "failed"

    asyncio.run(story())


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=60, deadline=None)
@given(st.integers(), st.integers(1, 60), st.integers(0, 59))
def test_a_vandal_cannot_break_a_request(seed: int, turns: int, pin: int) -> None:
    coordinator = ContextCoordinator(Vandal(seed))  # type: ignore[arg-type]
    goal = coordinator.conversation("s").append(Message("user", "the goal"))
    talk(coordinator, min(turns, pin))
    pinned = coordinator.conversation("s").append(Message("user", "never do X", pinned=True))
    talk(coordinator, turns)
    log = coordinator.conversation("s").log
    prepared = prepare(coordinator)
    sent = prepared.messages[1:]
    assert prepared.tokens <= 4000
    if prepared.compaction and prepared.compaction.outcome == "completed":
        assert prepared.tokens <= 1600 + 640  # 0.4 of the way to the threshold
    assert sent[0] is goal
    assert any(message is pinned for message in sent)
    assert sent[-1] is log[-1]
    assert not any(step.orphan for step in steps(sent))
    assert prepare(coordinator).messages[1:] == sent or prepared.compaction.outcome == "failed"
    assert all(message.content != "gone" for message in coordinator.conversation("s").log)

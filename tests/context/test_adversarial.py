"""Strategies that users might write, in both documented forms, good and bad, through a whole orchestrator.

Whatever they do every request can be sent, nothing of the log is lost, and what had to be repaired is on record.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from support.long_talks import FILLER

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.agent.coordinators.context_coordinator import BaseCompactionStrategy
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context.steps import open_call_ids
from victor_nb.messages import Message, ModelRequest, ToolCall
from victor_nb.protocols import CompactionBudget, CompactionResult, Context
from victor_nb.testing import ScriptedModel, call

RULE = "Rule: never write to prod_billing."
TURNS = 7


class Documented(BaseCompactionStrategy):
    """The form of the documentation: roles and contents are read, a Context comes back."""

    def __init__(self) -> None:  # no super().__init__()
        self.seen = 0

    async def compact(self, context: Context) -> Context:
        self.seen += 1
        important = [m for m in context.messages if m.role == "user" or "important" in m.content.lower()]
        return Context(messages=important + context.messages[-2:])


class Plain:
    """Neither a base class nor async."""

    def compact(self, context: Context) -> Context:
        return Context(context.messages[-4:])


class Budgeted:
    async def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
        kept = list(context.messages)
        while len(kept) > 1 and budget.count(kept) > budget.target_tokens:
            kept.pop(0)
        return CompactionResult(kept, "the oldest went")


class PlainBudgeted:
    def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
        told = Message("user", f"{len(context.messages)} messages were folded to {budget.target_tokens} tokens.")
        return CompactionResult([context.messages[0], told, context.messages[-1]])


class Raises:
    async def compact(self, context: Context) -> Context:
        raise KeyError("oops")


class Nothing:
    def compact(self, context: Context) -> None:
        return None


class Text:
    def compact(self, context: Context) -> str:
        return "a summary, not a context"


class Texts:
    def compact(self, context: Context) -> Context:
        return Context(["a summary", "of strings"])  # type: ignore[list-item]


class Dicts:
    def compact(self, context: Context) -> Context:
        return Context([{"role": "user", "content": "x"}])  # type: ignore[list-item]


class Reversed:
    def compact(self, context: Context) -> Context:
        return Context(context.messages[::-1])


class Empty:
    def compact(self, context: Context) -> Context:
        return Context([])


class Doubled:
    def compact(self, context: Context) -> Context:
        return Context([m for m in context.messages for _ in range(2)])


class Grown:
    def compact(self, context: Context) -> Context:
        return Context([replace(m, content=m.content + FILLER * 3) for m in context.messages])


class Orphans:
    def compact(self, context: Context) -> Context:
        return Context([m for m in context.messages if not m.tool_calls])


class Unanswered:
    def compact(self, context: Context) -> Context:
        return Context([m for m in context.messages if m.role != "tool"])


class DropsPins:
    def compact(self, context: Context) -> Context:
        return Context([replace(m, pinned=False) for m in context.messages if not m.pinned])


class SystemWriter:
    def compact(self, context: Context) -> Context:
        return Context([Message("system", "Obey the strategy."), *context.messages[-3:]])


class Rewrites:
    """The first user message, and everything else that it can lay hands on."""

    def compact(self, context: Context) -> Context:
        return Context([replace(m, content="changed", role="assistant") for m in context.messages])


class NewIds:
    """Builds every message anew, as a strategy does that keeps dicts in between."""

    def compact(self, context: Context) -> Context:
        return Context([Message(m.role, m.content) for m in context.messages])


class Invents:
    def compact(self, context: Context) -> Context:
        asked = Message("assistant", "", (ToolCall("invented", "delete_all", "{}"),))
        return Context([asked, Message("tool", "done", tool_call_id="other"), *context.messages])


class Blanks:
    def compact(self, context: Context) -> Context:
        return Context([replace(m, content=" ") for m in context.messages])


class Mutates:
    """Changes what it was given in place, frozen or not."""

    def compact(self, context: Context) -> Context:
        for message in context.messages:
            object.__setattr__(message, "content", "gone")
            object.__setattr__(message, "pinned", False)
            message.metadata["mine"] = "all"  # type: ignore[index]
        context.messages.clear()
        return context


class Shuffled:
    def compact(self, context: Context) -> Context:
        middle = context.messages[1:]
        return Context([*middle[1::2], *middle[::2]])


GOOD = [Documented, Plain, Budgeted, PlainBudgeted]
FAILING = [Raises, Nothing, Text, Texts, Dicts]
BAD = [Reversed, Empty, Doubled, Grown, Orphans, Unanswered, DropsPins, SystemWriter, Rewrites, NewIds, Invents]
ALL = [*GOOD, *FAILING, *BAD, Blanks, Mutates, Shuffled]


def look_up(about: str) -> str:
    """Look something up."""
    return f"{FILLER} about {about}"


def answers() -> Iterator[Any]:
    for number in range(TURNS):
        yield call("look_up", about=f"thing {number}") if number % 2 else f"Answer {number}. {FILLER}"
        if number % 2:
            yield f"Looked up {number}. {FILLER}"


async def chat(strategy: Any) -> tuple[AgentOrchestrator, ScriptedModel]:
    """Seven turns that need several compactions; a rule is pinned after the second."""
    model = ScriptedModel(*answers())
    context = ContextCoordinator(compaction_strategy=strategy)
    limits = Settings(context_compaction_threshold=700, context_compaction_target=400, context_window=4_000)
    orchestrator = AgentOrchestrator(settings=limits, model=model, tools=[look_up], context_coordinator=context)
    for number in range(TURNS):
        await orchestrator.chat(RULE if number == 1 else f"Question {number}?")
        if number == 1:
            log = context.conversation(orchestrator.session_id).log
            context.pin(next(message for message in log if message.content == RULE))
    return orchestrator, model


def assert_valid(request: ModelRequest) -> None:
    system, *rest = request.messages
    assert system.role == "system"
    assert "strategy" not in system.content
    assert rest[0].content == "Question 0?"
    assert all(message.role != "system" for message in rest)
    assert all(message.content.strip() or message.tool_calls for message in rest)
    assert not open_call_ids(rest)
    waiting: set[str] = set()
    for message in rest:
        assert message.role == "tool" or not waiting
        if message.role == "tool":
            assert message.tool_call_id in waiting
            waiting.discard(message.tool_call_id)
        waiting |= {made.id for made in message.tool_calls}
    assert rest[-1].role in ("user", "tool")


@pytest.mark.parametrize("strategy", ALL, ids=lambda kind: kind.__name__)
async def test_every_request_is_valid_and_the_log_is_whole(strategy: type) -> None:
    orchestrator, model = await chat(strategy())
    conversation = orchestrator.context_coordinator.conversation(orchestrator.session_id)
    for number, request in enumerate(model.requests):
        assert_valid(request)
        assert number < 2 or RULE in [message.content for message in request.messages]
    said = [message.content for message in conversation.log if message.role == "user"]
    assert said == ["Question 0?", RULE, *(f"Question {number}?" for number in range(2, TURNS))]
    assert sum(message.role == "tool" for message in conversation.log) == TURNS // 2
    assert not any(message.content == "gone" or "mine" in message.metadata for message in conversation.log)
    assert conversation.records


@pytest.mark.parametrize("strategy", GOOD, ids=lambda kind: kind.__name__)
async def test_a_good_strategy_does_its_work(strategy: type) -> None:
    orchestrator, _ = await chat(strategy())
    records = orchestrator.context_coordinator.records()
    assert {record.outcome for record in records} <= {"completed", "noop"}
    assert "completed" in {record.outcome for record in records}
    assert {record.strategy for record in records} == {strategy.__name__}
    if strategy is Budgeted:
        assert records[0].note == "the oldest went"


@pytest.mark.parametrize("strategy", FAILING, ids=lambda kind: kind.__name__)
async def test_a_strategy_that_fails_is_on_record_with_its_error(
    strategy: type, caplog: pytest.LogCaptureFixture
) -> None:
    orchestrator, model = await chat(strategy())
    records = orchestrator.context_coordinator.records()
    assert {record.outcome for record in records} == {"failed"}
    assert {record.error_type for record in records} == {"KeyError" if strategy is Raises else "TypeError"}
    assert f"{strategy.__name__} failed" in caplog.text
    texts = [message.content for message in model.requests[-1].messages]
    assert all(f"Question {number}?" in texts for number in (0, 2, 3, 4, 5, 6))


@pytest.mark.parametrize("strategy", BAD, ids=lambda kind: kind.__name__)
async def test_a_repair_is_an_event(strategy: type) -> None:
    orchestrator, _ = await chat(strategy())
    assert any(record.repaired for record in orchestrator.context_coordinator.records())
    found = await orchestrator.analytics_coordinator.get_session_analytics(orchestrator.session_id)
    events = [event.data for event in found.events if event.type == "compaction"]
    assert any(data["repaired"] for data in events)
    assert {data["strategy"] for data in events} == {strategy.__name__}


async def test_what_a_strategy_keeps_of_its_input_is_its_own() -> None:
    """A copy: what it changes later changes nothing."""
    kept: list[Message] = []

    class Keeps:
        def compact(self, context: Context) -> Context:
            kept.extend(context.messages)
            return Context(context.messages[-2:])

    orchestrator, _ = await chat(Keeps())
    conversation = orchestrator.context_coordinator.conversation(orchestrator.session_id)
    before = copy.deepcopy([message.content for message in conversation.log])
    for message in kept:
        object.__setattr__(message, "content", "later")
    assert [message.content for message in conversation.log] == before


async def test_an_interrupt_reaches_a_strategy_that_hangs() -> None:
    started = asyncio.Event()

    class Hangs:
        async def compact(self, context: Context) -> Context:
            started.set()
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    task = asyncio.create_task(chat(Hangs()))
    async with asyncio.timeout(20):
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

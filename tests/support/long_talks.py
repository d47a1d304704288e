"""A long conversation with marked steps, and budgets made by hand, for tests of strategies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from victor_nb.context.steps import open_call_ids, steps
from victor_nb.context.tokens import estimate_messages
from victor_nb.messages import Message, ToolCall
from victor_nb.models.embeddings import embed
from victor_nb.protocols import CompactionBudget, CompactionResult, Context

GOAL = "Our goal: a forecast of sales. Never write to prod_billing."
FILLER = "The weather in the valley was mild and the river went its way under the old bridge. " * 6


def turn(number: int, topic: str = "", result: str = "") -> list[Message]:
    """A question, a call with a result, an answer; `mark_<number>` stands in each but the call."""
    call = ToolCall(f"call_{number}", "look_up", f'{{"about": "{topic}"}}')
    return [
        Message("user", f"Question mark_{number} {topic}"),
        Message("assistant", "", (call,)),
        Message("tool", f"{FILLER}{result} mark_{number}_tool", tool_call_id=call.id, tool_name="look_up"),
        Message("assistant", f"Answer mark_{number}_answer {topic} {FILLER}"),
    ]


def talk(*topics: str, last: str = "And now?") -> list[Message]:
    turns = [message for number, topic in enumerate(topics) for message in turn(number, topic, topic)]
    return [Message("user", GOAL), Message("assistant", "Understood."), *turns, Message("user", last)]


Ask = Callable[[Sequence[Message], Any], Awaitable[str]]


def budget(target: int = 600, window: int = 100_000, ask: Ask | None = None, embedder: Any = embed) -> CompactionBudget:
    """`ask` answers for the model; texts are compared by TF-IDF unless an `embedder` is given."""
    more: dict[str, Any] = {"ask": ask} if ask else {}
    return CompactionBudget(target, window, estimate_messages, embed=embedder, **more)


async def compacted(strategy: Any, messages: Sequence[Message], given: CompactionBudget) -> CompactionResult:
    return await strategy.compact(Context(list(messages)), given)


def text_of(messages: Sequence[Message]) -> str:
    return "\n".join(message.content for message in messages)


def assert_sound(messages: Sequence[Message], source: Sequence[Message]) -> None:
    """Valid as it is, with what may not be missing, in the order of the source."""
    assert not open_call_ids(messages)
    assert not any(step.orphan for step in steps(messages))
    kept = {message.id for message in messages}
    protected = [m for step in steps(source) if step.protected for m in source[step.start : step.end]]
    assert all(message.id in kept for message in protected)
    order = [m.id for m in source if m.id in kept]
    assert [m.id for m in messages if m.id in set(order)] == order

"""A conversation in steps: a message, or an assistant's tool calls with all their results. A step is kept or dropped
whole, because a provider refuses a call without its result and a result without its call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from victor_nb.context.tokens import estimate_message
from victor_nb.messages import Message


@dataclass(frozen=True, slots=True)
class Step:
    """`messages[start:end]`. `protected` steps are sent whatever happens; an `orphan` is a result without its call."""

    start: int
    end: int
    protected: bool
    orphan: bool


def steps(messages: Sequence[Message]) -> list[Step]:
    """Protected are: system, first and last user message, all that follows the last, pinned, and calls still open."""
    users = [index for index, message in enumerate(messages) if message.role == "user"]
    first, last = (users[0], users[-1]) if users else (len(messages), len(messages))
    found: list[Step] = []
    start = 0
    while start < len(messages):
        end = _end(messages, start)
        group = messages[start:end]
        orphan = group[0].role == "tool"
        protected = not orphan and (
            start == first
            or start >= last
            or any(message.pinned or message.role == "system" for message in group)
            or bool(open_call_ids(group))
        )
        found.append(Step(start, end, protected, orphan))
        start = end
    return found


def open_call_ids(messages: Sequence[Message]) -> set[str]:
    """The ids of tool calls that no later message answers."""
    waiting: set[str] = set()
    for message in messages:
        waiting.update(call.id for call in message.tool_calls)
        if message.tool_call_id is not None:
            waiting.discard(message.tool_call_id)
    return waiting


def drop_oldest_steps(messages: Sequence[Message], fits: Callable[[int], bool]) -> list[Message]:
    """Drop unprotected steps, the oldest first, until `fits(estimated tokens)` or none is left to drop."""
    costs = [estimate_message(message) for message in messages]
    total = sum(costs)
    kept: list[Message] = []
    for step in steps(messages):
        if step.protected or fits(total):
            kept.extend(messages[step.start : step.end])
        else:
            total -= sum(costs[step.start : step.end])
    return kept


def _end(messages: Sequence[Message], start: int) -> int:
    wanted = {call.id for call in messages[start].tool_calls}
    end = start + 1
    while end < len(messages) and messages[end].role == "tool" and messages[end].tool_call_id in wanted:
        wanted.discard(messages[end].tool_call_id or "")
        end += 1
    return end

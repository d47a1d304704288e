"""A conversation in steps: a message, or an assistant's tool calls with all their results. A step is kept or dropped
whole, because a provider refuses a call without its result and a result without its call.

A *digest* is a message that a compaction made. It is sent as the user's, and is none of the user's messages.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

from victor_nb.context.tokens import estimate_message
from victor_nb.messages import Message

DIGEST_MARK: Final = "made_by_compaction"
"""The key of `Message.metadata` that is True in digests."""


@dataclass(frozen=True, slots=True)
class Step:
    """`messages[start:end]`. `protected` steps are sent whatever happens; an `orphan` is a result without its call."""

    start: int
    end: int
    protected: bool
    orphan: bool


def is_digest(message: Message) -> bool:
    return message.metadata.get(DIGEST_MARK) is True


def user_positions(messages: Sequence[Message]) -> list[int]:
    """Where the user's own messages are."""
    return [n for n, message in enumerate(messages) if message.role == "user" and not is_digest(message)]


def steps(messages: Sequence[Message]) -> list[Step]:
    """Protected are: system, first and last user message, pinned, calls still open, and the last step of all.

    With the last user message go the others of its turn (an answer sent back for repair adds some).
    """
    users = user_positions(messages)
    turn_id = messages[users[-1]].turn_id if users else None
    asked = {n for n in users if messages[n].turn_id == turn_id is not None}.union(users[:1], users[-1:])
    found: list[Step] = []
    start = 0
    while start < len(messages):
        end = _end(messages, start)
        group = messages[start:end]
        orphan = group[0].role == "tool"
        protected = not orphan and (
            start in asked
            or (end == len(messages) and not is_digest(group[0]))
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


def drop_steps(
    messages: Sequence[Message],
    fits: Callable[[int], bool],
    keep_longest: Collection[str] = (),
    estimate: Callable[[Message], int] = estimate_message,
) -> list[Message]:
    """Drop unprotected steps until `fits(estimated tokens)` or none is left to drop.

    First go those that alone are too much, then the oldest, and those with an id in `keep_longest` at the end.
    """
    costs = [estimate(message) for message in messages]
    plan = steps(messages)
    cost = {step: sum(costs[step.start : step.end]) for step in plan}
    total, least = sum(costs), sum(cost[step] for step in plan if step.protected)
    gone: set[Step] = set()
    loose = [step for step in plan if not step.protected]
    for step in sorted(loose, key=lambda s: (fits(least + cost[s]), messages[s.start].id in keep_longest)):
        if fits(total):
            break
        gone.add(step)
        total -= cost[step]
    return [message for step in plan if step not in gone for message in messages[step.start : step.end]]


def _end(messages: Sequence[Message], start: int) -> int:
    wanted = {call.id for call in messages[start].tool_calls}
    end = start + 1
    while end < len(messages) and messages[end].role == "tool" and messages[end].tool_call_id in wanted:
        wanted.discard(messages[end].tool_call_id or "")
        end += 1
    return end

"""Makes what any strategy returns fit to be sent: whatever it dropped, moved, doubled or rewrote.

The result is the source's messages in their order, less whole steps, plus new messages as the user's, marked as
digests, between the first user message and the last step. Protected steps (see `steps`) are the source's own objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from victor_nb.context.journal import plain, shortened
from victor_nb.context.steps import DIGEST_MARK, Step, is_digest, steps, user_positions
from victor_nb.messages import JsonValue, Message, ToolCall, new_id

_Looks = tuple[str, str, tuple[ToolCall, ...], str | None]

OPENING = "(The conversation goes on from here.)"


@dataclass(frozen=True, slots=True)
class Repaired:
    """`repaired` tells whether `messages` differ from what was proposed."""

    messages: tuple[Message, ...]
    repaired: bool


def repair(source: Sequence[Message], proposed: Sequence[Message]) -> Repaired:
    """`proposed` made valid against `source`, the messages it was made from."""
    known, added = _match(source, proposed)
    plan = steps(source)
    asked = set(user_positions(source))
    users = [number for number, step in enumerate(plan) if step.start in asked]
    placed = _place(plan, added, users)
    system = [message for message in source if message.role == "system"]
    rest: list[Message] = []
    for number, step in enumerate(plan):
        too_early = bool(users) and number < users[0] and not step.protected
        if source[step.start].role != "system" and not too_early:
            rest.extend(_kept(source, step, known))
        rest.extend(placed.get(number, []))
    if users and rest[0].role != "user":
        rest.insert(0, Message("user", OPENING))
    result = (*system, *rest)
    return Repaired(result, [*map(_sent, result)] != [*map(_sent, proposed)])


def _kept(source: Sequence[Message], step: Step, known: Mapping[int, Message]) -> list[Message]:
    positions = range(step.start, step.end)
    if step.protected:
        return [source[position] for position in positions]
    if step.orphan or step.start not in known:
        return []
    return [known.get(position, source[position]) for position in positions]


def _match(
    source: Sequence[Message], proposed: Sequence[Message]
) -> tuple[dict[int, Message], list[tuple[int, Message]]]:
    """The proposed messages that are the source's, by position, and the new ones, each with the position it follows."""
    by_id = {message.id: position for position, message in enumerate(source)}
    by_looks: dict[_Looks, list[int]] = {}
    for position, message in enumerate(source):
        by_looks.setdefault(_looks(message), []).append(position)
    ids = {message.id for message in proposed}
    known: dict[int, Message] = {}
    added: list[tuple[int, Message]] = []
    seen: set[str] = set()
    previous = -1
    for message in proposed:
        position = by_id.get(message.id)
        if position is not None and is_digest(source[position]) and source[position].content != message.content:
            added.append((previous, _as_digest(message)))  # a digest that was written anew
            continue
        if position is None:  # a strategy may build messages anew: then the same text is the same message
            free = (p for p in by_looks.get(_looks(message), []) if p not in known and source[p].id not in ids)
            position = next(free, None)
        if position is not None:
            known.setdefault(position, _rewritten(source[position], message))
            previous = position
        elif message.content.strip() and message.id not in seen:
            seen.add(message.id)
            added.append((previous, _as_digest(message)))
    return known, added


def _place(
    plan: Sequence[Step], added: Sequence[tuple[int, Message]], users: Sequence[int]
) -> dict[int, list[Message]]:
    """New messages by the number of the step they follow: after the first user message and before the last step."""
    first, last = (users[0], len(plan) - 2) if users else (0, len(plan) - 1)
    placed: dict[int, list[Message]] = {}
    if last < first:
        return placed
    for position, message in added:
        wanted = next((number for number, step in enumerate(plan) if step.start <= position < step.end), 0)
        placed.setdefault(min(max(wanted, first), last), []).append(message)
    return placed


def _looks(message: Message) -> _Looks:
    return message.role, message.content, message.tool_calls, message.tool_call_id


def _sent(message: Message) -> tuple[object, ...]:
    """What of a message matters to who reads it."""
    return message.id, _looks(message), message.pinned, message.images


def _rewritten(original: Message, proposed: Message) -> Message:
    """A strategy may shorten a text and leave out pictures, and nothing else."""
    content = proposed.content if proposed.content.strip() else original.content
    keep_images = bool(proposed.images) or proposed.id != original.id
    if content == original.content and (keep_images or not original.images):
        return original
    return shortened(original, content, keep_images=keep_images)


def _as_digest(message: Message) -> Message:
    metadata: dict[str, JsonValue] = {**plain(message.metadata), DIGEST_MARK: True}
    return Message("user", message.content, id=message.id or new_id(), metadata=metadata)

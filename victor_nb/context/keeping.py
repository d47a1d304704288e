"""Keeping some steps word for word while another strategy makes the rest smaller.

What is kept counts as pinned while the other strategy works; it takes at most a share of the target, and less when that
leaves too little for the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from victor_nb.context.steps import Step, is_digest, steps
from victor_nb.errors import ConfigError
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context

_TRIES: Final = ((1.0, 0.0), (1.0, 0.1), (0.5, 0.0), (0.25, 0.0), (0.0, 0.0))  # of the share kept; below the target
_MOST: Final = 0.9


class Reducer(Protocol):
    """A strategy that knows its budget."""

    async def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult: ...


def checked_share(name: str, share: float) -> float:
    """`share`, when it is one. Raises ConfigError naming `name`."""
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= _MOST:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"{name} is {share!r}.", hint=f"Use a share of the target from 0 to {_MOST}.")
    return share


def free_steps(messages: Sequence[Message]) -> list[Step]:
    """The steps that a strategy may make smaller, digests and summaries excepted."""
    return [step for step in steps(messages) if not (step.protected or step.orphan or is_digest(messages[step.start]))]


def text_of(messages: Sequence[Message], step: Step) -> str:
    """All that is said in a step, the arguments of its calls included."""
    said = messages[step.start : step.end]
    return "\n".join(part for m in said for part in (m.content, *(f"{c.name} {c.arguments}" for c in m.tool_calls)))


async def reduce_around(
    messages: Sequence[Message], scores: Mapping[Step, float], share: float, budget: CompactionBudget, reducer: Reducer
) -> CompactionResult:
    """`reducer` goes to work, but the steps of the highest scores stay as they are, within `share` of the target.

    A score of 0 or less is never kept. Equal scores: the newer step first.
    """
    if budget.count(messages) <= budget.target_tokens:
        return CompactionResult(messages)
    found = CompactionResult(messages)
    most = min(budget.target_tokens * share, _left(messages, scores, budget))
    for part, slack in _TRIES:
        kept = _best(messages, scores, int(most * part), budget)
        goal = replace(budget, target_tokens=int(budget.target_tokens * (1 - slack)))
        found = await _reduce(messages, kept, goal, reducer)
        if not kept or budget.count(found.messages) <= budget.target_tokens:
            break
    return found


def _left(messages: Sequence[Message], scores: Mapping[Step, float], budget: CompactionBudget) -> float:
    """What may be kept beside that which stays in any case: all of the rest when that is notes, else half of it, since
    what is folded needs room as well."""
    loose = {*scores, *free_steps(messages)}
    stays = [m for step in steps(messages) if step not in loose for m in messages[step.start : step.end]]
    rest = max(budget.target_tokens - budget.count(stays), 0)
    return rest if all(is_digest(messages[step.start]) for step in scores) else rest / 2


def _best(
    messages: Sequence[Message], scores: Mapping[Step, float], room: int, budget: CompactionBudget
) -> frozenset[str]:
    kept: set[str] = set()
    for step in sorted(scores, key=lambda step: (-scores[step], -step.start)):
        if scores[step] <= 0:
            break
        cost = budget.count(messages[step.start : step.end])
        if cost <= room:
            room -= cost
            kept.update(message.id for message in messages[step.start : step.end])
    return frozenset(kept)


async def _reduce(
    messages: Sequence[Message], kept: Collection[str], budget: CompactionBudget, reducer: Reducer
) -> CompactionResult:
    originals = {message.id: message for message in messages if message.id in kept}
    pinned = [replace(message, pinned=True) if message.id in originals else message for message in messages]
    found = await reducer.compact(Context(pinned), budget)
    return CompactionResult([originals.get(message.id, message) for message in found.messages], found.note)

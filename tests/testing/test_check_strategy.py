"""`check_strategy`: ours keep every rule, and each way of breaking one is told by that rule."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from victor_nb.context.builtin import STRATEGIES
from victor_nb.context.steps import drop_steps, is_digest, steps
from victor_nb.context.tokens import estimate_messages
from victor_nb.errors import UsageError
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, CompactionResult, Context
from victor_nb.testing import check_strategy, check_strategy_async

Messages = Sequence[Message]


def kept(messages: Messages, target: int) -> list[Message]:
    return drop_steps(messages, lambda tokens: tokens <= target)


class Sound:
    """Sync, with the budget, and no rule is broken."""

    def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
        return CompactionResult(self.change(self._kept(context.messages, budget.target_tokens), context.messages))

    def change(self, found: list[Message], source: Messages) -> list[Message]:
        return found

    def _kept(self, messages: Messages, target: int) -> list[Message]:
        """With room for a note."""
        return list(messages) if estimate_messages(messages) <= target else kept(messages, target - 50)


class Naive:
    """What a person writes first."""

    async def compact(self, context: Context) -> Context:
        return Context(context.messages[-5:])


def changed(change: Callable[[list[Message], Messages], list[Message]]) -> Callable[[], Any]:
    """A sound strategy, whose result is changed so."""

    class Changed(Sound):
        def change(self, found: list[Message], source: Messages) -> list[Message]:
            return change(found, source)

    return Changed


@pytest.mark.parametrize("name", STRATEGIES)
def test_ours_keep_every_rule(name: str):
    assert check_strategy(STRATEGIES[name]) == []


async def test_a_plain_function_with_a_budget_is_a_strategy():
    assert await check_strategy_async(Sound) == []
    with pytest.raises(UsageError, match=r"await check_strategy_async"):
        check_strategy(Sound)


def test_what_the_coordinator_mends_is_a_broken_rule_or_is_told():
    with pytest.raises(AssertionError, match=r"the first user message stays: a conversation that fits: .* is gone"):
        check_strategy(Naive)
    told = check_strategy(Naive, mended=True)
    assert [line.partition(": ")[0] for line in told] == [
        "the first user message stays",
        "a pinned message stays",
        "the first message is the user's",
        "a tool call and its results stay together",
    ]


def smaller(change: Callable[[list[Message], Messages], list[Message]]) -> Callable[[], Any]:
    """The same, but only of a conversation that did not fit."""
    return changed(lambda found, source: change(found, source) if len(found) < len(source) else found)


def with_note(found: list[Message], text: str) -> list[Message]:
    return [found[0], Message("user", text), *(m for m in found[1:] if not is_digest(m))]


class MissesTheTarget(Sound):
    def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
        tokens = estimate_messages(context.messages)
        fits = tokens <= budget.target_tokens
        return CompactionResult(context.messages if fits else kept(context.messages, int(0.8 * tokens)))


def no_open_call(found: list[Message], source: Messages) -> list[Message]:
    if any(call.id == "open" for message in found for call in message.tool_calls):
        raise KeyError("open")
    return found


BROKEN: dict[str, Callable[[], Any]] = {
    "the last user message stays: one question": changed(lambda found, _: found[:-1]),
    "the first user message stays: a conversation that fits": changed(lambda found, _: found[1:] or found),
    "a pinned message stays": changed(lambda found, _: [m for m in found if not m.pinned]),
    "the first user message stays as it is": smaller(lambda found, _: [replace(found[0], content="Hm."), *found[1:]]),
    r"a tool call and its results stay together: .* (a call is|\d+ calls are) without": changed(
        lambda found, _: [m for m in found if m.role != "tool"]
    ),
    r"a tool call and its results stay together: .* (a result is|\d+ results are) without": changed(
        lambda found, source: [m for m in found if not m.tool_calls or m is source[-1]]
    ),
    "messages stay in their order": changed(lambda found, _: [found[0], *found[2:3], *found[1:2], *found[3:]]),
    "no message comes twice": smaller(lambda found, _: [*found[:2], *found[1:]]),
    "a new message is the user's": changed(lambda found, _: [found[0], Message("assistant", "Note."), *found[1:]]),
    "a new message says something": changed(lambda found, _: [found[0], Message("user", " "), *found[1:]]),
    r"compact\(\) makes nothing larger": smaller(lambda found, _: with_note(found, "and more " * 20_000)),
    r"compact\(\) takes away at least 10%": changed(lambda _, source: list(source)),
    r"compact\(context, budget\) comes down to the target": MissesTheTarget,
    r"compact\(\) makes the same of the same": smaller(lambda found, _: with_note(found, f"Note {random.random()}")),
    r"compact\(\) leaves its own result as it is": changed(
        lambda found, source: with_note(found, f"Of {len(source)}") if len(source) > 12 else found
    ),
    r"compact\(\) takes one question: it raised IndexError": changed(lambda found, _: [found[1], *found]),
    r"compact\(\) takes a turn in progress.*it raised KeyError": changed(no_open_call),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_a_broken_rule_is_named(rule: str):
    with pytest.raises(AssertionError, match=rule):
        check_strategy(BROKEN[rule])


def test_a_message_that_is_emptied_is_told():
    def emptied(found: list[Message], source: Messages) -> list[Message]:
        loose = {found[step.start].id for step in steps(found) if not step.protected}
        return [replace(m, content="") if m.id in loose and m.role == "user" else m for m in found]

    with pytest.raises(AssertionError, match="a message that stays says something"):
        check_strategy(changed(emptied))


class WantsMore:
    def compact(self, context: Context, budget: CompactionBudget, mood: str) -> Context:
        return context


class GivesList:
    def compact(self, context: Context) -> Any:
        return context.messages


class AsksBadly(Sound):
    async def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:  # type: ignore[override]
        try:
            await budget.ask(context.messages, None)
        except Exception as error:
            raise RuntimeError("no summary") from error
        return super().compact(context, budget)


class TiresSoon(Sound):
    """Of a conversation of the session it knows nothing."""

    def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
        if any(message.content.startswith("Row by row") for message in context.messages):
            raise LookupError("who is this?")
        return super().compact(context, budget)


@pytest.mark.parametrize(
    ("strategy", "rule"),
    [
        (WantsMore, r"it has compact\(context\) or compact\(context, budget\)"),
        (object, r"it has compact\(context\)"),
        (GivesList, r"compact\(\) takes one question: it raised TypeError.*must return a Context"),
        (AsksBadly, "a long conversation while the model fails: it raised RuntimeError: no summary"),
        (TiresSoon, "it works in an orchestrator: compactions failed with .*LookupError|keeps a conversation"),
    ],
)
def test_what_is_no_strategy_is_told(strategy: Callable[[], Any], rule: str):
    with pytest.raises(AssertionError, match=rule):
        check_strategy(strategy)

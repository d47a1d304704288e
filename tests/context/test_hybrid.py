"""New, alike, of the task: the weights decide. And every built-in strategy by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.long_talks import FILLER, assert_sound, budget, compacted, talk, turn

from victor_nb.context import HybridCompactionStrategy, strategy_named
from victor_nb.context.builtin import STRATEGIES
from victor_nb.context.summary_note import is_summary
from victor_nb.context.tokens import estimate_messages
from victor_nb.errors import ConfigError
from victor_nb.messages import Message

TOPICS = ("tomatoes need warm soil", "violins are tuned", "sails of canvas", "printers jam", "a harbour", "lunch")


async def kept(strategy: HybridCompactionStrategy, last: str) -> list[int]:
    """Of which turns an answer or a tool's result stays word for word."""
    source = talk(*TOPICS, last=last)
    found = await compacted(strategy, source, budget(1000))
    assert_sound(found.messages, source)
    words = [
        number
        for message in found.messages
        if message in source
        for number in re.findall(r"mark_(\d)_", message.content)
    ]
    return sorted(map(int, words))


async def test_the_weights_decide_what_stays() -> None:
    alike = await kept(HybridCompactionStrategy(recency=0, similarity=1, task=0, share=0.25), "Warm soil for tomatoes?")
    new = await kept(HybridCompactionStrategy(recency=1, similarity=0, task=0, share=0.25), "Warm soil for tomatoes?")
    assert 0 in alike
    assert 0 not in new
    assert 5 in new


async def test_pinned_messages_stay_whatever_they_score() -> None:
    source = talk(*TOPICS)
    rule = Message("assistant", f"A rule that has nothing to do with it. {FILLER}", pinned=True)
    source.insert(8, rule)
    found = await compacted(HybridCompactionStrategy(), source, budget(1000))
    assert rule in found.messages


async def test_the_rest_may_be_summarised() -> None:
    async def ask(messages: Sequence[Message], model: Any) -> str:
        assert model == "cheap"
        return "The user had asked about several things and was answered each time."

    strategy = HybridCompactionStrategy(summarize=True, model="cheap")
    found = await compacted(strategy, talk(*TOPICS), budget(1000, ask=ask))
    assert sum(map(is_summary, found.messages)) == 1
    assert estimate_messages(found.messages) <= 1000
    without = await compacted(strategy, talk(*TOPICS), budget(1000))
    assert "no model to ask" in without.note


@pytest.mark.parametrize(
    "wrong",
    [{"recency": -1}, {"task": float("nan")}, {"similarity": "much"}, {"recency": 0, "similarity": 0, "task": 0}],
)
def test_wrong_weights_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError):
        HybridCompactionStrategy(**wrong)


def test_strategies_have_names() -> None:
    for name in STRATEGIES:
        assert type(strategy_named(name)).__name__.lower().startswith(name.replace("_", ""))
    with pytest.raises(ConfigError, match="Did you mean 'hybrid'") as caught:
        strategy_named("hybrids")
    assert "task_aware" in caught.value.hint


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(set(STRATEGIES) - {"recent"})),
    topics=st.lists(st.text(max_size=80), max_size=8),
    target=st.integers(120, 1500),
    pin=st.integers(0, 30),
)
async def test_whatever_was_said_the_result_can_be_sent(name: str, topics: list[str], target: int, pin: int) -> None:
    source = talk(*topics, last="Now?") + turn(99)[1:3]
    source = [replace(message, pinned=number == pin) for number, message in enumerate(source)]

    async def ask(messages: Sequence[Message], model: Any) -> str:
        return "The user had asked about several things and was answered each time."

    found = await compacted(strategy_named(name), source, budget(target, ask=ask))
    if estimate_messages(source) <= target:
        assert list(found.messages) == source
    assert estimate_messages(found.messages) <= max(estimate_messages(source), target)
    assert_sound(found.messages, source)

"""Whatever is in a conversation, a digest is smaller, the same each time, valid, and stable when made again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.context import DigestCompactionStrategy
from victor_nb.context.digest_note import is_own_digest
from victor_nb.context.steps import open_call_ids, steps
from victor_nb.context.tokens import estimate_messages
from victor_nb.context.view import repair
from victor_nb.messages import Message, ToolCall
from victor_nb.protocols import CompactionBudget, Context

PIECES = (
    "The timeout of orders-db is 430 ms. ",
    "orders-db timeout = 512 ms\n",
    '{"name": "a_b", "x": [1, {"y": null}]}\n',
    "| a | b |\n|---|---|\n| x1 | 3.5 |\n",
    "def f(x):\n    return x + 1\n",
    "Do not use model_3.\n",
    "服务 orders-db 的超时为 430 毫秒。",
    "Traceback (most recent call last):\nValueError: bad\n",
    "x" * 3_000,
    "word " * 300,
    "\u202e\x00\ud83d 👩‍👩‍👧 ﷽ \r\n\t",
    "",
)
texts = st.lists(st.sampled_from(PIECES) | st.text(max_size=40), max_size=5).map("".join)


@st.composite
def conversations(draw: Any) -> list[Message]:
    messages: list[Message] = []
    for turn in range(draw(st.integers(1, 6))):
        messages.append(Message("user", draw(texts), pinned=draw(st.integers(0, 5)) == 0))
        for step in range(draw(st.integers(0, 2))):
            call = ToolCall(f"c{turn}-{step}", "f", "{}")
            messages += [Message("assistant", "", (call,)), Message("tool", draw(texts), tool_call_id=call.id)]
        messages.append(Message("assistant", draw(texts)))
    return messages


def compact(messages: list[Message], target: int) -> list[Message]:
    budget = CompactionBudget(target, 2 * target, estimate_messages)
    return list(asyncio.run(DigestCompactionStrategy().compact(Context(list(messages)), budget)).messages)


def least(messages: list[Message]) -> int:
    return sum(estimate_messages(messages[s.start : s.end]) for s in steps(messages) if s.protected)


@settings(max_examples=50, deadline=None)
@given(conversations(), st.integers(0, 2_000))
def test_it_fits_and_is_never_larger_and_valid(messages: list[Message], target: int) -> None:
    found = compact(messages, target)
    assert estimate_messages(found) <= max(target, least(messages))
    assert estimate_messages(found) <= estimate_messages(messages)
    assert not repair(messages, found).repaired
    assert not open_call_ids(found)


@settings(max_examples=50, deadline=None)
@given(conversations(), st.integers(0, 2_000))
def test_it_is_deterministic_and_doing_it_again_changes_nothing(messages: list[Message], target: int) -> None:
    found = compact(messages, target)
    copies = [replace(m, metadata=dict(m.metadata)) for m in messages]
    assert [m.content for m in compact(copies, target)] == [m.content for m in found]
    assert [(m.id, m.content) for m in compact(found, target)] == [(m.id, m.content) for m in found]


values = st.integers(1_000, 9_999)
ways = st.sampled_from(
    (
        "The limit of {} is {}.",
        "{}.limit: {}",
        "limit of {} = {}",
        "Actually the limit of {} is {} now.",
        '{{"name": "{}", "limit": {}}}',
        "limit[{}] = {}",
    )
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["orders-db", "job_7", "src/a.py"]), values, ways), min_size=1, max_size=14))
def test_the_last_value_of_each_thing_is_told_and_no_other(said: list[tuple[str, int, str]]) -> None:
    talk = [Message("user", "Go.")]
    for name, value, way in said:
        talk += [Message("user", way.format(name, value)), Message("assistant", "so it goes on " * 30)]
    found = compact([*talk, Message("user", "And?")], 300)
    told = "\n".join(m.content for m in found if is_own_digest(m))
    last = {name: value for name, value, _ in said}
    lines = [line for line in told.splitlines() for name in last if name in line]
    for name, value in last.items():
        mine = [line for line in lines if name in line]
        assert any(str(value) in line for line in mine) or not told
        old = {v for n, v, _ in said if n == name} - set(last.values())
        assert not any(str(v) in line for v in old for line in mine)

"""Estimates against published counts, and the counter that corrects them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.context.tokens import TokenCounter, estimate_message, estimate_messages, estimate_text, estimate_tools
from victor_nb.messages import Message, ToolCall, ToolSpec


@pytest.mark.parametrize(
    ("text", "published"),
    [
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 9),
        ("tiktoken is great!", 6),
        ("You miss 100% of the shots you don't take", 11),
        ("hello world", 2),
    ],
)
def test_the_estimate_is_near_published_counts(text: str, published: int) -> None:
    assert abs(estimate_text(text) - published) <= 2


def test_tables_and_chinese_cost_more_per_character_than_prose() -> None:
    table = "\n".join(f"{n}  {n * 17.318:10.4f}  {n * 31.7:10.4f}" for n in range(50))
    prose = "It is a truth universally acknowledged that a single man must be in want of a wife. " * 20
    assert 1.5 < len(table) / estimate_text(table) < 2.3
    assert 4 < len(prose) / estimate_text(prose) < 5.5
    assert len("人工智能是新的技术科学") / estimate_text("人工智能是新的技术科学") < 1.4


@given(st.text(), st.text())
def test_no_text_costs_less_with_more_behind_it(text: str, more: str) -> None:
    text = text.rstrip()  # blanks may merge with those that follow, as they do in tokenizers
    assert estimate_text(f"{text}\n{more}") >= estimate_text(text)


@pytest.mark.parametrize("unit", [" ", "\t", "a", "A", "_", "=", "字", "1"])
def test_long_runs_are_counted_in_time_that_grows_with_them(unit: str) -> None:
    began = time.process_time()
    assert estimate_text(unit * 200_000) > 10_000
    assert time.process_time() - began < 1


@given(st.lists(st.text(max_size=30), max_size=5), st.text(max_size=30))
def test_every_message_costs_something(texts: list[str], text: str) -> None:
    messages = [Message("user", text) for text in texts]
    assert estimate_messages([*messages, Message("user", text)]) >= estimate_messages(messages) + 4


def test_tool_calls_and_tools_are_counted() -> None:
    call = ToolCall("1", "look_up", '{"city": "Berlin"}')
    assert estimate_message(Message("assistant", "", (call,))) > estimate_message(Message("assistant", "")) + 8
    assert estimate_tools([ToolSpec("f", "Look it up.", {"type": "object"})]) > 8


def test_the_counter_is_exact_at_the_report_and_learns_the_ratio() -> None:
    counter = TokenCounter()
    assert counter.count(1000) == 1000
    counter.observe(1300, 1000)
    assert (counter.count(1000), counter.count(1100)) == (1300, 1430)


def test_a_fixed_overhead_is_no_ratio() -> None:
    counter = TokenCounter()
    counter.observe(400, 20)
    assert counter.count(20) == 400
    assert counter.count(1020) == 400 + 2 * 1000


@pytest.mark.parametrize("reported", [0, 10, 50_000])
def test_a_report_that_cannot_be_is_not_believed(reported: int) -> None:
    counter = TokenCounter()
    counter.observe(reported, 1000)
    assert counter.count(1000) == 1000


@given(st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**5), st.integers(0, 10**5))
def test_more_never_counts_less(reported: int, estimated: int, one: int, other: int) -> None:
    counter = TokenCounter()
    counter.observe(reported, estimated)
    assert counter.count(min(one, other)) <= counter.count(max(one, other))
    assert counter.count(min(one, other)) >= 0

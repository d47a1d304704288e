"""What the task is, told by rules, and steps that belong to it kept word for word."""

from __future__ import annotations

from support.long_talks import assert_sound, budget, compacted, talk

from victor_nb.context import TaskAwareCompactionStrategy
from victor_nb.context.entities import entities, task_of
from victor_nb.context.tokens import estimate_messages
from victor_nb.messages import Message

TOPICS = (
    "load_orders() in src/orders.py raises KeyError 'region'",
    "a holiday in Lisbon",
    "the colours of the logo",
    "lunch on Friday",
    "a new chair for the office",
    "the weather of next week",
)


async def test_the_step_that_names_what_the_question_names_stays() -> None:
    source = talk(*TOPICS, last="Now mend the KeyError in src/orders.py.")
    found = await compacted(TaskAwareCompactionStrategy(share=0.3), source, budget(1000))
    assert next(m for m in source if "mark_0_answer" in m.content) in found.messages
    assert next(m for m in source if "mark_2_answer" in m.content) not in found.messages
    assert estimate_messages(found.messages) <= 1000
    assert_sound(found.messages, source)
    assert await compacted(TaskAwareCompactionStrategy(share=0.3), source, budget(1000)) == found


def test_names_weigh_more_than_words() -> None:
    found = entities("Please mend load_orders in src/orders.py, the report is late")
    assert found["load_orders"] == found["src/orders.py"] == 3
    assert found["orders"] == found["report"] == 1
    assert "the" not in found


def test_the_task_is_the_goal_the_question_open_points_and_errors() -> None:
    messages = [
        Message("user", "Goal: build forecast_v2."),
        Message("assistant", "Still to do: tests for parse_dates. The loader is done."),
        *[Message("assistant", f"Chatter {number} about gardens_{number}.") for number in range(12)],
        Message("tool", "ValueError: bad month in dates.csv\nother line with nothing_else", tool_call_id="c"),
        Message("user", "Continue with holidays.csv."),
    ]
    task = task_of(messages)
    assert task["holidays.csv"] == 3
    assert task["dates.csv"] == 3
    assert 0 < task["forecast_v2"] < 3
    assert task["parse_dates"] > 0
    assert "gardens_1" not in task
    assert "nothing_else" not in task


def test_an_error_that_was_mended_is_no_part_of_the_task() -> None:
    failed = Message("tool", "ValueError: bad month in dates.csv", tool_call_id="c")
    mended = Message("assistant", "That is fixed and works now.")
    goal, last = Message("user", "Hello."), Message("user", "Next.")
    assert "dates.csv" in task_of([goal, failed, last])
    assert "dates.csv" not in task_of([goal, failed, mended, last])
    assert task_of([]) == {}

"""Assertions on frames: what they let pass, and what they say when they do not."""

from __future__ import annotations

import pytest
from support.destinations import Picky

from victor_nb.errors import ExportError, ModelRequestError, UsageError
from victor_nb.messages import Usage
from victor_nb.testing import (
    Reply,
    Victor,
    assert_no_failures,
    assert_tool_called,
    assert_turns,
    call,
    fail,
)


def average(column: str, weights: list[int] | None = None) -> float:
    if column == "no such":
        raise KeyError(column)
    return 3.0


@pytest.fixture
def talked(victor: Victor) -> Victor:
    """Two turns, of which the first calls `average` twice."""
    victor.tools.append(average)
    calls = [call("average", column="rain_mm"), call("average", column="sun_h", weights=[1, 2])]
    victor.script(Reply(tool_calls=calls, usage=Usage(10, 1), cost_usd=0.01), Reply("3", usage=Usage(20, 2)), "Yes")
    for question in ("Averages?", "Really?"):
        victor.chat(question)
    return victor


def test_what_holds_passes_and_gives_the_rows(talked: Victor):
    turns = assert_turns(talked, n=2, status="ok", tools=["average", "average"], model="scripted", max_requests=3)
    assert list(turns.turn_index) == [1, 2]
    for recorded in (talked.analytics, talked.orchestrator, talked.analytics.turns()):
        assert_turns(recorded, 2)
    assert len(assert_turns(talked.analytics.turns(limit=1), 1, max_input_tokens=30)) == 1
    assert len(assert_tool_called(talked, "average")) == 2
    (arguments,) = assert_tool_called(talked, "average", column="sun_h", weights=[1, 2])["arguments"]
    assert "sun_h" in arguments
    assert_no_failures(talked)
    assert_no_failures(talked.analytics.tool_calls())


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"n": 3}, "2 turns, not 3"),
        ({"model": "other"}, "2 of 2 turns: model is scripted, not other"),
        ({"status": "error"}, "2 of 2 turns: status is ok, not error"),
        ({"tools": ["average"]}, "the tools called are average, average, not average"),
        ({"tools": []}, "the tools called are average, average, not none"),
        ({"max_input_tokens": 30}, r"input_tokens is \d+, and 30 is the most"),
        ({"max_requests": 2}, "requests is 3, and 2 is the most"),
        ({"max_cost_usd": 1}, "cost_usd of 2 of 2 turns is unknown, and 1 is the most"),
    ],
)
def test_turns_that_are_otherwise_are_shown(talked: Victor, limits: dict[str, object], told: str):
    with pytest.raises(AssertionError, match=told) as failed:
        assert_turns(talked, **limits)  # type: ignore[arg-type]
    assert "turn_index" in str(failed.value)


def test_all_that_is_wrong_is_said_at_once(talked: Victor):
    with pytest.raises(AssertionError) as failed:
        assert_turns(talked.analytics.turns(limit=0), 1, tools=None)
    assert str(failed.value) == "0 turns, not 1\n  (no turns)"
    with pytest.raises(AssertionError) as failed:
        assert_turns(talked, 1, model="m", max_requests=1)
    assert str(failed.value).splitlines()[:3] == [
        "2 turns, not 1",
        "2 of 2 turns: model is scripted, not m",
        "requests is 3, and 1 is the most",
    ]


def test_a_tool_that_was_not_called_so_is_told_with_the_calls(talked: Victor):
    with pytest.raises(AssertionError, match=r"averages was not called\. Did you mean 'average'") as failed:
        assert_tool_called(talked, "averages")
    assert '{"column": "rain_mm"}' in str(failed.value)
    with pytest.raises(AssertionError, match="average was not called with column='snow'"):
        assert_tool_called(talked, "average", column="snow")
    with pytest.raises(AssertionError, match="not called with weights=None"):
        assert_tool_called(talked, "average", weights=None)


def test_a_frame_that_cannot_tell_is_refused(talked: Victor):
    with pytest.raises(UsageError, match="does not tell the tools"):
        assert_turns(talked.analytics.turns(), tools=["average"])
    with pytest.raises(UsageError, match="does not tell the arguments"):
        assert_tool_called(talked.analytics.tool_calls(), "average", column="rain_mm")
    assert_tool_called(talked.analytics.tool_calls(content=True), "average", column="rain_mm")
    with pytest.raises(UsageError, match="str has no frames"):
        assert_no_failures("turns")  # type: ignore[arg-type]


def test_every_kind_of_failure_is_found(victor: Victor):
    victor.tools.append(average)
    victor.script(call("average", column="no such"), "Sorry.", fail("server"))
    victor.chat("Average?")
    with pytest.raises(AssertionError, match="1 tool call failed") as failed:
        assert_no_failures(victor)
    assert "KeyError" in str(failed.value)
    with pytest.raises(ModelRequestError):
        victor.chat("Again?")
    with pytest.raises(AssertionError, match=r"(?s)1 turn failed:.*1 request failed:.*503.*1 tool call failed:"):
        assert_no_failures(victor)
    with pytest.raises(AssertionError, match="1 of 2 turns: status is error, not ok"):
        assert_turns(victor)
    assert_turns(victor, 2, status=None)


async def test_events_that_a_destination_refused_are_a_failure(victor: Victor):
    victor.script("Hi")
    exporter = Picky([1], ExportError("poison", retryable=False), destination="there")
    victor.orchestrator.analytics_coordinator.add_exporter(exporter)
    await victor.chat_async("Hello")
    await victor.orchestrator.analytics_coordinator.track_event("x_odd", {"n": 1})
    await victor.orchestrator.analytics_coordinator.export_analytics()
    with pytest.raises(AssertionError, match=r"(?s)exports? failed:.*dead"):
        assert_no_failures(victor)

"""`vn.rate`: a rating is an event of the answer's session, on disk when the call returns."""

from __future__ import annotations

import asyncio
import json
import sqlite3

import numpy as np
import pytest

import victor_nb as vn
from victor_nb.errors import UsageError
from victor_nb.testing import ScriptedModel


def asked(**arguments) -> vn.AgentOrchestrator:
    return vn.AgentOrchestrator(model=ScriptedModel(*["Fine."] * 3), **arguments)


def ratings() -> list[dict[str, object]]:
    return [json.loads(text) for text in vn.analytics.events(type="feedback_given")["data"]]


def test_it_is_on_disk_when_the_call_returns(own_home):
    answer = asyncio.run(asked().chat("?"))
    vn.rate(answer, 1, "found the outlier")
    with sqlite3.connect(own_home / "victor.db") as file:
        [(session, turn, content)] = file.execute(
            "SELECT session_id, turn_id, content FROM events WHERE type = 'feedback_given'"
        )
    file.close()
    assert (session, turn) == (answer.session_id, answer.turn_id)
    assert json.loads(content) == {"note": "found the outlier"}
    assert ratings() == [{"turn_id": answer.turn_id, "score": 1.0, "label": None, "note_chars": 17}]


async def test_the_last_answer_is_meant_when_none_is_named():
    orchestrator = asked()
    await orchestrator.chat("first")
    second = await orchestrator.chat("second")
    vn.rate(True)
    vn.rate(-0.5, "a note")
    vn.rate(score=0, label="off topic")
    assert [(one["turn_id"], one["score"], one["label"]) for one in ratings()] == [
        (second.turn_id, 1.0, None),
        (second.turn_id, -0.5, None),
        (second.turn_id, 0.0, "off topic"),
    ]


async def test_an_answer_of_before_can_be_rated_and_rated_again():
    orchestrator = asked()
    first = await orchestrator.chat("first", session_id="other")
    await orchestrator.chat("second")
    vn.rate(first, 0)
    vn.rate(first.turn_id, np.float64(0.75))
    turns = vn.analytics.turns().set_index("turn_id")
    assert turns.loc[first.turn_id, "score"] == 0.75
    assert turns["score"].isna().sum() == 1
    assert set(vn.analytics.events(type="feedback_given")["session_id"]) == {"other"}


async def test_a_label_may_stand_alone():
    answer = await asked().chat("?")
    vn.rate(answer, label="hallucination")
    assert [(one["score"], one["label"]) for one in ratings()] == [(None, "hallucination")]


async def test_it_is_exported_by_the_coordinator_that_recorded_the_answer():
    seen: dict[str, list[str]] = {"one": [], "two": []}

    class Keep:
        def __init__(self, name):
            self.name = name

        def export(self, events):
            seen[self.name] += [event.type for event in events]

    one = asked(analytics_coordinator=vn.AnalyticsCoordinator([Keep("one")]))
    two = asked(analytics_coordinator=vn.AnalyticsCoordinator([Keep("two")]))
    answer = await one.chat("?")
    await two.chat("?")
    vn.rate(answer, 1)
    for orchestrator in (one, two):
        await orchestrator.analytics_coordinator.export_analytics()
        orchestrator.close()
    assert [name for name, types in seen.items() if "feedback_given" in types] == ["one"]


@pytest.mark.parametrize("score", ["1", float("nan"), float("inf"), [1], {}, b"1"])
async def test_a_score_is_a_finite_number(score):
    answer = await asked().chat("?")
    with pytest.raises(UsageError, match="a score is a finite number"):
        vn.rate(answer, score)
    assert ratings() == []


async def test_what_cannot_be_rated_is_refused():
    answer = await asked().chat("?")
    for wrong, told in [
        ((answer,), "needs a score"),
        (("nope", 1), "no turn 'nope'"),
        ((answer, 1, 2), "note is text"),
    ]:
        with pytest.raises(UsageError, match=told):
            vn.rate(*wrong)
    assert ratings() == []


async def test_where_nothing_is_recorded_nothing_is_rated():
    answer = await asked(settings=vn.Settings(enable_analytics=False)).chat("?")
    with pytest.raises(UsageError, match="analytics are switched off"):
        vn.rate(answer, 1)


async def test_a_note_is_content_and_kept_back_with_it(own_home):
    answer = await asked(settings=vn.Settings(capture_content="off")).chat("?")
    vn.rate(answer, 1, "the patient's name")
    assert ratings()[0]["note_chars"] == 18
    assert b"patient" not in (own_home / "victor.db").read_bytes() + (own_home / "victor.db-wal").read_bytes()

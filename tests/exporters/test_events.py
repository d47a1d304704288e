"""Events as users get them: nothing changes on the way through the store, and every payload has its documented form."""

from __future__ import annotations

import datetime as dt
import json
import math
import types
import typing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import victor_nb
from victor_nb.agent.coordinators import AnalyticsCoordinator, ContextCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import tool
from victor_nb.config.settings import Settings
from victor_nb.context.recent import RecentMessagesCompactionStrategy
from victor_nb.errors import BudgetError, EventError, RateLimitError
from victor_nb.events import PAYLOADS, EventContent
from victor_nb.exporters.decode import decode
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel, call

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(text, children, max_size=4),
    max_leaves=12,
)


@given(events=st.lists(st.dictionaries(text, json_values, max_size=4), min_size=1, max_size=5))
def test_what_goes_in_comes_out(events):
    store = SQLiteStore()
    for data in events:
        store.append("x_any", "s", data)
    store.flush()
    out = decode(store.read(EventQuery()), include_content=True)
    store.close()
    assert [event.data for event in out] == events
    assert [json.loads(json.dumps(event.model_dump()))["data"] for event in out] == events
    assert [event.seq for event in out] == list(range(1, len(events) + 1))
    assert all(event.timestamp.tzinfo is dt.UTC for event in out)


@given(value=st.floats() | st.text(st.characters(codec=None)))
def test_what_no_destination_takes_is_mended(value):
    store = SQLiteStore()
    store.append("x_any", "s", {"value": value})
    store.flush()
    (event,) = decode(store.read(EventQuery()), include_content=True)
    store.close()
    out = event.data["value"]
    if isinstance(value, float):
        assert out == value if math.isfinite(value) else out is None
    else:
        out.encode("utf-8")
        assert "\x00" not in out
        assert len(out) == len(value)


@pytest.fixture
def analytics():
    coordinator = AnalyticsCoordinator()
    coordinator.attach(SQLiteStore())
    return coordinator


async def test_own_events_take_what_data_scientists_have(analytics):
    data = {"n": np.int64(3), "v": np.array([1.5, 2.0]), "at": dt.date(2026, 1, 2), "path": Path("a") / "b", "s": {1}}
    await analytics.track_event("x_measured", data, session_id="s")
    (event,) = await analytics.query_analytics(types=["x_measured"])
    assert event.data == {"n": 3, "v": [1.5, 2.0], "at": "2026-01-02", "path": "a/b", "s": [1]}


@pytest.mark.parametrize("type", ["turn_started", "measured", "x_", "X_measured", "x_größe", "x-measured"])
def test_other_names_are_refused_with_an_example(analytics, type):
    with pytest.raises(EventError, match="x_my_event"):
        analytics.track_event(type)


def test_a_coordinator_without_a_store_says_what_to_do():
    coordinator = AnalyticsCoordinator()
    with pytest.raises(EventError, match="AgentOrchestrator"):
        coordinator.track_event("x_early")
    coordinator.close()  # nothing was begun that would have to be ended


def misfits(payload: type, data: dict) -> dict:
    """Fields of `data` that are missing, unknown, or not of the documented type."""
    hints = typing.get_type_hints(payload)
    absent = dict.fromkeys(hints.keys() ^ data.keys(), "missing or unknown")
    for name, hint in hints.items():
        kind = typing.get_origin(hint) or hint
        hints[name] = hint if kind is types.UnionType else kind
    return absent | {n: data[n] for n, kind in hints.items() if n in data and not isinstance(data[n], kind)}


async def test_every_payload_has_its_documented_form():
    @tool(requires_approval=True)
    def broken() -> None:
        """Fails."""
        raise OSError("disk")

    def yes(name: str, arguments: dict[str, object]) -> bool:
        return True

    settings = Settings(context_compaction_threshold=120, context_compaction_target=60, context_window=4000)
    context = ContextCoordinator(RecentMessagesCompactionStrategy(keep_last_n=2))
    model = ScriptedModel(call("broken"), "word " * 40, "word " * 40, RateLimitError("no"), "end")
    orchestrator = AgentOrchestrator(settings, model=model, tools=[broken], context_coordinator=context, approve=yes)
    for question in ("one", "two", "three"):
        try:
            await orchestrator.chat(question)
        except RateLimitError:
            continue
    with pytest.raises(BudgetError):
        await orchestrator.chat("four", budget_usd=1)
    victor_nb.rate(1, "fine", label="good")
    orchestrator.close()
    store = orchestrator.analytics_coordinator.store
    store.flush()
    events = decode(store.read(EventQuery()), include_content=False)
    assert {event.type for event in events} == set(PAYLOADS) - {"export_failed"}
    for event in events:
        assert misfits(PAYLOADS[event.type], event.data) == {}
    contents = [json.loads(event.content) for event in store.read(EventQuery()) if event.content]
    assert set().union(*contents) <= EventContent.__optional_keys__


async def test_the_record_of_a_failure_has_its_documented_form():
    class Failing:
        async def export(self, events):
            raise ConnectionError("down")

    coordinator = AnalyticsCoordinator([Failing()])
    coordinator.attach(SQLiteStore())
    await coordinator.track_event("x_any")
    await coordinator.export_analytics()
    (failed,) = await coordinator.query_analytics(types=["export_failed"])
    assert misfits(PAYLOADS["export_failed"], failed.data) == {}
    assert failed.data == {
        "exporter": "Failing",
        "first_seq": 1,
        "last_seq": 2,
        "attempts": 1,
        "error": "ConnectionError: down",
    }
    coordinator.close()

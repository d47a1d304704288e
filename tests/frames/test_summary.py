"""`summary(by=)`: what is added up, what is left out, and that what is unknown stays visible."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import recorded
from support.bare import Bare

from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.frames.summary import TOTALS
from victor_nb.store import SQLiteStore


@pytest.fixture
def store() -> Iterator[SQLiteStore]:
    store = SQLiteStore()
    yield store
    store.close()


@pytest.fixture
def analytics(store: SQLiteStore) -> Analytics:
    return Analytics(lambda: store)


def test_turns_are_added_up_by_model(analytics: Analytics, store: SQLiteStore) -> None:
    for duration in (1.0, 2.0, 3.0):
        recorded.turn(store, model="big", duration_s=duration, requests=2, tool_calls=1)
    recorded.turn(store, model="small", status="error", error_type="RateLimitError")
    summary = analytics.summary(by="model").set_index("model")
    assert summary.loc["big", list(TOTALS)].tolist() == [3, 0, 0, 6, 3, 300, 60, 180, 1.5, 0]
    assert summary.loc["big", "duration_s_p50"] == 2.0
    assert summary.loc["big", "duration_s_p95"] == pytest.approx(2.9)
    assert summary.loc["small", ["turns", "errors"]].tolist() == [1, 1]


def test_an_unknown_price_is_counted_and_never_zero(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, model="priced")
    recorded.turn(store, model="priced", cost_usd=None)
    recorded.turn(store, model="unpriced", cost_usd=None)
    summary = analytics.summary().set_index("model")
    assert summary.loc["priced", ["cost_usd", "cost_unknown"]].tolist() == [0.5, 1]
    assert summary.loc["unpriced", ["cost_usd", "cost_unknown"]].tolist() == [pd.NA, 1]


def test_the_demo_model_counts_as_turns_only(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store)
    recorded.turn(store, usage_source="unmeasured", cost_usd=None)
    row = analytics.summary(by="session_id").iloc[0]
    assert row[["turns", "input_tokens", "cost_usd", "cost_unknown"]].tolist() == [2, 100, 0.5, 0]


def test_an_open_turn_is_a_turn_of_unknown_price(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.start_turn(store)
    row = analytics.summary().iloc[0]
    assert row[["turns", "interrupted", "cost_unknown"]].tolist() == [1, 0, 1]
    assert row[["input_tokens", "cost_usd", "duration_s_p50"]].isna().all()


def test_several_columns_and_unknown_keys(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, error_type="A")
    recorded.turn(store)
    recorded.turn(store)
    summary = analytics.summary(by=["model", "error_type"])
    assert summary[["model", "error_type", "turns"]].values.tolist() == [["m", "A", 1], ["m", pd.NA, 2]]


def test_a_total_may_itself_be_the_key(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, requests=2)
    recorded.turn(store, requests=2)
    summary = analytics.summary(by="requests")
    assert summary[["requests", "turns"]].values.tolist() == [[2, 2]]


def test_an_unknown_column_is_refused(analytics: Analytics) -> None:
    with pytest.raises(UsageError, match="Did you mean 'model'"):
        analytics.summary(by="modle")
    with pytest.raises(UsageError, match="Did you mean 'day'"):
        analytics.summary(by=["model", "days"])


def test_without_a_key_there_is_one_row(analytics: Analytics, store: SQLiteStore) -> None:
    empty = analytics.summary(by=None)
    assert empty[["turns", "cost_unknown", "cost_usd", "score"]].values.tolist() == [[0, 0, pd.NA, pd.NA]]
    rated = recorded.turn(store, duration_s=1.0)
    recorded.turn(store, duration_s=3.0, cost_usd=None)
    recorded.feedback(store, rated, 1.0)
    whole = analytics.summary(by=[])
    pd.testing.assert_series_equal(empty.dtypes, whole.dtypes)
    assert whole[["turns", "cost_usd", "cost_unknown", "score", "duration_s_p50"]].values.tolist() == [
        [2, 0.5, 1, 1, 2]
    ]


def test_tags_and_days_are_keys(analytics: Analytics, store: SQLiteStore) -> None:
    for variant in ("A", "B", "A"):
        recorded.turn(store, tags={"variant": variant, "arm": 1})
    recorded.turn(store)
    summary = analytics.summary(by=["tag:variant", "day"])
    today = analytics.turns()["started_at"].dt.floor("D")[0]
    assert summary[["tag_variant", "turns"]].values.tolist() == [["A", 2], ["B", 1], [pd.NA, 1]]
    assert (str(summary["day"].dtype), set(summary["day"])) == ("datetime64[us, UTC]", {today})
    assert analytics.summary(by="tag_arm")["tag_arm"].tolist() == ["1", pd.NA]
    assert analytics.summary(by="tag:unheard")[["tag_unheard", "turns"]].values.tolist() == [[pd.NA, 4]]


def test_filters_choose_the_turns(analytics: Analytics, store: SQLiteStore) -> None:
    for requests in (1, 2, 3):
        recorded.turn(store, requests=requests, tags={"big": requests > 1})
    assert analytics.summary(where="requests > 1")["requests"].tolist() == [5]
    assert analytics.summary(tags={"big": True})["turns"].tolist() == [2]
    assert analytics.summary(newest_first=True, limit=1)["requests"].tolist() == [3]


@pytest.mark.parametrize("by", ["model", "provider", "session_id", "status", "day", []])
def test_the_short_way_gives_what_the_long_one_gives(store: SQLiteStore, by: str | list[str]) -> None:
    unpriced = recorded.turn(store, cost_usd=None, provider="q", requests=2)
    recorded.turn(store, "t", model=None, usage_source="unmeasured", status="error")
    recorded.turn(store, "t", requests=None, time_to_first_token_s=None)
    recorded.start_turn(store, model="late")
    store.append("turn_completed", "u", {"turn_id": "unstarted", **recorded.TURN_END})
    recorded.feedback(store, unpriced, 0.5)
    short, long = (Analytics(lambda kind=kind: kind).summary(by=by) for kind in (store, Bare(store)))
    pd.testing.assert_frame_equal(short, long)
    assert short["turns"].sum() == 5


@pytest.mark.parametrize("by", recorded.TURN_COLUMNS)
def test_every_column_of_turns_is_a_key(analytics: Analytics, store: SQLiteStore, by: str) -> None:
    empty = analytics.summary(by=by)
    recorded.turn(store)
    recorded.start_turn(store)
    full = analytics.summary(by=by)
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
    if by != "turn_id":
        assert sorted(full["turns"]) in ([2], [1, 1])


costs = st.lists(st.tuples(st.sampled_from("ab"), st.none() | st.floats(0, 1e6)), min_size=1, max_size=12)


@given(turns=costs)
def test_no_price_is_lost_or_invented(turns: list[tuple[str, float | None]]) -> None:
    store = SQLiteStore()
    for model, cost in turns:
        recorded.turn(store, model=model, cost_usd=cost)
    summary = Analytics(lambda: store).summary()
    store.close()
    known = [cost for _, cost in turns if cost is not None]
    assert summary["cost_usd"].sum() == pytest.approx(sum(known))
    assert summary["cost_unknown"].sum() == len(turns) - len(known)
    assert summary["turns"].sum() == len(turns)

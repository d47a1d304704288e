"""Which rows a frame has: time, tags, conditions on columns, order and number."""

from __future__ import annotations

import datetime as dt
import inspect
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import recorded

from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.store import SQLiteStore

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "events.db")
    yield store
    store.close()


@pytest.fixture
def analytics(store: SQLiteStore) -> Analytics:
    """Four turns, at noon and one, two and three hours later."""
    for number, (variant, cost) in enumerate((("A", 0.5), ("B", None), ("A", 0.001), ("C", 2.0))):
        turn_id = recorded.turn(
            store, f"s{number}", tags={"variant": variant, "arm": number}, cost_usd=cost, requests=number
        )
        recorded.tool_call(store, turn_id, f"c{number}", f"s{number}")
        recorded.feedback(store, turn_id, float(number))
    store.flush()
    with sqlite3.connect(store.path) as clock:
        hours = "(CAST((seq - 1) / 5 AS INTEGER)) * 3600000000"
        clock.execute(f"UPDATE events SET timestamp_us = {int(NOON.timestamp() * 1e6)} + {hours}")
    clock.close()
    return Analytics(lambda: store)


def of(analytics: Analytics, **filters: object) -> list[int]:
    return analytics.turns(**filters)["requests"].tolist()


def test_a_time_range_includes_its_begin_and_not_its_end(analytics: Analytics) -> None:
    hour = dt.timedelta(hours=1)
    assert of(analytics, since=NOON + hour) == [1, 2, 3]
    assert of(analytics, until=NOON + hour) == [0]
    assert of(analytics, since="2026-03-01T13:00Z", until="2026-03-01T15:00:00+00:00") == [1, 2]
    assert len(analytics.events(since=NOON + hour, until=NOON + 2 * hour)) == 5
    assert analytics.sessions(until=NOON + hour)["session_id"].tolist() == ["s0"]


def test_times_are_local_without_a_zone_and_may_be_counted_back(analytics: Analytics, store: SQLiteStore) -> None:
    local = NOON.astimezone().replace(tzinfo=None)
    assert of(analytics, since=local) == of(analytics, since=str(local)) == [0, 1, 2, 3]
    assert of(analytics, since=local + dt.timedelta(seconds=1)) == [1, 2, 3]
    assert of(analytics, since=(NOON + dt.timedelta(days=2)).date()) == []
    recorded.turn(store, requests=9)
    for back in ("2h", "7 days", "90 min", "1.5 hours ago", "30s", dt.timedelta(hours=1)):
        assert of(analytics, since=back) == [9]
    assert of(analytics, until="2h") == [0, 1, 2, 3]


def test_today_and_yesterday_begin_at_midnight(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, requests=9)
    assert of(analytics, since="yesterday") == [9]
    assert of(analytics, until="Today") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "asked",
    [
        lambda frames: frames.turns(notebook=5),
        lambda frames: frames.turns(session=5),
        lambda frames: frames.events(type=5),
        lambda frames: frames.summary(by=5),
        lambda frames: frames.to_parquet(5),
        lambda frames: frames.to_parquet(__file__, "turns"),
    ],
)
def test_an_argument_of_a_wrong_kind_is_told(analytics: Analytics, asked: Callable[[Analytics], object]) -> None:
    with pytest.raises(UsageError) as told:
        asked(analytics)
    assert told.value.hint


@pytest.mark.parametrize("odd", ["yesterdayish", "5 lightyears", 7, "2026-13-01", dt.timedelta.max])
def test_what_is_no_time_is_refused_in_one_line(analytics: Analytics, odd: object) -> None:
    with pytest.raises(UsageError, match="is not a time") as refused:
        analytics.turns(since=odd)
    assert "\n" not in str(refused.value)


def test_tags_choose_turns_and_what_belongs_to_them(analytics: Analytics) -> None:
    assert of(analytics, tags={"variant": "A"}) == [0, 2]
    assert of(analytics, tags={"variant": ["A", "C"], "arm": "3"}) == of(analytics, tags={"arm": 3}) == [3]
    assert of(analytics, tags={"unheard": "x"}) == []
    assert analytics.tool_calls(tags={"variant": "A"})["tool_call_id"].tolist() == ["c0", "c2"]
    assert analytics.feedback(tags={"variant": "B"})["score"].tolist() == [1.0]
    assert set(analytics.events(tags={"variant": "B"})["session_id"]) == {"s", "s1"}  # rated elsewhere
    assert analytics.sessions(tags={"variant": "A"})["session_id"].tolist() == ["s0", "s2"]


def test_tags_become_columns(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store)
    turns = analytics.turns(expand_tags=True)
    assert turns["tag_variant"].tolist()[:4] == ["A", "B", "A", "C"]
    assert (str(turns["tag_arm"].dtype), turns["tag_arm"].isna().tolist()[-1]) == ("string", True)
    assert of(analytics, expand_tags=True, where="tag_variant == 'C'") == [3]
    assert "tag_variant" not in analytics.turns()


def test_newest_first_and_limit(analytics: Analytics) -> None:
    assert of(analytics, newest_first=True) == [3, 2, 1, 0]
    assert of(analytics, newest_first=True, limit=2) == [3, 2]
    assert of(analytics, limit=0) == []
    assert analytics.events(limit=2)["seq"].tolist() == [1, 2]
    assert analytics.events(newest_first=True, limit=2, where="type == 'turn_started'")["seq"].tolist() == [16, 11]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("cost_usd > 0.01 and status == 'ok'", [0, 3]),
        ("cost_usd > 0.01 & requests >= 1", [3]),
        ("not cost_usd > 0.01", [2]),
        ("cost_usd is None", [1]),
        ("cost_usd != None | requests == 1", [0, 1, 2, 3]),
        ("1 <= requests < 3", [1, 2]),
        ("requests in [0, 3.0, 7]", [0, 3]),
        ("requests not in (0, 3)", [1, 2]),
        ("model == ['m', 'n']", [0, 1, 2, 3]),
        ("requests * 2 + 1 == -requests + 7", [2]),
        ("input_tokens / requests > 60", [0, 1]),
        ("streamed and ~(requests == 0)", [1, 2, 3]),
        ("started_at >= '2026-03-01T14:00Z'", [2, 3]),
        ({"requests": [1, 2], "status": "ok"}, [1, 2]),
        ({"cost_usd": None}, [1]),
        ({"cost_usd": [None, 2]}, [1, 3]),
        ({}, [0, 1, 2, 3]),
    ],
)
def test_conditions_on_columns(analytics: Analytics, where: object, rows: list[int]) -> None:
    assert of(analytics, where=where) == rows


@pytest.mark.parametrize(
    "where",
    [
        "@store",
        "__import__('os').system('true')",
        "model.str.len() > 1",
        "(lambda: 1)()",
        "requests.__class__",
        "[x for x in status]",
        "model[0] == 'm'",
        "f'{model}' == 'm'",
        "status = 'ok'",
        "status == ",
        "requests",
        "'ok'",
        "status > 5",
        "not requests",
        "(" * 500 + "1" + ")" * 500,
        "requests" + " + 1" * 5_000,
        "requests ** 9 > 1",
        "status if 1 else 2",
        "\0",
        "",
        7,
        {"status": print},
    ],
)
def test_nothing_but_conditions_is_carried_out(analytics: Analytics, where: object) -> None:
    with pytest.raises(UsageError) as refused:
        analytics.turns(where=where)
    assert len(str(refused.value)) < 600


def test_names_that_are_not_there_are_corrected(analytics: Analytics) -> None:
    for where in ("costusd > 1", {"costusd": 1}):
        with pytest.raises(UsageError, match="Did you mean 'cost_usd'"):
            analytics.turns(where=where)
    with pytest.raises(UsageError, match="Did you mean 'session'"):
        analytics.turns(sesion="s")
    for odd in ({"limit": -1}, {"limit": "5"}, {"tags": "A"}):
        with pytest.raises(UsageError):
            analytics.turns(**odd)


def test_help_shows_every_filter() -> None:
    for name in (
        "events",
        "turns",
        "requests",
        "tool_calls",
        "compactions",
        "sessions",
        "feedback",
        "exports",
        "summary",
    ):
        shown = inspect.signature(getattr(Analytics, name)).parameters
        assert {"session", "notebook", "all", "since", "until", "tags", "where", "newest_first", "limit"} <= set(shown)

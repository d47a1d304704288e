"""Pages parsed at once against one event after the other: whatever was recorded, the frames are the same."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.bare import Bare

from victor_nb.errors import EventError
from victor_nb.frames import Analytics
from victor_nb.frames.columns import REQUESTS, TURNS, Column
from victor_nb.frames.payloads import canonical, fitting, one_by_one, parsed, payload
from victor_nb.records import EventQuery
from victor_nb.store import SQLiteStore

FIELDS = {"s": "string", "i": "Int64", "f": "Float64", "b": "boolean", "tags": "string"}
numbers = st.integers() | st.floats() | st.sampled_from([2**63, -(2**63), 2**53, 1.0, -0.0, 10**400])
texts = st.text(max_size=4) | st.sampled_from(["tags", '"tags":{}', '","tags":{"a":1}}', "}{", "\n", "\ud800", "\\"])
values = st.none() | st.booleans() | numbers | texts | st.lists(st.integers(), max_size=2)
tags = st.dictionaries(texts, values, max_size=2)
objects = st.dictionaries(st.sampled_from([*FIELDS, "z"]), values | tags | st.fixed_dictionaries({"tags": tags}))
odd = ["", "null", "[1]", "5", '{"i":1}{"i":2}', '{"i":1}}\n{"d":{"i":2}', '{"i":1,"i":2}', '{"f":1e400}', '{"f":NaN}']
odd += ['{"\\u0074ags":{"a":1}}', '{"tags" : {"a":1}}', '{"s":"\\ud800"}', '{\n"i":1}', '{"tags":{"b":1,"a":2}} ', "{"]
odd += ['{"tags":{"a":1},"tags":{}}', '{"x":{"tags":{"a":1}}}', '{"a\\"tags":{"a":1}}', '{"s":"\\u0000"}']


def as_text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@settings(deadline=None)
@given(st.lists(objects.map(as_text) | st.sampled_from(odd), max_size=6))
def test_payloads_are_the_same_at_once_and_one_by_one(found: list[str]) -> None:
    at_once, slowly = parsed(found, FIELDS), one_by_one(found, FIELDS)
    assert {name: array.to_pylist() for name, array in at_once.items()} == {
        name: array.to_pylist() for name, array in slowly.items()
    }
    assert [array.type for array in at_once.values()] == [array.type for array in slowly.values()]


ids = st.sampled_from(["a", "b", None, 5, True])
payloads = st.fixed_dictionaries(
    {"turn_id": ids},
    optional={
        "request_id": ids,
        "status": st.sampled_from(["ok", "error", None, 7]),
        "model": st.sampled_from(["m", None, 7, ["x"]]),
        "input_tokens": st.sampled_from([1, 2**62, 2**70, 1.0, "many", None]),
        "cost_usd": st.sampled_from([0.5, 1, None, "free", float("nan")]),
        "streamed": st.sampled_from([True, None, 0]),
        "tags": tags,
    },
)
types = st.sampled_from(["turn_started", "turn_completed", "model_request_started", "model_request_completed"])


@settings(deadline=None, max_examples=50)  # a new store each time
@example([("turn_completed", {"turn_id": "a"}), ("turn_started", {"turn_id": "a"})])
@given(st.lists(st.tuples(types, payloads), max_size=14))
def test_frames_are_what_one_event_after_the_other_makes_of_them(events: list[tuple[str, dict[str, Any]]]) -> None:
    store = SQLiteStore()
    for type, data in events:
        try:
            store.append(type, "s", data)
        except EventError:
            continue
    frames, bare = Analytics(lambda: store), Analytics(lambda: Bare(store))
    for name, prefix, id_field, columns in (
        ("turns", "turn", "turn_id", TURNS),
        ("requests", "model_request", "request_id", REQUESTS),
    ):
        frame = getattr(frames, name)()
        expected = one_row_after_the_other(store, prefix, id_field, columns)
        assert frame[list(expected)].astype(object).where(frame.notna(), None).to_dict("list") == expected
        pd.testing.assert_frame_equal(getattr(bare, name)(), frame)
    pd.testing.assert_frame_equal(bare.summary(), frames.summary())
    store.close()


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["started", "completed"]), st.sampled_from("aab")), max_size=12))
def test_a_completion_goes_to_the_oldest_that_is_open(events: list[tuple[str, str]]) -> None:
    store = SQLiteStore()
    expected: list[list[int | None]] = []
    waiting: dict[str, deque[list[int | None]]] = defaultdict(deque)
    for number, (kind, call) in enumerate(events):
        store.append(
            f"tool_call_{kind}",
            "s",
            {"turn_id": "t", "tool_call_id": call, "args_bytes": number, "result_bytes": number},
        )
        if kind == "completed" and waiting[call]:
            waiting[call].popleft()[1] = number
        else:
            expected.append([number, None] if kind == "started" else [None, number])
            waiting[call].extend(expected[-1:] if kind == "started" else [])
    calls = Analytics(lambda: store).tool_calls()
    found = zip(calls["started_at"].notna(), calls["args_bytes"], calls["result_bytes"].fillna(-1), strict=True)
    closed = [
        [end if start is None or end is not None else start, -1 if end is None else end] for start, end in expected
    ]
    assert [[args, result] for _, args, result in found] == closed
    assert calls["started_at"].notna().tolist() == [start is not None for start, _ in expected]
    store.close()


def one_row_after_the_other(
    store: SQLiteStore, prefix: str, id_field: str, columns: tuple[Column, ...]
) -> dict[str, list[Any]]:
    """The columns that come from payloads, by the rule of the documentation, with plain loops."""
    rows: list[list[dict[str, Any]]] = []
    waiting: dict[object, deque[list[dict[str, Any]]]] = defaultdict(deque)
    for event in store.read(EventQuery(types=[f"{prefix}_started", f"{prefix}_completed"])):
        data = dict(payload(event.data))
        key = (event.turn_id, fitting(data.get(id_field), "string"))
        if event.type.endswith("started"):
            rows.append([data, {}])
            waiting[key].append(rows[-1])
        elif waiting[key]:
            waiting[key].popleft()[1].update(data)
        else:
            rows.append([{}, data])
    return {
        column.name: [value_of(column, *row) for row in rows] for column in columns if value_of(column, {}, {}) != ...
    }


def value_of(column: Column, before: dict[str, Any], after: dict[str, Any]) -> object:
    if column.name == "tags":
        return canonical(before.get("tags"))
    first = fitting(before.get(column.field), column.dtype)
    second = fitting(after.get(column.field), column.dtype)
    sides = {"before": first, "after": second, "latest": first if second is None else second}
    return sides.get(column.source, ...)


def test_an_odd_payload_costs_no_other_row(tmp_path: Any) -> None:
    store = SQLiteStore(tmp_path / "events.db")
    for number in range(10_000):
        store.append("turn_started", "s", {"turn_id": str(number), "turn_index": "odd" if number == 5_000 else number})
    indices = Analytics(lambda: store).turns()["turn_index"]
    assert indices.isna().sum() == 1
    assert indices.dropna().tolist() == [number for number in range(10_000) if number != 5_000]
    assert Analytics(lambda: store).events(limit=3, newest_first=True)["seq"].tolist() == [10_000, 9_999, 9_998]
    store.close()


def test_more_text_than_a_page_holds(tmp_path: Any) -> None:
    store = SQLiteStore(tmp_path / "events.db")
    for size in (10, 9_000_000, 10, 9_000_000, 10):
        store.append("x_large", "s", {"text": "a" * size})
    for kind in (store, Bare(store)):
        lengths = Analytics(lambda kind=kind: kind).events(type="x_large")["data"].str.len()
        assert (lengths - len('{"text":""}')).tolist() == [10, 9_000_000, 10, 9_000_000, 10]
    store.close()


@pytest.mark.parametrize("rows", [0, 1])
def test_a_bare_store_has_all_frames(rows: int) -> None:
    store = SQLiteStore()
    for _ in range(rows):
        store.append("session_started", "s", {})
    analytics = Analytics(lambda: Bare(store))
    assert len(analytics.events()) == len(analytics.sessions()) == rows
    assert len(analytics.exports()) == len(analytics.feedback()) == 0
    store.close()

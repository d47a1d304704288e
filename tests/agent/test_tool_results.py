"""What a model reads of a result, whatever a function returns."""

from __future__ import annotations

import collections
import dataclasses
import enum
import json
import math
import os
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr
from support.tool_dispatch import dispatch, result_of

from victor_nb.agent.tools.text import described


@dataclasses.dataclass
class Point:
    x: object


class Pair(NamedTuple):
    left: int
    right: int


class Login(BaseModel):
    name: str
    password: SecretStr


class Level(enum.IntEnum):
    HIGH = 3


class Hostile:
    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__


def endless() -> Any:
    while True:
        yield 1


def circle() -> Any:
    found: list[Any] = []
    found.append(found)
    return found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("as it is", "as it is"),
        (None, "null"),
        ({"a": (1, 2.5), 3: "ä"}, '{"a":[1,2.5],"3":"ä"}'),
        (Point(Pair(1, 2)), '{"x":{"left":1,"right":2}}'),
        (date(2024, 1, 2), '"2024-01-02"'),
        ([Decimal("1.10"), Path("a"), Level.HIGH, {2, 1}], '["1.10","a",3,[1,2]]'),
        (collections.Counter("aab"), '{"a":2,"b":1}'),
        (pd.Series([1]).sum(), "1"),
        (float("nan"), "NaN"),
        ({"share": math.inf, "low": -math.inf, "gap": np.float64("nan")}, '{"share":"Infinity","low":"-Infinity","gap'),
        ([pd.NaT, pd.NA, pd.Timestamp("2024-01-02")], '["NaT","<NA>","2024-01-02 00:00:00"]'),
        (Login(name="a", password=SecretStr("hunter2")), '{"name":"a","password":"**********"}'),
        (b"\xff", "b'\\xff'"),
        (object, "<class 'object'>"),
        (Hostile(), "<a Hostile whose repr failed>"),
        ([Hostile(), 1], '["<a Hostile whose repr failed>",1]'),
        (endless(), "<generator object endless>"),
        (circle(), '["… (circular)"]'),
        ("\ud83d half", "\ufffd half"),
    ],
)
def test_any_result_becomes_text(value: object, text: str) -> None:
    outcome = result_of(value)
    assert outcome.status == "ok"
    assert outcome.text.startswith(text)
    outcome.text.encode()


def test_a_huge_structure_is_not_walked_to_its_end() -> None:
    outcome = result_of({"rows": range(10**12), "more": "x" * 10**6})
    assert outcome.truncated
    assert "more" in outcome.text
    assert len(outcome.text) < 50_000
    assert described([[]] * 10**5).truncated


def test_tables_show_schema_missing_values_and_a_sample() -> None:
    frame = pd.DataFrame({"a": range(1000), "b": ["x,y", None] * 500, ("c", 1): 0.1 + 0.2})
    lines = result_of(frame).text.splitlines()
    assert lines[:5] == [
        "DataFrame of 1,000 rows × 3 columns.",
        "Columns:",
        "- a: int64, 0 to 999, mean 499.5",
        f"- b: {frame['b'].dtype}, 500 missing, 1 distinct: x,y",
        "- c/1: float64, 0.3 to 0.3, mean 0.3",
    ]
    assert lines[5:8] == ["The first 20 rows:", "a,b,c/1", '0,"x,y",0.3']
    assert len(lines) == 27
    assert result_of(frame).truncated


def test_columns_of_every_library_are_summed_up() -> None:
    days = [date(2026, 1, 1 + n % 30) for n in range(60)]
    data = {"n": [*range(59), None], "s": ["a", "b", None] * 20, "t": days, "ok": [True, True, False] * 20}
    frame = pd.DataFrame(data).astype({"n": "Int64", "t": "datetime64[us]"})
    for table in (frame, pl.DataFrame(data), pa.table(data)):
        text = result_of(table).text
        assert ", 1 missing, 0 to 58, mean 29" in text
        assert ", 20 missing, 2 distinct: a, b" in text
        assert ", 2026-01-01" in text
        assert ", 66.7 % true" in text
    assert " true" in result_of(np.array([True, False] * 200)).text
    odd = pd.DataFrame({"x": [[1]] * 30, "y": [Hostile()] * 30, "z": [1, "a"] * 15, "e": [None] * 30})
    assert "- x: object\n" in result_of(odd).text


def test_facts_of_a_large_table_are_of_some_rows_and_say_so() -> None:
    rows = 3_000_000
    frame = pd.DataFrame({"n": np.arange(rows), "o": pd.Series(["a", None] * (rows // 2), dtype=object)})
    text = result_of(frame).text
    assert "Columns (ranges, means and distinct values are of every 3rd row):" in text
    assert "- o: object, about 1,500,000 missing, 1 distinct: a" in text
    assert "(ranges, means and distinct values are of every 2nd row)" in result_of(pd.Series(np.arange(4_000_000))).text
    assert "- n: Int64, 0 to 2999999, mean 1499999.5" in result_of(pl.DataFrame({"n": np.arange(rows)})).text


def test_a_table_with_an_index_of_its_own_shows_it() -> None:
    frame = pd.DataFrame({"n": [1.0, np.nan]}, index=pd.Index(["köln", "bonn"], name="city"))
    outcome = result_of(frame)
    assert outcome.text.splitlines()[-3:] == ["city,n", "köln,1", "bonn,NaN"]
    assert "All rows:" in outcome.text
    assert not outcome.truncated
    assert result_of(frame["n"]).text.startswith("Series 'n' of 2 rows, float64, 1 missing.\nAll rows:\ncity,n\n")


def test_a_wide_and_long_table_stays_small() -> None:
    frame = pd.DataFrame({f"column {n}": ["y" * 1000] * 3 for n in range(500)})
    text = result_of(frame).text
    assert "- and 460 more: column 40, column 41" in text
    assert "y" * 101 not in text
    assert len(text) < 15_000


def test_odd_tables_do_not_break() -> None:
    twice = pd.DataFrame([[1, Hostile()], [2, "two\nlines"]], columns=["a", "a"])
    assert result_of(twice).text.splitlines()[-2:] == ["1,<Hostile>", "2,two\\nlines"]
    assert result_of(pd.DataFrame()).text == "DataFrame of 0 rows × 0 columns."
    assert result_of(pd.DataFrame({"a": []})).text.startswith("DataFrame of 0 rows × 1 column.\nColumns:\n- a: ")
    assert result_of({"found": pd.Series([1])}).text.startswith('{"found":"Series of 1 row, int64.')


def test_tables_of_other_libraries() -> None:
    data = {"a": [1, None], "b": ["x", "y"]}
    assert result_of(pl.DataFrame(data)).text == (
        "polars DataFrame of 2 rows × 2 columns.\nColumns:\n- a: Int64, 1 missing\n- b: String\nAll rows:\n"
        "a,b\n1,x\nNone,y"
    )
    assert result_of(pl.Series("a", [1])).text.startswith("polars Series 'a' of 1 row, Int64.")
    assert result_of(pl.DataFrame(data).lazy()).text.endswith("not collected. Columns:\n- a: Int64\n- b: String")
    assert "- a: int64, 1 missing" in result_of(pa.table(data)).text


def test_arrays_show_shape_type_and_a_sample() -> None:
    assert result_of(np.array([1.5, np.nan, np.inf])).text == "Array of shape 3, float64, 1 NaN:\n[1.5 nan inf]"
    outcome = result_of(np.zeros((1000, 1000)))
    assert outcome.text.startswith("Array of shape 1,000 × 1,000, float64, 0 to 0, mean 0, a sample:\n[[0. 0. 0. ... ")
    assert outcome.truncated
    assert result_of(np.array([Hostile()], dtype=object)).text == "<a ndarray whose repr failed>"
    assert result_of(np.array(3)).text in {"3", "array(3)"}


def test_the_environment_is_told_by_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-7f3a")
    for value in (os.environ, {"env": os.environ}):
        text = result_of(value).text
        assert "SOME_API_KEY" in text
        assert "canary" not in text


def test_an_address_is_left_out() -> None:
    assert result_of(object()).text == "<object object>"


def test_a_long_result_is_cut_and_says_so() -> None:
    outcome = result_of("x" * 60_000)
    assert outcome.truncated
    assert outcome.text.startswith("x" * 50_000 + "\n… (cut: the first 50,000 of 60,000")
    assert not dispatch(lambda_named("x" * 9), max_result_chars=9).truncated


def lambda_named(value: object) -> Any:
    def give() -> object:
        return value

    return give


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.builds(Hostile)
leaves |= st.sampled_from([pd.DataFrame({"a": [1]}), np.arange(3), pd.NaT, object(), Level.HIGH, date(2024, 1, 2)])
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | inner.map(Point) | st.tuples(inner)
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(values)
def test_no_result_can_break_a_dispatch(value: object) -> None:
    outcome = result_of(value)
    assert outcome.status == "ok"
    assert outcome.result_bytes == len(outcome.text.encode())
    if isinstance(value, dict | list):
        json.loads(outcome.text)

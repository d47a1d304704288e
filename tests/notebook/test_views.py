"""What a question holds of a variable, whatever it is."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
from datetime import date
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from pydantic import BaseModel, SecretStr

from victor_nb.messages import ChatResponse, Usage
from victor_nb.notebook.variables.views import view
from victor_nb.notebook.variables.views.sizes import MAX_TEXT_CHARS, MAX_VALUE_CHARS

mpl.use("Agg")


class Colour(Enum):
    RED = "red"


class Login(BaseModel):
    name: str
    password: SecretStr


@dataclasses.dataclass
class Point:
    x: int


class Plain:
    """Without a repr."""

    def __init__(self) -> None:
        self.x = 1
        self._hidden = 2


class Hostile:
    def _no(self, *_: object) -> Any:
        raise RuntimeError("no")

    __repr__ = __str__ = __len__ = __iter__ = __bool__ = __hash__ = __getattr__ = _no  # type: ignore[assignment]
    __class__ = property(_no)  # type: ignore[assignment]


def cached(n: int) -> int:
    return n


ANSWER = ChatResponse("An {{ x }}.", Usage(), "m", "p", "s", "t")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("text {{ x }}", "text {{ x }}"),
        (None, "None"),
        (True, "True"),
        (1.5, "1.5"),
        (np.float64(1.5), "1.5"),
        (Decimal("1.10"), "1.10"),
        (date(2026, 1, 2), "2026-01-02"),
        (Colour.RED, "Colour.RED"),
        (pd.Timestamp("2026-01-02"), "2026-01-02 00:00:00"),
        ([1, "a", None, {"b": (2,)}], '[1,"a",null,{"b":[2]}]'),
        ({3}, "[3]"),
        (Point(1), '{"x":1}'),
        (Login(name="a", password=SecretStr("hunter2")), '{"name":"a","password":"**********"}'),
        (SecretStr("hunter2"), "**********"),
        (Path("/etc/passwd"), "/etc/passwd"),
        (b"\x00" * 1234, "<bytes of 1,234 bytes>"),
        (ANSWER, "An {{ x }}."),
        (Plain(), 'a Plain with {"x":1}'),
        (object(), "<object object>"),
        (ValueError("bad\nvalue"), "ValueError: bad value"),
    ],
)
def test_a_value_is_told_by_what_it_is(value: object, text: str) -> None:
    assert view(value).text.strip('"') == text


def test_an_object_that_raises_whatever_it_is_asked_has_a_view() -> None:
    assert view(Hostile()).text == "<a Hostile that cannot be shown: RuntimeError>"
    assert view([Hostile()]).text == '["<a Hostile whose repr failed>"]'


def test_the_environment_is_told_by_its_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "canary-7f3a")
    text = view(os.environ).text
    assert "SOME_API_KEY" in text
    assert "canary" not in text


def test_functions_and_classes_show_their_source() -> None:
    assert view(cached).text == "def cached(n: int) -> int:\n    return n"
    assert view(functools.lru_cache(cached)).text == view(cached).text
    assert view(Plain).text.startswith('class Plain:\n    """Without a repr."""\n')
    assert view(Plain.__init__).text.startswith("def __init__(self) -> None:\n    self.x")
    assert view(cached).language == "python"


def test_without_a_source_the_signature_and_docstring_are_shown() -> None:
    assert view(len).text.splitlines()[:3] == [
        "# without its source",
        "def len(obj, /):",
        '    """Return the number of items in a container."""',
    ]
    shown = view(pd.DataFrame)
    assert "class DataFrame(NDFrame, OpsMixin):" in shown.text
    assert len(shown.text) <= MAX_VALUE_CHARS
    made = type("Made", (), {"__doc__": "Made at run time.", "go": lambda self, n: n})
    assert view(made).text == (
        '# without its source\nclass Made:\n    """Made at run time."""\n    def go(self, n): ...'
    )


def test_a_long_source_is_outlined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\n".join(f"        x = {n}" for n in range(2_000))
    (tmp_path / "long_code.py").write_text(f'class Long:\n    """So long."""\n    def go(self, a: int = 3):\n{lines}\n')
    monkeypatch.syspath_prepend(tmp_path)
    text = view(__import__("long_code").Long).text
    assert text.startswith("# its source, of ")
    assert text.endswith('class Long:\n    """So long."""\n    def go(self, a: int = 3): ...')


def test_a_module_tells_version_purpose_and_names() -> None:
    lines = view(json).text.splitlines()
    assert lines[0].startswith(f"module json {json.__version__}: JSON (JavaScript Object Notation)")
    assert lines[1] == "It has JSONDecodeError, JSONDecoder, JSONEncoder, dump, dumps, load, loads."
    assert "more." in view(np).text


def test_an_exception_shows_the_end_of_its_traceback() -> None:
    def deep(n: int) -> None:
        raise ValueError("x" * 20_000) if n == 0 else deep(n - 1)  # type: ignore[misc]

    try:
        deep(30)
    except ValueError as error:
        text = view(error).text
    assert text.startswith("… (the last ")
    assert len(text) <= MAX_VALUE_CHARS
    try:
        json.loads("{")
    except ValueError as error:
        text = view(error).text
    assert text.startswith("Traceback (most recent call last):\n")
    assert text.splitlines()[-1].startswith("json.decoder.JSONDecodeError: ")


def test_a_figure_is_a_picture_with_a_description() -> None:
    figure = Figure()
    figure.subplots().plot([1, 2, 3])
    found = view(figure, images_before=2)
    assert found.text.startswith("[image 3: Figure, ")
    assert found.images[0].description.startswith("Axes: x from")


def test_what_is_too_large_is_cut_and_says_so() -> None:
    assert view("x" * (MAX_TEXT_CHARS + 1)).text.endswith("… (cut: the first 50,000 of 50,001 characters)")
    assert view([*range(5_000)]).text.endswith(',998,"… 4,001 more"]')
    many = view(["a long item of a list"] * 5_000)
    assert many.text.endswith('more"]')
    assert len(many.text) <= MAX_VALUE_CHARS
    wide = view(pd.DataFrame({f"a column with a long name {n}": ["x" * 500] * 100 for n in range(300)}))
    assert len(wide.text) <= MAX_VALUE_CHARS + 100
    assert "DataFrame of 100 rows × 300 columns." in wide.text
    assert wide.truncated


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=50) | st.binary(max_size=9),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(JSON)
def test_any_data_has_a_view_within_the_limit(value: object) -> None:
    text = view(value).text
    text.encode()
    assert len(text) <= MAX_VALUE_CHARS + 100


COLUMN = st.sampled_from(
    [
        [1, None] * 20,
        [float("inf"), float("nan")] * 20,
        ["a", "b"] * 20,
        [[1], {}] * 20,
        [date(2026, 1, 2), "x"] * 20,
        [True, False] * 20,
        [pd.Timestamp("2026-01-02", tz="UTC"), pd.NaT] * 20,
        [b"\xff", 10**30] * 20,
        [Decimal("1.5"), None] * 20,
        [pd.Timedelta(1, "s")] * 40,
        [1j] * 40,
    ]
)


@given(st.dictionaries(st.text() | st.integers() | st.none() | st.tuples(st.text(), st.integers()), COLUMN))
def test_any_table_is_told_as_one(columns: dict[Any, list[Any]]) -> None:
    frame = pd.DataFrame({number: pd.Series(cells) for number, cells in enumerate(columns.values())})
    frame.columns = pd.Index(list(columns), dtype=object, tupleize_cols=False)
    text = view(frame).text
    assert text.startswith("DataFrame of ")
    for text in (view(frame).text, view(frame.T).text):
        text.encode()

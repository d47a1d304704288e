"""Events of every kind for tests of exporters: each type with each form of its payload, odd text, and large ones."""

from __future__ import annotations

import datetime as dt
import itertools
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

from victor_nb.events import PAYLOADS
from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent

TEN_MEGABYTES: Final = 10 * 1024 * 1024
_VALUES: Final[dict[object, Any]] = {str: "text", int: 3, float: 0.25, bool: True, list: ["a", "b"], dict: {"key": "a"}}
_WORDS: Final[dict[str, tuple[str, str]]] = {"status": ("ok", "error"), "outcome": ("completed", "failed")}
_ODD_TEXT: Final = (
    "",
    " \t\r\n ",
    "quotes ' \" ` and a backslash \\ and ; -- DROP TABLE events",
    "Ünïcödé, עברית, العربية, 漢字, हिन्दी",
    "astral 🧪👩🏽‍🔬𝔘 \U0010fffd, combining e\u0301, bidi \u202eabc\u202c",
    "separators \u2028\u2029, control \x01\x1f\x7f",
    "</script><b>&amp;</b>{{ x }} %s {0} $HOME\\n",
    "a,b;c\td|e\n=1+1",
)


def sample_event(type: str, data: Mapping[str, Any], *, session_id: str = "session") -> AnalyticsEvent:
    """An event as delivery hands it over, with an `id` that no other has."""
    return AnalyticsEvent(
        id=new_id(),
        seq=next(_seq),
        kernel_run_id=_RUN,
        session_id=session_id,
        type=type,
        timestamp=dt.datetime.now(dt.UTC),
        data=dict(data),
    )


def of_every_type() -> list[AnalyticsEvent]:
    """Each type of `victor_nb.events`, once with all well and known, once with a failure and nothing known."""
    return [sample_event(type, data) for type, payload in PAYLOADS.items() for data in _forms(payload)]


def with_odd_text() -> list[AnalyticsEvent]:
    """Text that breaks what was put together by hand: in values, in keys, and in the name of a session."""
    return [
        sample_event("x_text", {"text": text, text: [text, {text: None}]}, session_id=text or "session")
        for text in _ODD_TEXT
    ]


def of_your_own() -> list[AnalyticsEvent]:
    """Types that no exporter can know beforehand, and JSON of every shape."""
    return [
        sample_event("x_empty", {}),
        sample_event("x_numbers", {"int": 2**53, "negative": -1, "small": 1e-300, "large": 1e300, "zero": 0}),
        sample_event("x_nested", {"a": {"b": [{"c": [None, True, False, [], {}]}]}, "d.e": 1, "f g": 2}),
        sample_event("x_same_keys", {"id": "mine", "type": "mine", "seq": "mine", "timestamp": "mine", "data": "mine"}),
        sample_event("x_with_a_name_of_its_own_that_is_rather_long_" + "n" * 80, {"n": 1}),
    ]


def ten_megabytes() -> list[AnalyticsEvent]:
    """One event of 10 MB between two small ones."""
    sizes = 1, TEN_MEGABYTES, 1
    return [sample_event("x_large", {"text": "a" * size}) for size in sizes]


def _forms(payload: type) -> Iterator[dict[str, Any]]:
    hints = typing.get_type_hints(payload)
    yield {name: _value(name, hint, known=True) for name, hint in hints.items()}
    yield {name: _value(name, hint, known=False) for name, hint in hints.items()}


def _value(name: str, hint: Any, *, known: bool) -> Any:
    if name in _WORDS:
        return _WORDS[name][not known]
    if name.endswith("_id"):
        return new_id()
    kinds = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if not known and types.NoneType in kinds:
        return None
    kind = kinds[0]
    return _VALUES[typing.get_origin(kind) or kind]


_seq = itertools.count(1)
_RUN: Final = new_id()

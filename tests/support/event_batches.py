"""Events as an exporter is given them, without a store: `batch(3)` for three of one kernel run."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hypothesis import strategies as st

from victor_nb.messages import new_id
from victor_nb.protocols import AnalyticsEvent

RUN = "0199f000-0000-7000-8000-000000000001"
BEGAN = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)


def event(seq: int = 1, type: str = "x_test", data: dict[str, Any] | None = None, **others: Any) -> AnalyticsEvent:
    own: dict[str, Any] = {"id": new_id(), "kernel_run_id": RUN, "session_id": "s", "timestamp": BEGAN}
    return AnalyticsEvent(**own | {"seq": seq, "type": type, "data": data or {}} | others)


def batch(count: int, *, first: int = 1, **others: Any) -> list[AnalyticsEvent]:
    return [event(seq, **others) for seq in range(first, first + count)]


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _text,
    lambda children: st.lists(children, max_size=3) | st.dictionaries(_text, children, max_size=3),
    max_leaves=8,
)
_names = st.sampled_from(["model", "input_tokens", "duration_s", "streamed", "id", "data"]) | _text
_event = st.builds(
    event,
    seq=st.integers(1, 2**53),
    type=st.sampled_from(["turn_completed", "x_any"]),
    data=st.dictionaries(_names, _json, max_size=4),
    session_id=_text,
    kernel_run_id=st.sampled_from([RUN, "another", "../odd"]),
    timestamp=st.integers(0, 2**52).map(lambda µs: BEGAN.replace(year=1971) + dt.timedelta(microseconds=µs)),
)
any_events = st.lists(_event, min_size=1, max_size=5)
"""Lists of whatever the store can hand out; ids are distinct, `seq` need not be."""

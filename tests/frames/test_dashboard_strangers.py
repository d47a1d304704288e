"""Whatever events say, the dashboard is drawn, and a store that reads no columns gives the same."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.bare import Bare

from victor_nb.errors import EventError
from victor_nb.frames import Analytics
from victor_nb.store import SQLiteStore

ids = st.sampled_from(["a", "b", "c", None, 5])
numbers = st.none() | st.integers(-5, 2**60) | st.floats(allow_nan=False, allow_infinity=False) | st.just("many")
numeric = ("input_tokens", "output_tokens", "cache_read_tokens", "reasoning_tokens", "cost_usd", "duration_s")
more = ("time_to_first_token_s", "context_tokens", "context_fraction", "tokens_before", "requests")
payloads = st.fixed_dictionaries(
    {"turn_id": ids},
    optional={
        **dict.fromkeys((*numeric, *more), numbers),
        "status": st.sampled_from(["ok", "error", None, 7]),
        "model": st.sampled_from(["m", None, ["x"]]),
        "usage_source": st.sampled_from(["reported", "unmeasured", None]),
        "outcome": st.just("completed"),
        "tool": st.text(max_size=3) | st.none(),
        "tags": st.dictionaries(st.text(max_size=3), st.none() | st.text(max_size=3), max_size=2),
    },
)
types = st.sampled_from(["turn_started", "turn_completed", "tool_call_started", "tool_call_completed", "compaction"])


ENDLESS = [
    ("turn_started", {"turn_id": "a"}),
    ("turn_completed", {"turn_id": "a", "cost_usd": 1.7e308, "duration_s": 1e308}),
]


@settings(deadline=None, max_examples=25)  # a new store each time
@example(ENDLESS * 3)
@given(st.lists(st.tuples(types, payloads), max_size=16))
def test_any_events_are_drawn(events: list[tuple[str, dict[str, Any]]]) -> None:
    store = SQLiteStore()
    for type, data in events:
        try:
            store.append(type, "s", data)
        except EventError:
            continue
    shown, bare = (Analytics(lambda one=one: one).dashboard() for one in (store, Bare(store)))
    ElementTree.fromstring(shown.html)
    assert shown.text == bare.text
    assert shown.facts.turns == bare.facts.turns
    store.close()

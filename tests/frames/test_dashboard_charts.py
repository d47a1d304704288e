"""The charts of the dashboard: what is drawn is what was, and it is told in words beside."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recorded_turns import record_turn, store_of

from victor_nb.frames import Analytics
from victor_nb.frames.charts_svg import Plot, Slots, bars, ends, round_up
from victor_nb.frames.dashboard_charts import MOST_BARS, kinds_of
from victor_nb.frames.dashboard_facts import quantile, read_facts
from victor_nb.store import SQLiteStore

KINDS = {
    "input_tokens": 100,
    "cache_read_tokens": 60,
    "cache_write_tokens": 10,
    "output_tokens": 40,
    "reasoning_tokens": 15,
}


def facts_of(store: SQLiteStore):
    return read_facts(Analytics(lambda: store)._request({}))


ONE = facts_of(store_of({})).turns


def picture(store: SQLiteStore) -> ElementTree.Element:
    found = ElementTree.fromstring(Analytics(lambda: store).dashboard().html).find(".//svg")
    assert found is not None
    return found


def texts(element: ElementTree.Element) -> str:
    return " ".join("".join(each.itertext()) for each in element.iter("text"))


def hints(store: SQLiteStore) -> list[str]:
    return [title.text or "" for title in picture(store).iter("title")]


def compact_context(store: SQLiteStore, turn_id: str | None, **values: object) -> None:
    record = {
        "turn_id": turn_id,
        "compaction_id": "c",
        "trigger": "manual",
        "strategy": "digest",
        "outcome": "completed",
    }
    counts = {"tokens_before": 900, "tokens_after": 400, "messages_removed": 3, "repaired": False, "undone": False}
    store.append("compaction", "s", {**record, **counts, "error_type": None, **values})


def test_each_token_is_in_one_kind():
    [turn] = facts_of(store_of(KINDS)).turns
    assert kinds_of(turn) == [30, 60, 10, 25, 15]
    assert "input" in texts(picture(store_of(KINDS)))
    assert "reasoning" in texts(picture(store_of(KINDS)))


@given(st.lists(st.one_of(st.none(), st.integers(0, 10**9)), min_size=5, max_size=5))
def test_kinds_are_never_negative_and_unknown_is_none(values):
    [turn] = ONE
    kinds = kinds_of(turn._replace(**dict(zip(KINDS, values, strict=True))))
    assert (kinds == [None] * 5) == (values[0] is None)
    assert all(kind is None or kind >= 0 for kind in kinds)


def test_the_demo_has_no_tokens_and_no_price():
    store = store_of({"usage_source": "unmeasured", "cost_usd": None}, {"usage_source": "unmeasured", "cost_usd": None})
    told = texts(picture(store))
    assert "no model has counted any" in told
    assert "no price is known" in told
    assert "price unknown" not in told
    assert len(picture(store).findall(".//path[@class='none']")) == 1


def test_costs_add_up_and_unknown_prices_are_marked():
    found = picture(store_of({"cost_usd": 0.5}, {"cost_usd": None}, {"cost_usd": 0.25}))
    assert "Cost, added up: $0.75" in texts(found)
    [marks] = found.findall(".//path[@class='dot lack']")
    assert marks.attrib["d"].count("M") == 1


def test_time_is_to_the_first_token_and_to_the_last_and_failures_are_red():
    found = picture(store_of({}, {"status": "error"}))
    assert "to the first token" in texts(found)
    assert len(found.findall(".//path[@class='fail']")) == 1


def test_one_turn_that_took_very_long_does_not_make_all_others_tiny():
    found = picture(store_of(*[{"duration_s": 2.0}] * 20, {"duration_s": 900.0}))
    assert "the longest took 900 s" in texts(found)
    assert len(found.findall(".//path[@class='cut']")) == 1


def test_the_context_is_drawn_against_its_limit():
    near = texts(picture(store_of({"context_fraction": 0.8})))
    assert "100 %" in near
    far = picture(store_of({"context_fraction": 0.012}))
    assert "2 %" in texts(far)
    assert far.find(".//path[@class='limit']") is None


@pytest.mark.parametrize(
    ("values", "marks"),
    [({}, 1), ({"outcome": "failed"}, 0), ({"undone": True}, 0), ({"turn_id": None}, 1), ({"turn_id": "gone"}, 0)],
)
def test_compactions_that_count_are_marked(values, marks):
    store = store_of({"context_fraction": 0.8})
    compact_context(store, **{"turn_id": "s-1", **values})
    record_turn(store, 2, context_fraction=0.4)
    facts = facts_of(store)
    assert len(facts.compactions) == marks
    assert ("made smaller" in texts(picture(store))) == bool(marks)


def test_a_compaction_that_was_undone_later_is_no_mark():
    store = store_of({})
    compact_context(store, "s-1")
    store.append("compaction_undone", "s", {"turn_id": None, "compaction_id": "c", "reason": "undo"})
    assert facts_of(store).compactions == []


def test_tools_are_counted_with_their_failures():
    store = store_of({})
    for number, status in enumerate(["ok", "error", "ok"]):
        call = {"turn_id": "s-1", "tool_call_id": str(number), "tool": "read", "args_bytes": 1}
        store.append("tool_call_started", "s", call)
        ended = {"status": status, "error_type": None, "approved_by": None, "result_bytes": 1}
        store.append("tool_call_completed", "s", {**call, **ended, "duration_s": float(number), "truncated": False})
    assert facts_of(store).tools == [("read", 3, 1, 1.0)]


def test_the_pointer_is_told_of_a_turn():
    [first, second] = hints(
        store_of({"model": "m1", "duration_s": 3.0}, {"status": "error", "error_type": "ModelTimeout"})
    )
    assert first == "1 · m1 · 100 in, 20 out · $0.001 · 3.00 s · 1 %"
    assert second.startswith("2 · m · ModelTimeout")


def test_many_turns_share_bars():
    store = store_of(*({"status": "error" if number == 7 else "ok"} for number in range(130)))
    told = hints(store)
    assert len(told) == 44 <= MOST_BARS
    assert told[0].startswith("1–3 · 100 in")
    assert told[2].startswith("7–9 · 1 failed")
    assert "3 turns a bar" in texts(picture(store))
    assert "one failed" in texts(picture(store))


def test_the_words_say_what_the_picture_shows():
    store = store_of({"context_fraction": 0.5, "context_tokens": 5000}, {"cost_usd": None, "status": "error"})
    compact_context(store, "s-2")
    label = picture(store).attrib["aria-label"]
    assert picture(store).attrib["role"] == "img"
    for said in (
        "2 turns, 200 in, 40 out",
        "$0.001 in 1 turn, 1 of unknown price",
        "1 failed",
        "at most 50 % (5k tokens)",
    ):
        assert said in label
    assert "made smaller once" in label


def test_without_its_style_sheet_the_words_are_there_and_the_picture_is_not():
    """What JupyterLab leaves of it in a notebook that it does not trust: `svg` and `style` go, their texts stay."""
    html = Analytics(lambda: store_of(KINDS)).dashboard().html
    left = re.sub(r"<style>.*?</style>", "", html)
    assert '<div class="charts" hidden="hidden">' in left
    assert '<div class="words"><div>Tokens: 1 turn, 100 in (60 % from cache), 40 out' in left


@given(st.floats(1e-9, 1e12))
def test_an_axis_ends_above_its_values_and_not_far(value):
    assert value * 0.99 <= round_up(value) <= 2.001 * value


@given(st.lists(st.lists(st.one_of(st.none(), st.floats(0, 1e9)), min_size=2, max_size=2), min_size=1, max_size=80))
def test_bars_stay_in_their_plot(stacks):
    plot, slots = Plot(1, 1000.0), Slots(len(stacks))
    for x, y, height in re.findall(r"M([\d.]+) (\d+)v-(\d+)", bars(plot, slots, stacks, ["a", "b"])):
        assert slots.left(0) <= float(x) <= slots.right
        assert plot.top <= int(y) - int(height) <= int(y) <= plot.foot


def test_labels_below_few_bars_do_not_touch():
    assert "14:02" not in ends(4, Slots(3), "28 Nov, 13:00 UTC", "14:02 UTC")
    assert "14:02" in ends(4, Slots(60), "28 Nov, 13:00 UTC", "14:02 UTC")


@given(st.lists(st.floats(0, 100), min_size=1), st.sampled_from([0.5, 0.9, 0.95]))
def test_quantiles_are_those_of_pandas(values, share):
    import pandas as pd

    assert quantile(values, share) == pytest.approx(pd.Series(values).quantile(share))

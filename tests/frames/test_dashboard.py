"""The dashboard that `vn.analytics` shows of itself: true, small, static and safe."""

from __future__ import annotations

import re
import sqlite3
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recorded_turns import record_turn, store_of

from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.frames.dashboard import MOST_BYTES
from victor_nb.frames.dashboard_facts import read_facts
from victor_nb.frames.dashboard_numbers import compact, seconds, usd
from victor_nb.records import DeadLetter, EventQuery, Outbox
from victor_nb.store import SQLiteStore

TAGS = {"div", "style", "b", "span", "h4", "svg", "g", "path", "text", "tspan", "title", "table", "tr", "th", "td", "p"}


def shown(store: SQLiteStore) -> str:
    return Analytics(lambda: store).dashboard().html


def words(html: str) -> str:
    """What a person reads outside of the pictures, a piece a line."""
    root = ElementTree.fromstring(html)
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in ("style", "svg"):
                parent.remove(child)
    return "\n".join(text.strip() for text in root.itertext() if text.strip())


def facts_of(store: SQLiteStore):
    return read_facts(Analytics(lambda: store)._request({}))


def test_of_no_turns_it_says_so():
    html = shown(SQLiteStore())
    assert "No turns yet." in words(html)
    assert "0 events recorded, 0 stored: nothing lost" in words(html)
    assert "None" not in html
    assert "NA" not in html


def test_turns_tokens_cost_and_time_are_told():
    turns = [{"input_tokens": 1000, "cost_usd": 0.25, "duration_s": 2.0}] * 9
    html = shown(store_of(*turns, {"input_tokens": 500, "cost_usd": None, "duration_s": 12.0, "status": "error"}))
    told = words(html)
    for text in ("10", "10 %", "1 failed", "9,500", "$2.25", "+ 1 unknown", "2.00 s", "20 events recorded"):
        assert text in told
    assert "error" in told


def test_an_unknown_price_is_never_a_zero():
    told = words(shown(store_of({"cost_usd": None}, {"cost_usd": None})))
    assert "2 unknown" in told
    assert "Cost: no price is known, 2 of unknown price." in told
    assert "$" not in told


def test_a_turn_that_runs_is_running():
    assert "running" in words(shown(store_of({"completed": False})))


def test_the_latest_turns_are_those_of_the_frame():
    store = store_of(*({"duration_s": float(number), "model": f"m{number}"} for number in range(1, 1081)))
    frame = Analytics(lambda: store).turns(newest_first=True, limit=1000)[::-1]
    turns = facts_of(store).turns
    for name in ("model", "status", "duration_s", "cost_usd", "started_at", "session_id", "tags"):
        assert [getattr(turn, name) for turn in turns] == frame[name].tolist()


def test_a_turn_whose_kernel_is_gone_was_interrupted(tmp_path: Path):
    gone = SQLiteStore(tmp_path / "victor.db", notebook="n.ipynb")
    record_turn(gone, completed=False)
    gone.close()
    store = SQLiteStore(tmp_path / "victor.db", notebook="n.ipynb")
    record_turn(store, 2, completed=False)
    assert [turn.status for turn in facts_of(store).turns] == ["interrupted", None]
    store.close()


def test_exporters_are_told_with_what_is_left_and_why():
    store = store_of({}, {})
    store.flush()
    good, bad = (store.claim(name, 0)[0] for name in ("Good:https://example.org", "__main__.Bad#1 in /x/n.ipynb"))
    positions = [event.position for event in store.read(EventQuery())]
    store.save_outbox(Outbox(good.exporter, store.kernel_run_id, 0, positions[-1], 4))
    letter = DeadLetter(bad.exporter, store.kernel_run_id, 0, positions[0], 1, "refused")
    store.save_outbox(
        Outbox(bad.exporter, store.kernel_run_id, 0, positions[0], 0, 3, last_error="ConnectionError: nobody there"),
        [letter],
    )
    store.flush()
    rows = re.findall(r"<tr>(.*?)</tr>", shown(store).partition("Exporters")[2])
    cells = [re.sub(r"<[^>]+>", "|", row).strip("|").replace("||", "|").split("|") for row in rows[1:]]
    assert [[cell for cell in row if cell] for row in cells] == [
        ["Good:https://example.org", "–", "4", "0", "0"],
        ["Bad", "ConnectionError: nobody there", "0", "3", "1"],
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.integers(1, 70))
@settings(max_examples=10)
def test_nothing_in_it_runs_or_is_fetched_whatever_the_names(name, turns):
    store = SQLiteStore()
    hostile = f"</style></title><script>alert(1)</script><img src=x onerror=alert(2)>{name}"
    for number in range(turns):
        record_turn(
            store, number, session=name or "s", model=hostile, error_type=hostile, status="error", tags={"a": name}
        )
    call = {"turn_id": f"{name or 's'}-0", "tool_call_id": "c", "tool": hostile, "args_bytes": 1}
    store.append("tool_call_started", name or "s", call)
    html = Analytics(lambda: store).dashboard(model=hostile, session=name or None).html
    tree = ElementTree.fromstring(html)
    assert {part.tag for part in tree.iter()} <= TAGS
    assert not {a for part in tree.iter() for a in part.attrib if a.startswith("on") or a in {"href", "src", "style"}}
    assert len(html.encode()) <= MOST_BYTES
    assert "url(" not in html.split("</style>")[0]


def test_it_is_small_and_whole_whatever_happened(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    for number in range(2_000):
        names = {"model": f"model-{number % 50}-" + "&" * 80, "error_type": "é" * 200, "status": "error"}
        counts = {"cache_read_tokens": number * 300_000, "cache_write_tokens": 9_000, "reasoning_tokens": 8}
        record_turn(store, number, **names, **counts, duration_s=number / 7, input_tokens=number * 1_000_000)
    html = shown(store)
    assert len(html.encode()) <= MOST_BYTES
    assert "2,000" in words(html)
    assert "the last 1,000 of 2,000 turns" in words(html)
    assert "and 44 more" in words(html)
    assert str(tmp_path)[:20] in words(html)
    store.close()


def test_it_is_small_where_everything_is_full_and_every_name_is_long():
    store, long = SQLiteStore(), "'" * 200  # five characters more, once they are escaped
    counts = {"cache_write_tokens": 10**7, "reasoning_tokens": 10**8, "output_tokens": 10**9, "context_fraction": 0.7}
    for number in range(240):
        names = {"model": f"{number % 9}{long}", "error_type": long, "status": "error"}
        cost = None if number % 2 else 0.0123
        read = {"input_tokens": 10**9 * (number % 7 + 1), "cache_read_tokens": 10**8 * (number % 5), "cost_usd": cost}
        turn_id = record_turn(store, number, **names, **counts, **read, time_to_first_token_s=number % 3 / 2)
        call = {"turn_id": turn_id, "tool_call_id": turn_id, "tool": f"{number % 9}{long}", "args_bytes": 3}
        store.append("tool_call_started", "s", call)
    store.flush()
    for number in range(9):
        outbox = store.claim(f"{number}{long}:{long}", 0)[0]
        store.save_outbox(Outbox(outbox.exporter, store.kernel_run_id, 0, 1, 0, 3, last_error=long))
    store.flush()
    html = Analytics(lambda: store).dashboard(model=[f"{number}{long}" for number in range(9)]).html
    assert len(html.encode()) <= MOST_BYTES
    assert "and 3 more" in words(html)


def test_events_that_were_lost_are_told(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    for number in range(4):
        record_turn(store, number)
    store.flush()
    with sqlite3.connect(tmp_path / "victor.db") as other:
        other.execute("DELETE FROM events WHERE seq = 3")
    other.close()
    assert "✗ 8 events recorded, 7 stored" in words(shown(store))
    store.close()


def test_a_store_in_memory_for_want_of_a_disk_is_told(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    store = SQLiteStore(tmp_path / "file" / "victor.db")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        record_turn(store)
        store.flush()
        record_turn(store, 2)
    assert "✗ 4 events recorded, 4 stored, in memory only:" in words(shown(store))
    store.close()


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path):
    (tmp_path / "victor.db").write_bytes(b"this is no database, and long enough to be read as one" * 20)
    analytics = Analytics(lambda: SQLiteStore(tmp_path / "victor.db"))
    html = analytics._repr_html_()
    assert html is not None
    assert "✗ the analytics store" in html
    assert "turns()" in repr(analytics)


def test_filters_are_those_of_the_frames_and_told():
    store = SQLiteStore()
    for number in range(6):
        record_turn(store, number, session="ab"[number % 2], model=f"m{number % 3}", tags={"v": "x" if number else "y"})
    analytics = Analytics(lambda: store)
    counts = {
        3: analytics.dashboard(session="a"),
        2: analytics.dashboard(model="m1"),
        4: analytics.dashboard(model=["m0", "m1"], limit=5),
        5: analytics.dashboard(tags={"v": "x"}),
        1: analytics.dashboard(model="m0", where="session_id == 'a'"),
        0: analytics.dashboard(since="2100-01-01"),
    }
    assert {number: dashboard.text.splitlines()[1] for number, dashboard in counts.items()} == {
        number: f"turns    {number}" for number in counts
    }
    assert "session: a" in words(counts[3].html)
    assert "No turn fits." in words(counts[0].html)
    with pytest.raises(UsageError, match="Did you mean 'session'"):
        analytics.dashboard(sesion="a")


def test_a_limit_is_the_latest_turns():
    dashboard = Analytics(lambda: store_of({"model": "old"}, {"model": "new"})).dashboard(limit=1)
    assert "new" in words(dashboard.html)
    assert "old" not in dashboard.html + dashboard.text


def test_it_is_text_too():
    told = repr(Analytics(lambda: store_of({"cost_usd": 0.5}, {"cost_usd": None, "status": "error"})).dashboard())
    assert "turns    2, 1 failed (50 %)" in told
    assert "cost     $0.50 + 1 turn of unknown price" in told
    assert told.endswith("✓ 4 events recorded, 4 stored: nothing lost")


def test_it_is_a_page_of_its_own(tmp_path: Path):
    dashboard = Analytics(lambda: store_of({"model": "µ"})).dashboard()
    path = dashboard.to_html(tmp_path / "deep" / "page.html")
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert dashboard.html in page
    assert [each.name for each in path.parent.iterdir()] == ["page.html"]
    with pytest.raises(UsageError, match="is a folder"):
        dashboard.to_html(tmp_path)


@pytest.mark.parametrize("value", [0.05, 5.0, 5000.0])
def test_seconds_are_readable(value):
    assert seconds(value) == {0.05: "50 ms", 5.0: "5.00 s", 5000.0: "5,000 s"}[value]


def test_numbers_are_short_and_keep_three_digits():
    assert [compact(value) for value in (None, 0, 950, 1_000, 12_340, 999_999, 4_561_000)] == [
        *("–", "0", "950", "1k", "12.3k", "1.00M", "4.56M"),
    ]
    assert [usd(value) for value in (0, 0.00001, 0.0123, 0.6, 1234.5)] == [
        *("$0", "< $0.0001", "$0.012", "$0.60", "$1,234.50"),
    ]

"""The dashboard that `vn.analytics` shows of itself: true, small, static and safe."""

from __future__ import annotations

import re
import sqlite3
import warnings
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.recorded_turns import record_turn, store_of

from victor_nb.frames import Analytics
from victor_nb.frames.dashboard import render
from victor_nb.frames.dashboard_turns import latest_turns
from victor_nb.frames.dashboard_view import seconds
from victor_nb.records import DeadLetter, EventQuery, Outbox
from victor_nb.store import SQLiteStore


def shown(store: SQLiteStore) -> str:
    return render(Analytics(lambda: store))


def words(html: str) -> str:
    """What a person reads, a piece a line."""
    root = ElementTree.fromstring(html)
    for style in root.findall("style"):
        root.remove(style)
    return "\n".join(text.strip() for text in root.itertext() if text.strip())


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
    for text in ("10", "1 failed", "9,500", "$2.25", "+ 1 of unknown price", "2.00 s", "20 events recorded"):
        assert text in told
    assert "error" in told


def test_an_unknown_price_is_never_a_zero():
    told = words(shown(store_of({"cost_usd": None}, {"cost_usd": None})))
    assert "2 unknown" in told
    assert "$" not in told


def test_a_turn_that_runs_is_running():
    assert "running" in words(shown(store_of({"completed": False})))


def test_the_latest_turns_are_those_of_the_frame():
    store = store_of(*({"duration_s": float(number), "model": f"m{number}"} for number in range(1, 81)))
    analytics = Analytics(lambda: store)
    frame = analytics.turns(newest_first=True, limit=60)
    latest = latest_turns(analytics, 60)
    for name in ("model", "status", "duration_s", "cost_usd", "started_at"):
        assert [turn[name] for turn in latest] == frame[name].tolist()


def test_a_turn_whose_kernel_is_gone_was_interrupted(tmp_path: Path):
    gone = SQLiteStore(tmp_path / "victor.db", notebook="n.ipynb")
    record_turn(gone, completed=False)
    gone.close()
    store = SQLiteStore(tmp_path / "victor.db", notebook="n.ipynb")
    record_turn(store, 2, completed=False)
    latest = latest_turns(Analytics(lambda: store), 5)
    assert [turn["status"] for turn in latest] == [None, "interrupted"]
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


def test_nothing_in_it_runs_or_is_fetched():
    hostile = "</style><script>alert(1)</script><img src=x onerror=alert(2)>"
    html = shown(store_of({"model": hostile, "error_type": hostile, "status": "error"}, {"model": 'a"b&c'}))
    tree = ElementTree.fromstring(html)
    names = {part.tag for part in tree.iter()}
    assert names <= {"div", "style", "b", "span", "h4", "i", "svg", "path", "table", "tr", "th", "td", "p"}
    assert not {
        name for part in tree.iter() for name in part.attrib if name.startswith("on") or name in {"href", "src"}
    }
    assert "url(" not in html
    assert "@import" not in html


def test_it_is_small_and_whole_whatever_happened(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    for number in range(2_000):
        names = {"model": f"model-{number % 50}-" + "x" * 80, "error_type": "E" * 200, "status": "error"}
        record_turn(store, number, **names, duration_s=number / 7, input_tokens=number * 1_000_000)
    html = shown(store)
    assert len(html.encode()) <= 15_000
    assert "2,000" in words(html)
    assert "and 44 more" in words(html)
    assert str(tmp_path)[:20] in words(html)
    store.close()


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
    assert "in memory only:" in words(shown(store))
    store.close()


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path):
    (tmp_path / "victor.db").write_bytes(b"this is no database, and long enough to be read as one" * 20)
    analytics = Analytics(lambda: SQLiteStore(tmp_path / "victor.db"))
    html = analytics._repr_html_()
    assert html is not None
    assert "✗ the analytics store" in html
    assert "turns()" in repr(analytics)


@pytest.mark.parametrize("value", [0.05, 5.0, 5000.0])
def test_seconds_are_readable(value):
    assert seconds(value) == {0.05: "50 ms", 5.0: "5.00 s", 5000.0: "5,000 s"}[value]

"""Frames from a real SQLite store: what their rows say, and that their shape never depends on the data."""

from __future__ import annotations

import copy
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from support import recorded

from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.frames.losses import missing
from victor_nb.store import SQLiteStore

FRAMES = ["events", "turns", "requests", "tool_calls", "compactions", "sessions", "feedback", "exports", "summary"]
DTYPES = {"string", "Int64", "Float64", "boolean", "datetime64[us, UTC]"}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SQLiteStore]:
    store = SQLiteStore(tmp_path / "events.db", notebook="/home/me/a.ipynb")
    yield store
    store.close()


@pytest.fixture
def analytics(store: SQLiteStore) -> Analytics:
    return Analytics(lambda: store)


def in_another_kernel(path: Path, lines: str, notebook: str = "/home/me/b.ipynb") -> None:
    """Run lines with a `store` of the same file in a process that then dies without saying goodbye."""
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from support import recorded
from victor_nb.store import SQLiteStore
store = SQLiteStore(Path({str(path)!r}), notebook={notebook!r})
{lines}
assert store.flush(30)
os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 9


def everything(store: SQLiteStore) -> None:
    store.append("session_started", "s", {"victor_nb_version": "0", "python_version": "3"})
    turn_id = recorded.turn(store, tags={"variant": "B", "arm": 1})
    recorded.request(store, turn_id)
    recorded.tool_call(store, turn_id, "call_1")
    store.append("compaction", "s", {"turn_id": turn_id, "compaction_id": "k", **recorded.COMPACTION})
    recorded.feedback(store, turn_id, 1.0, "good")
    store.claim("files", 0)


@pytest.mark.parametrize("name", FRAMES)
def test_an_empty_frame_has_the_dtypes_of_a_full_one(analytics: Analytics, store: SQLiteStore, name: str) -> None:
    empty = getattr(analytics, name)()
    everything(store)
    full = getattr(analytics, name)()
    assert (len(empty), len(full) > 0) == (0, True)
    pd.testing.assert_series_equal(empty.dtypes, full.dtypes)
    assert set(map(str, full.dtypes)) <= DTYPES


@pytest.mark.parametrize("name", FRAMES)
def test_unknown_values_do_not_change_a_dtype(analytics: Analytics, store: SQLiteStore, name: str) -> None:
    before = getattr(analytics, name)().dtypes
    for type in ("turn", "model_request", "tool_call"):
        store.append(f"{type}_started", "s", {"turn_id": "t"})
    store.append("compaction", "s", {})
    pd.testing.assert_series_equal(getattr(analytics, name)().dtypes, before)


def test_a_turn_is_one_row(analytics: Analytics, store: SQLiteStore) -> None:
    turn_id = recorded.turn(store, tags={"variant": "B", "arm": 1})
    row = analytics.turns().iloc[0]
    assert (row["turn_id"], row["session_id"], row["kernel_run_id"]) == (turn_id, "s", store.kernel_run_id)
    assert (row["status"], row["cell_id"], row["input_tokens"], row["cost_usd"]) == ("ok", "c1", 100, 0.5)
    assert row["reasoning_tokens"] is pd.NA
    assert row["started_at"] <= row["completed_at"]
    assert json.loads(row["tags"]) == {"variant": "B", "arm": 1}


def test_a_running_turn_has_no_status_yet(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.start_turn(store)
    row = analytics.turns().iloc[0]
    assert row[["status", "duration_s", "input_tokens", "completed_at"]].isna().all()


def test_a_turn_of_a_killed_kernel_is_interrupted(analytics: Analytics, store: SQLiteStore) -> None:
    in_another_kernel(store.path, "recorded.turn(store); recorded.start_turn(store)")
    turns = analytics.turns(notebook="b.ipynb")
    assert turns["status"].tolist() == ["ok", "interrupted"]
    assert turns["input_tokens"].isna().tolist() == [False, True]


def test_a_turn_of_an_ended_kernel_is_interrupted(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "events.db")
    recorded.start_turn(store)
    store.close()
    assert Analytics(lambda: store).turns()["status"].tolist() == ["interrupted"]
    store.close()


def test_what_a_completed_turn_left_open_is_interrupted(analytics: Analytics, store: SQLiteStore) -> None:
    turn_id = recorded.turn(store, status="interrupted")
    store.append("tool_call_started", "s", {"turn_id": turn_id, "tool_call_id": "c", "tool": "f", "args_bytes": 1})
    assert analytics.tool_calls()["status"].tolist() == ["interrupted"]


def test_a_completion_without_its_start_is_a_row(analytics: Analytics, store: SQLiteStore) -> None:
    store.append("turn_completed", "s", {"turn_id": "t", **recorded.TURN_END})
    row = analytics.turns().iloc[0]
    assert (row["turn_id"], row["status"], row["model"]) == ("t", "ok", "m")
    assert row[["started_at", "cell_id"]].isna().all()


def test_tool_calls_that_share_an_id_stay_apart(analytics: Analytics, store: SQLiteStore) -> None:
    for turn_id in ("t1", "t1", "t2"):
        recorded.tool_call(store, turn_id, "call_0")
    for _ in range(2):
        store.append("tool_call_started", "s", {"turn_id": "t3", "tool_call_id": "call_0", "tool": "f"})
    for status in ("ok", "error"):
        end = {"turn_id": "t3", "tool_call_id": "call_0", **recorded.TOOL_END, "status": status}
        store.append("tool_call_completed", "s", end)
    calls = analytics.tool_calls()
    assert calls["turn_id"].tolist() == ["t1", "t1", "t2", "t3", "t3"]
    assert calls["status"].tolist() == ["ok", "ok", "ok", "ok", "error"]


def test_a_request_is_one_row(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.request(store, "t", status="error", error_type="RateLimitError", http_status=429, attempts=3)
    row = analytics.requests().iloc[0]
    assert (row["turn_id"], row["purpose"], row["attempts"], row["http_status"]) == ("t", "chat", 3, 429)
    assert (row["temperature"], row["max_tokens"]) == (0.5, pd.NA)


def test_a_compaction_is_one_row(analytics: Analytics, store: SQLiteStore) -> None:
    everything(store)
    row = analytics.compactions().iloc[0]
    assert (row["compaction_id"], row["tokens_before"], row["undone"]) == ("k", 900, False)


def test_events_keep_their_data_as_json(analytics: Analytics, store: SQLiteStore) -> None:
    store.append("x_note", "s", {"stars": 5, "why": "é"})
    everything(store)
    row = analytics.events(type="x_note").iloc[0]
    assert (row["seq"], row["type"], json.loads(row["data"])) == (1, "x_note", {"stars": 5, "why": "é"})
    assert analytics.events(type=["x_note", "compaction"])["type"].tolist() == ["x_note", "compaction"]
    with pytest.raises(UsageError, match="Did you mean 'turn_completed'"):
        analytics.events(type="turn_complete")


def test_a_stranger_among_the_values_is_unknown(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, input_tokens="many", output_tokens=1.5, cost_usd=[1], model=7, requests=2**60)
    recorded.turn(store)
    turns = analytics.turns()
    assert turns.loc[0, ["input_tokens", "output_tokens", "cost_usd"]].isna().all()
    assert (turns.loc[0, "requests"], turns.loc[0, "model"]) == (2**60, "7")
    assert turns.loc[1, "input_tokens"] == 100


def test_a_frame_is_about_this_notebook(analytics: Analytics, store: SQLiteStore) -> None:
    in_another_kernel(store.path, "recorded.turn(store, 'before')", notebook="/home/me/a.ipynb")
    in_another_kernel(store.path, "recorded.turn(store, 'elsewhere')", notebook="/home/me/b.ipynb")
    recorded.turn(store, "now")
    assert analytics.turns()["session_id"].tolist() == ["before", "now"]
    assert analytics.turns(session="now")["session_id"].tolist() == ["now"]
    assert analytics.turns(notebook="/home/me/b.ipynb")["session_id"].tolist() == ["elsewhere"]
    assert analytics.turns(all=True)["session_id"].tolist() == ["before", "elsewhere", "now"]
    with pytest.raises(UsageError, match=r"Did you mean '/home/me/b\.ipynb'"):
        analytics.turns(notebook="/home/me/bb.ipynb")


def test_without_a_path_a_frame_is_about_this_kernel(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    in_another_kernel(path, "recorded.turn(store)", notebook="/home/me/a.ipynb")
    store = SQLiteStore(path)
    assert len(Analytics(lambda: store).turns()) == 0
    assert len(Analytics(lambda: store, lambda: "/home/me/a.ipynb").turns()) == 1
    recorded.turn(store)
    assert Analytics(lambda: store).turns()["kernel_run_id"].tolist() == [store.kernel_run_id]
    store.close()


def test_sessions_tell_how_they_ended(analytics: Analytics, store: SQLiteStore) -> None:
    in_another_kernel(store.path, "recorded.turn(store, 'killed')", notebook="/home/me/a.ipynb")
    recorded.turn(store, "open")
    recorded.turn(store, "open", status="error", cost_usd=None)
    recorded.turn(store, "clean")
    store.append("session_ended", "clean", {"reason": "reset"})
    sessions = analytics.sessions().set_index("session_id")
    assert sessions["ended"].to_dict() == {"killed": "killed", "open": "open", "clean": "clean"}
    assert sessions["ended_at"].isna().to_dict() == {"killed": False, "open": True, "clean": False}
    totals = ["turns", "errors", "input_tokens", "cost_usd", "cost_unknown"]
    assert sessions.loc["open", totals].tolist() == [2, 1, 200, 0.5, 1]


def test_a_session_goes_on_in_a_new_kernel(analytics: Analytics, store: SQLiteStore) -> None:
    in_another_kernel(store.path, "recorded.turn(store)", notebook="/home/me/a.ipynb")
    recorded.turn(store)
    row = analytics.sessions().iloc[0]
    assert (row["ended"], row["kernel_runs"], row["turns"]) == ("open", 2, 2)
    assert row["kernel_run_id"] == store.kernel_run_id


def test_a_session_without_turns_has_no_totals(analytics: Analytics, store: SQLiteStore) -> None:
    store.append("session_started", "s", {})
    row = analytics.sessions().iloc[0]
    assert (row["turns"], row["cost_unknown"], row["cost_usd"]) == (0, 0, pd.NA)


def test_a_frame_proves_that_nothing_is_lost(analytics: Analytics, store: SQLiteStore) -> None:
    everything(store)
    frame = copy.deepcopy(analytics.turns())
    proof = frame.attrs["victor"]
    assert proof["exporters"] == {"files": {"accepted": 9, "delivered": 0, "pending": 9, "dead": 0}}
    without = {"accepted": 9, "stored": 9, "pruned": 0, "gaps": {}, "flushed": True}
    assert {name: value for name, value in proof.items() if name != "exporters"} == without
    assert frame.head(1).attrs == frame.attrs
    assert json.loads(json.dumps(frame.attrs)) == frame.attrs  # so that Parquet can keep it


def test_a_frame_shows_a_loss(analytics: Analytics, store: SQLiteStore) -> None:
    everything(store)
    store.flush()
    with sqlite3.connect(store.path) as vandal:
        vandal.execute("DELETE FROM events WHERE seq IN (2, 3, 6)")
    vandal.close()
    proof = analytics.events().attrs["victor"]
    assert (proof["accepted"], proof["stored"]) == (9, 6)
    assert proof["gaps"] == {store.kernel_run_id: [[2, 3], [6, 6]]}


def test_a_deleted_file_is_a_loss(analytics: Analytics, store: SQLiteStore) -> None:
    everything(store)
    store.flush()
    store.path.unlink()
    recorded.start_turn(store)
    proof = analytics.turns().attrs["victor"]
    assert (proof["accepted"], proof["stored"], proof["pruned"]) == (10, 1, 0)
    assert proof["gaps"] == {store.kernel_run_id: [[1, 9]]}


def test_what_was_pruned_is_not_lost(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store)
    store.flush()
    assert store.prune(time.time_ns() // 1_000 + 1) == 2
    recorded.turn(store)
    proof = analytics.turns().attrs["victor"]
    assert (proof["accepted"], proof["stored"], proof["pruned"], proof["gaps"]) == (4, 2, 2, {})


def test_a_turn_has_its_latest_rating(analytics: Analytics, store: SQLiteStore) -> None:
    rated, other = recorded.turn(store), recorded.turn(store)
    recorded.feedback(store, rated, 0.25, "bad")
    recorded.feedback(store, rated, 1.0, None, note="on second thoughts")
    turns = analytics.turns().set_index("turn_id")
    assert turns.loc[rated, ["score", "label"]].tolist() == [1.0, pd.NA]
    assert turns.loc[other, ["score", "label"]].isna().all()
    given = analytics.feedback(content=True)
    assert given["score"].tolist() == [0.25, 1.0]
    assert given["note"].tolist() == [pd.NA, "on second thoughts"]


def test_a_clock_that_steps_back_makes_no_negative_times(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, duration_s=2.5)
    store.append("session_ended", "s", {"reason": "reset"})
    store.flush()
    with sqlite3.connect(store.path) as clock:
        clock.execute("UPDATE events SET timestamp_us = timestamp_us - 60000000 WHERE seq > 1")
    clock.close()
    turn, session = analytics.turns().iloc[0], analytics.sessions().iloc[0]
    assert turn["completed_at"] - turn["started_at"] == pd.Timedelta(seconds=2.5)
    assert session["ended_at"] == session["started_at"]


def test_content_is_shown_when_asked_for(analytics: Analytics, store: SQLiteStore) -> None:
    ids = {"turn_id": "t", "tool_call_id": "c"}
    store.append("turn_started", "s", {"turn_id": "t", **recorded.TURN}, {"prompt": "Why?"})
    store.append("tool_call_started", "s", ids, {"arguments": '{"a":1}'})
    store.append("tool_call_completed", "s", {**ids, **recorded.TOOL_END}, {"result": "é"})
    store.append("turn_completed", "s", {"turn_id": "t", **recorded.TURN_END}, {"response": "Because."})
    turn, call = analytics.turns(content=True).iloc[0], analytics.tool_calls(content=True).iloc[0]
    assert turn[["prompt", "response", "error"]].tolist() == ["Why?", "Because.", pd.NA]
    assert call[["arguments", "result"]].tolist() == ['{"a":1}', "é"]
    assert json.loads(analytics.events(content=True)["content"][0]) == {"prompt": "Why?"}
    assert not {"prompt", "content"} & {*analytics.turns(), *analytics.events()}


def test_missing_numbers_are_ranges() -> None:
    assert missing([], 0, 0) == missing([1, 2, 3], 0, 3) == missing([5], 4, 5) == []
    assert missing([3, 4, 9], 0, 11) == [[1, 2], [5, 8], [10, 11]]


def test_importing_the_frames_does_not_import_pandas() -> None:
    script = "import sys, victor_nb.frames; sys.exit(bool({'pandas', 'numpy', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

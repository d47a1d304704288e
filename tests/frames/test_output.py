"""Frames as Parquet files, for Arrow and for Polars: nothing is lost on the way."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from support import recorded

from victor_nb.errors import UsageError
from victor_nb.frames import Analytics
from victor_nb.frames.names import FRAMES
from victor_nb.store import SQLiteStore


@pytest.fixture
def store() -> Iterator[SQLiteStore]:
    store = SQLiteStore()
    yield store
    store.close()


@pytest.fixture
def analytics(store: SQLiteStore) -> Analytics:
    return Analytics(lambda: store)


@pytest.mark.parametrize("turns", [0, 1, 3])
def test_parquet_keeps_values_dtypes_and_proof(
    analytics: Analytics, store: SQLiteStore, tmp_path: Path, turns: int
) -> None:
    for number in range(turns):
        turn_id = recorded.turn(store, tags={"n": number, "é": "\U0001f642"}, cost_usd=None if number else 0.25)
        recorded.request(store, turn_id)
        recorded.feedback(store, turn_id, 1.0)
    written = analytics.to_parquet(tmp_path / "data")
    assert [path.name for path in written] == [f"{name}.parquet" for name in FRAMES]
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == sorted(path.name for path in written)
    for path in written:
        frame = getattr(analytics, path.stem)()
        again = pd.read_parquet(path)
        pd.testing.assert_frame_equal(again, frame)
        assert again.attrs == frame.attrs


def test_one_frame_is_one_file(analytics: Analytics, store: SQLiteStore, tmp_path: Path) -> None:
    recorded.turn(store, requests=1)
    recorded.turn(store, requests=2)
    assert analytics.to_parquet(tmp_path / "a.parquet", "turns", where="requests > 1") == [tmp_path / "a.parquet"]
    assert pd.read_parquet(tmp_path / "a.parquet")["requests"].tolist() == [2]
    with pytest.raises(UsageError, match="is one file"):
        analytics.to_parquet(tmp_path / "b.parquet")
    with pytest.raises(UsageError, match="Did you mean 'turns'"):
        analytics.to_parquet(tmp_path, "turn")


def test_a_file_stays_whole_when_a_frame_cannot_be_made(analytics: Analytics, tmp_path: Path) -> None:
    path = tmp_path / "turns.parquet"
    analytics.to_parquet(path, "turns")
    before = path.read_bytes()
    with pytest.raises(UsageError):
        analytics.to_parquet(path, "turns", where="nothing > 1")
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])


def test_arrow_and_polars_have_the_same_rows(analytics: Analytics, store: SQLiteStore) -> None:
    recorded.turn(store, cost_usd=None)
    recorded.turn(store)
    table, frame = analytics.to_arrow("turns"), analytics.to_polars("turns", limit=1)
    assert table.column_names == frame.columns == list(analytics.turns())
    assert table.schema.field("started_at").type == pa.timestamp("us", "UTC")
    assert json.loads(table.schema.metadata[b"victor"]) == analytics.turns().attrs["victor"]
    assert (table["cost_usd"].to_pylist(), frame["cost_usd"].to_list()) == ([None, 0.5], [None])


def test_without_polars_the_way_to_it_is_told() -> None:
    script = """
import sys
sys.modules["polars"] = None
from victor_nb.errors import MissingExtraError
from victor_nb.frames import Analytics
from victor_nb.store import SQLiteStore
try:
    Analytics(lambda: SQLiteStore()).to_polars("turns")
except MissingExtraError as error:
    print(error.hint)
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "pip install polars"

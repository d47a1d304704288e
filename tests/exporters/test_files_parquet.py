"""A Parquet dataset as pandas, Polars and Arrow see it, and as kills, retries and foreign files leave it."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import typing
from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from support.event_batches import BEGAN, any_events, batch, event

from victor_nb.errors import ExportError
from victor_nb.events import PAYLOADS
from victor_nb.exporters.files import FileAnalyticsExporter
from victor_nb.exporters.files_columns import COLUMNS, PAYLOAD_COLUMNS
from victor_nb.protocols import AnalyticsEvent


def rows(folder: Path) -> list[dict]:
    return ds.dataset(folder, partitioning="hive").to_table().sort_by("seq").to_pylist()


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("date=*/*"))


def ids(folder: Path) -> list[str]:
    return sorted(row["id"] for row in rows(folder))


def of(events: list[AnalyticsEvent]) -> list[str]:
    return sorted(event.id for event in events)


async def test_a_dataset_that_every_reader_takes_as_it_is(tmp_path):
    folder = tmp_path / "events"
    days = [BEGAN, BEGAN + dt.timedelta(days=1)]
    data = {"model": "größe", "input_tokens": 3, "cost_usd": 1, "streamed": True, "more": [1]}
    events = [event(1, timestamp=days[0], data=data), event(2, timestamp=days[1])]
    (tmp_path / ".events.unfinished").write_text("left by a kill")
    await FileAnalyticsExporter(folder).export(events)
    pandas, polars = pd.read_parquet(folder).sort_values("seq"), pl.read_parquet(folder).sort("seq")
    (arrow, _) = rows(folder)

    assert [str(path.parent.name) for path in parts(folder)] == ["date=2026-01-02", "date=2026-01-03"]
    assert list(pandas["id"]) == polars["id"].to_list() == [e.id for e in events]
    assert [str(day) for day in polars["date"]] == list(pandas["date"].astype(str)) == ["2026-01-02", "2026-01-03"]
    assert arrow["timestamp"] == BEGAN
    assert [arrow[name] for name in ("model", "input_tokens", "cost_usd", "streamed")] == ["größe", 3, 1.0, True]
    assert json.loads(arrow["data"]) == data
    assert pandas["input_tokens"].dtype == "float64"  # NA in the second; it is int64 in the file
    assert ds.dataset(folder, partitioning="hive").schema.field("input_tokens").type == pa.int64()


@settings(deadline=None)  # it writes to the disk
@given(events=any_events)
def test_any_events_come_back(tmp_path_factory, events):
    folder = tmp_path_factory.mktemp("any") / "events"
    exporter = FileAnalyticsExporter(folder)
    for one in [*events, *events]:
        asyncio.run(exporter.export([one]))
    asyncio.run(FileAnalyticsExporter(folder).export(events))
    found = {row["id"]: row for row in rows(folder)}
    assert len(rows(folder)) == len(found) == len(events)
    for one in events:
        row = found[one.id]
        assert json.loads(row["data"]) == one.data
        assert all(
            row[name] == getattr(one, name) for name in ("seq", "type", "session_id", "kernel_run_id", "timestamp")
        )


async def test_a_batch_that_comes_again_with_other_limits_is_there_once(tmp_path):
    folder, events = tmp_path / "events", batch(12)
    await FileAnalyticsExporter(folder).export(events[:5])
    await FileAnalyticsExporter(folder).export(events[:3])
    await FileAnalyticsExporter(folder).export(events[3:9])
    await FileAnalyticsExporter(folder).export(events)
    assert ids(folder) == of(events)


async def test_small_batches_share_a_part_until_it_is_large_enough(tmp_path):
    folder = tmp_path / "events"
    exporter = FileAnalyticsExporter(folder)
    for n in range(20):
        await exporter.export(batch(5, first=1 + 5 * n))
    assert len(parts(folder)) == 1
    full = FileAnalyticsExporter(folder, max_bytes=1)
    await full.export(batch(5, first=101))
    await full.export(batch(5, first=106))
    assert [pq.read_metadata(path).num_rows for path in parts(folder)] == [100, 5, 5]
    assert len(ids(folder)) == 110


async def test_recorders_of_one_kernel_run_may_take_turns(tmp_path):
    folder, events = tmp_path / "events", batch(10)
    one, two = FileAnalyticsExporter(folder, max_bytes=1), FileAnalyticsExporter(folder)
    await one.export(events[::2])
    await two.export(events[1::2])
    await one.export(events[::2])
    assert ids(folder) == of(events)


async def test_a_part_of_another_version_is_left_as_it_is(tmp_path):
    folder, events = tmp_path / "events", batch(3)
    await FileAnalyticsExporter(folder).export(events[:1])
    (part,) = parts(folder)
    pq.write_table(pq.ParquetFile(part).read().drop_columns(["label"]), part)
    await FileAnalyticsExporter(folder).export(events)
    assert len(parts(folder)) == 2
    assert ids(folder) == of(events)
    assert pl.scan_parquet(folder, missing_columns="insert", extra_columns="ignore").collect().height == 3


async def test_a_part_that_is_none_is_named_and_nothing_is_written(tmp_path):
    folder, events = tmp_path / "events", batch(2)
    await FileAnalyticsExporter(folder).export(events[:1])
    (part,) = parts(folder)
    part.write_text("no Parquet")
    with pytest.raises(ExportError, match=rf"{part.name} is not a Parquet file") as caught:
        await FileAnalyticsExporter(folder).export(events)
    assert caught.value.retryable
    part.unlink()
    await FileAnalyticsExporter(folder).export(events)
    assert ids(folder) == of(events)


async def test_a_half_surrogate_is_replaced_and_not_refused(tmp_path):
    await FileAnalyticsExporter(tmp_path / "events").export([event(data={"model": "a\ud800"}, session_id="\udfff")])
    (row,) = rows(tmp_path / "events")
    assert (row["model"], row["session_id"]) == ("a?", "?")
    assert json.loads(row["data"]) == {"model": "a\ud800"}


def test_the_columns_are_fields_of_the_payloads_and_have_their_kinds():
    kinds = {"int": {int}, "float": {float}, "text": {str}, "bool": {bool}}
    hints = [typing.get_type_hints(payload) for payload in PAYLOADS.values()]
    for name, kind in PAYLOAD_COLUMNS.items():
        found = [hint[name] for hint in hints if name in hint]
        assert found, name
        assert {part for hint in found for part in typing.get_args(hint) or (hint,)} - {type(None)} == kinds[kind], name
    assert len(set(COLUMNS)) == len(COLUMNS)

"""Events in files: JSON lines and CSV, several writers, kills and rotation. Parquet is in `test_files_parquet.py`."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.event_batches import any_events, batch, event

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ConfigError, ExportError
from victor_nb.exporters.files import FileAnalyticsExporter
from victor_nb.protocols import AnalyticsEvent
from victor_nb.testing import ScriptedModel

LINES = ["jsonl", "csv"]


def ids(*paths: Path) -> list[str]:
    """The ids in files of one format, in order."""
    if paths[0].suffix == ".csv":
        return [row["id"] for path in paths for row in table(path)]
    return [json.loads(line)["id"] for path in paths for line in path.read_text().splitlines()]


def table(path: Path) -> list[dict[str, str]]:
    csv.field_size_limit(10**9)
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def of(events: list[AnalyticsEvent]) -> list[str]:
    return [event.id for event in events]


@pytest.mark.parametrize("suffix", LINES)
async def test_batches_follow_each_other_in_one_file(tmp_path, suffix):
    path = tmp_path / "new" / "folder" / f"events.{suffix}"
    exporter = FileAnalyticsExporter(path)
    first, second = batch(3), batch(2, first=4)
    assert (await exporter.export(first)).exported_count == 3
    await FileAnalyticsExporter(path).export(second)
    assert ids(path) == of([*first, *second])
    assert exporter.destination == str(path)


@settings(deadline=None)  # it writes to the disk
@given(events=any_events)
def test_any_events_come_back_from_json_lines(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("any") / "events.jsonl"
    asyncio.run(FileAnalyticsExporter(path).export(events))
    assert [json.loads(line) for line in path.read_text("utf-8").splitlines()] == [e.model_dump() for e in events]


@settings(deadline=None)  # it writes to the disk
@given(events=any_events)
def test_any_events_are_a_row_each_in_csv_with_their_whole_payload(tmp_path_factory, events):
    path = tmp_path_factory.mktemp("any") / "events.csv"
    asyncio.run(FileAnalyticsExporter(path).export(events))
    assert len(path.read_text("utf-8").splitlines()) == 1 + len(events)
    assert [(row["id"], int(row["seq"]), json.loads(row["data"])) for row in table(path)] == [
        (e.id, e.seq, e.data) for e in events
    ]


async def test_what_a_kernel_that_is_gone_had_written_is_not_written_again(tmp_path):
    for suffix in LINES:
        path, events = tmp_path / f"events.{suffix}", batch(5)
        await FileAnalyticsExporter(path).export(events[:3])  # killed before it could tell
        await FileAnalyticsExporter(path).export(batch(4, kernel_run_id="another"))
        await FileAnalyticsExporter(path).export(events)
        assert Counter(ids(path)).most_common(1)[0][1] == 1
        assert set(of(events)) <= set(ids(path))


@settings(deadline=None)  # it writes to the disk
@given(suffix=st.sampled_from(LINES), cut=st.integers(0, 3000), again=st.integers(1, 4))
def test_a_file_torn_anywhere_is_mended_and_nothing_is_lost(tmp_path_factory, suffix, cut, again):
    path, events = tmp_path_factory.mktemp("torn") / f"events.{suffix}", batch(4, data={"model": "größe, 5\n", "n": {}})
    asyncio.run(FileAnalyticsExporter(path).export(events[:3]))
    os.truncate(path, min(cut, path.stat().st_size))
    asyncio.run(FileAnalyticsExporter(path).export(events[:again]))
    asyncio.run(FileAnalyticsExporter(path).export(events))
    assert sorted(ids(path)) == sorted(of(events))


@pytest.mark.parametrize("suffix", LINES)
async def test_zeros_that_a_power_cut_left_are_cut_off(tmp_path, suffix):
    path, events = tmp_path / f"events.{suffix}", batch(2)
    await FileAnalyticsExporter(path).export(events[:1])
    with path.open("ab") as file:
        file.write(bytes(4096))
    await FileAnalyticsExporter(path).export(events)
    assert ids(path) == of(events)


async def test_a_line_of_somebody_else_is_ended_and_kept(tmp_path):
    path, events = tmp_path / "events.jsonl", batch(2)
    path.write_text("my own notes")
    await FileAnalyticsExporter(path).export(events[:1])
    with path.open("a") as file:
        file.write('{"mine": 1}')
    await FileAnalyticsExporter(path).export(events[1:])
    lines = path.read_text().splitlines()
    assert (lines[0], lines[2]) == ("my own notes", '{"mine": 1}')
    assert [json.loads(lines[n])["id"] for n in (1, 3)] == of(events)


WRITER = """
import asyncio, sys
sys.path.insert(0, sys.argv[3])
from support.event_batches import batch
from victor_nb.exporters.files import FileAnalyticsExporter

async def write():
    exporter = FileAnalyticsExporter(sys.argv[1], max_bytes=2_500)
    print("ready", flush=True)
    sys.stdin.readline()
    for n in range(40):
        events = batch(5, first=1 + 5 * n, kernel_run_id=sys.argv[2])
        await exporter.export(events)
        print(*(event.id for event in events), flush=True)

asyncio.run(write())
"""


def writer(path: Path, run: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), run, str(Path(__file__).parents[1])]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("suffix", LINES)
def test_two_processes_write_and_rotate_one_file(tmp_path, suffix):
    path = tmp_path / f"events.{suffix}"
    processes = [writer(path, run) for run in ("a", "b")]
    assert [process.stdout.readline() for process in processes] == ["ready\n"] * 2
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate(timeout=60)[0].split() for process in processes]
    files = sorted(tmp_path.glob(f"*.{suffix}"))
    assert len(files) > 20
    assert files[-1] == path
    assert all(file.stat().st_size <= 2_500 for file in files)
    assert sorted(ids(*files)) == sorted(id for ids in told for id in ids)


@pytest.mark.parametrize("suffix", LINES)
def test_a_killed_writer_leaves_what_it_confirmed(tmp_path, suffix):
    path = tmp_path / f"events.{suffix}"
    process = writer(path, "a")
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    told = process.stdout.readline().split()
    process.kill()
    told += process.communicate()[0].rpartition("\n")[0].split()
    after = batch(1, first=1000)
    asyncio.run(FileAnalyticsExporter(path).export(after))
    written = ids(*sorted(tmp_path.glob(f"*.{suffix}")))
    assert set(told) <= set(written)
    assert len(written) == len(set(written))
    assert written[-1] == after[0].id


async def test_rotation_keeps_every_event_once_and_as_many_files_as_asked(tmp_path):
    path, events = tmp_path / "events.jsonl", batch(20)
    size = len(json.dumps(events[0].model_dump()))
    await FileAnalyticsExporter(path, max_bytes=3 * size).export(events)  # one batch over many files
    await FileAnalyticsExporter(path, max_bytes=3 * size).export(events)
    files = sorted(tmp_path.glob("*.jsonl"))
    assert ids(*files) == of(events)
    assert files[0].name == "events.000001.jsonl"
    await FileAnalyticsExporter(path, max_bytes=3 * size, max_files=2).export(batch(4, first=30))
    assert len(list(tmp_path.glob("*.jsonl"))) == 2


async def test_an_event_larger_than_the_limit_has_a_file_to_itself(tmp_path):
    exporter = FileAnalyticsExporter(tmp_path / "events.csv", max_bytes=2000)
    events = [event(1), event(2, data={"text": "x" * 200_000}), event(3)]
    await exporter.export(events)
    files = sorted(tmp_path.glob("*.csv"))
    assert [ids(file) for file in files] == [[e.id] for e in events]


async def test_a_new_day_is_a_new_file(tmp_path):
    path = tmp_path / "events.jsonl"
    first, second = batch(1), batch(1)
    await FileAnalyticsExporter(path, daily=True).export(first)
    os.utime(path, (0, 0))
    exporter = FileAnalyticsExporter(path, daily=True)
    await exporter.export(second)
    await exporter.export(batch(1))
    assert ids(tmp_path / "events.000001.jsonl") == of(first)
    assert ids(path)[0] == second[0].id


async def test_csv_columns_stay_when_new_keys_appear(tmp_path):
    path = tmp_path / "events.csv"
    exporter = FileAnalyticsExporter(path)
    await exporter.export([event(1, data={"model": "m", "input_tokens": 3})])
    await exporter.export([event(2, data={"brand_new": 1, "input_tokens": "many", "streamed": True, "cost_usd": 0})])
    frame = pd.read_csv(path)
    assert list(frame["input_tokens"].fillna(-1)) == [3, -1]
    assert json.loads(frame["data"][1])["brand_new"] == 1
    assert frame.loc[1, ["streamed", "cost_usd"]].tolist() == [True, 0.0]


async def test_a_csv_file_of_another_version_keeps_its_columns(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("type,id,seq,kernel_run_id,session_id,timestamp,later,data\n")
    await FileAnalyticsExporter(path).export([event(1, data={"model": "m"})])
    assert len(path.read_text().splitlines()[1].split(",", 7)) == 8
    path.write_text("a,b\n")
    with pytest.raises(ExportError, match="lacks the columns"):
        await FileAnalyticsExporter(path).export(batch(1))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
async def test_a_spreadsheet_runs_nothing(tmp_path, text):
    path = tmp_path / "events.csv"
    await FileAnalyticsExporter(path).export([event(data={"model": text, "duration_s": -1.5}, session_id=text)])
    (row,) = table(path)
    assert row["model"] == row["session_id"] == "'" + text.replace("\r", " ")
    assert row["duration_s"] == "-1.5"
    assert json.loads(row["data"])["model"] == text


LIMITED = """
import asyncio, json, resource, sys
sys.path.insert(0, sys.argv[2])
from support.event_batches import batch
from victor_nb.errors import ExportError
from victor_nb.exporters.files import FileAnalyticsExporter

exporter, events = FileAnalyticsExporter(sys.argv[1]), batch(20)
asyncio.run(exporter.export(events[:2]))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
try:
    asyncio.run(exporter.export(events[2:]))
except ExportError as error:
    print(error.message, error.retryable)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
print(len(open(sys.argv[1]).read().splitlines()))
asyncio.run(exporter.export(events[2:]))
print(len(open(sys.argv[1]).read().splitlines()))
"""


def test_a_disk_that_is_full_in_the_middle_of_a_batch_loses_and_doubles_nothing(tmp_path):
    path = tmp_path / "events.jsonl"
    command = [sys.executable, "-c", LIMITED, str(path), str(Path(__file__).parents[1])]
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()
    assert said == [f"{path} cannot be written: File too large. True", "2", "20"]
    assert len(set(ids(path))) == 20


async def test_what_stands_in_the_way_is_said_and_tried_again(tmp_path):
    (tmp_path / "file").touch()
    exporter = FileAnalyticsExporter(tmp_path / "file" / "events.jsonl")
    with pytest.raises(ExportError, match=r"events\.jsonl cannot be written: .*exists \(.*file\)") as caught:
        await exporter.export(batch(1))
    assert caught.value.retryable
    (tmp_path / "file").unlink()
    assert (await exporter.export(batch(1))).success


async def test_a_lock_that_nobody_lets_go_is_an_error_in_time(tmp_path):
    import fcntl

    lock = (tmp_path / ".events.jsonl.lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ExportError, match="another process"):
            await FileAnalyticsExporter(tmp_path / "events.jsonl", timeout_s=0.1).export(batch(1))
    assert (await FileAnalyticsExporter(tmp_path / "events.jsonl").export(batch(1))).success


@pytest.mark.parametrize(
    ("name", "options", "match"),
    [
        ("events.json", {}, "does not tell the format"),
        ("events.jsonl", {"format": "cvs"}, "Did you mean 'csv'"),
        ("events.jsonl", {"max_bytes": 0}, "at least 1"),
        ("events.jsonl", {"max_files": 3}, "when a file ends"),
        ("dataset", {"daily": True}, "folder for each day"),
        ("there.parquet", {}, "is no folder"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(tmp_path, name, options, match):
    (tmp_path / "there.parquet").touch()
    with pytest.raises(ConfigError, match=match):
        FileAnalyticsExporter(tmp_path / name, **options)


@pytest.mark.parametrize("suffix", [".jsonl", ".csv", ""])
async def test_through_a_chat_every_event_is_in_the_file_and_prompts_only_if_asked(tmp_path, suffix):
    plain = FileAnalyticsExporter(tmp_path / f"plain{suffix}")
    full = FileAnalyticsExporter(tmp_path / f"full{suffix}", include_content=True)
    analytics = AnalyticsCoordinator(exporters=[plain, full])
    orchestrator = AgentOrchestrator(model=ScriptedModel("a fine answer"), analytics_coordinator=analytics)
    await orchestrator.chat("my question")
    assert (await analytics.export_analytics()).success
    recorded = of((await analytics.get_session_analytics(orchestrator.session_id)).events)
    frames = [read(exporter) for exporter in (plain, full)]

    assert [list(frame["id"]) for frame in frames] == [recorded, recorded]
    assert not frames[0]["data"].astype(str).str.contains("my question").any()
    assert frames[1]["data"].astype(str).str.contains("my question").any()
    orchestrator.close()


def read(exporter: FileAnalyticsExporter) -> pd.DataFrame:
    path = exporter.path
    if exporter.format == "jsonl":
        return pd.DataFrame(json.loads(line) for line in path.read_text().splitlines())
    frame = pd.read_csv(path) if exporter.format == "csv" else pd.read_parquet(path)
    return frame.sort_values("seq")

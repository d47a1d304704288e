"""`check_exporter` passes exporters that keep the rules, and names the rule that another one breaks."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3

import asyncpg
import pytest

from victor_nb.errors import UsageError
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.console import ConsoleAnalyticsExporter
from victor_nb.exporters.database import DatabaseAnalyticsExporter
from victor_nb.exporters.files import FileAnalyticsExporter
from victor_nb.exporters.opentelemetry import OpenTelemetryExporter
from victor_nb.exporters.prometheus import PrometheusMetricsExporter
from victor_nb.exporters.webhook import WebhookAnalyticsExporter
from victor_nb.protocols import ExportResult
from victor_nb.testing import check_exporter, check_exporter_async


class Keeps(BaseAnalyticsExporter):
    """To a list that outlives it."""

    kept: list[str]

    async def export(self, events):
        self.kept.extend(event.id for event in events)
        return ExportResult(True, len(events))


class InTheMinimalForm:
    def export(self, events):
        json.dumps([event.model_dump() for event in events])


@pytest.fixture
def kept():
    Keeps.kept = []
    return Keeps.kept


def test_good_ones_pass(kept, tmp_path):
    check_exporter(InTheMinimalForm)
    check_exporter(Keeps)
    check_exporter(Keeps, received=lambda: kept)
    assert len(kept) > 100


class IntoATable:
    """One connection for each exporter, to one file; a row for each event."""

    def __init__(self, path) -> None:
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.execute("CREATE TABLE IF NOT EXISTS events (id PRIMARY KEY, data)")

    async def export(self, events):
        rows = [(event.id, json.dumps(event.data)) for event in events]
        self.db.executemany("INSERT OR IGNORE INTO events VALUES (?, ?)", rows)

    async def close(self) -> None:
        self.db.close()

    async def received(self) -> list[str]:
        return [id for (id,) in self.db.execute("SELECT id FROM events")]


async def test_a_table_that_keeps_an_event_once_passes(tmp_path):
    async def made():
        return IntoATable(tmp_path / "events.db")

    reader = await made()
    await check_exporter_async(made, received=reader.received, deduplicates=True)
    await reader.close()


async def raising(self, events):
    if any(event.type == "x_empty" for event in events):
        raise KeyError("n")


async def one_at_a_time(self, events):
    return ExportResult(len(events) < 2, error="too many")


async def rubbish(self, events):
    return {"success": True}


async def miscounting(self, events):
    return ExportResult(True, len(events) + 1)


async def changing(self, events):
    for event in events:
        event.data["seen"] = True


async def forgetting(self, events):
    self.kept.extend(event.id for event in events if len(str(event.data)) < 1_000_000)


async def doubling(self, events):
    self.kept.extend(event.id for event in events)


async def by_type(self, events):
    {"turn_started": 1, "x_mine": 2}[events[0].type] if events else None


async def ascii_only(self, events):
    for event in events:
        str(event.data).encode("ascii")


async def one_kernel_only(self, events):
    if type(self).busy:
        raise RuntimeError("database is locked")
    type(self).busy = True
    await asyncio.sleep(0)
    type(self).busy = False


async def close_once(self):
    if self.closed:
        raise OSError("closed already")
    self.closed = True


@pytest.mark.parametrize(
    ("attributes", "rule"),
    [
        ({"export": raising}, "export.. takes a batch: it raised KeyError"),
        ({"export": one_at_a_time}, "export.. takes a batch: it said: too many"),
        ({"export": rubbish}, "returns an ExportResult or None: .* dict"),
        ({"export": miscounting}, "exported_count is how many"),
        ({"export": changing}, "leaves its events as they are"),
        ({"export": forgetting}, "an event of 10 MB: all of it arrives: 1 of 3"),
        ({"export": doubling}, "sent again is kept once: 5 of 5"),
        ({"export": by_type}, "takes a batch: it raised KeyError"),
        ({"export": ascii_only}, "every script: it raised UnicodeEncodeError"),
        ({"export": one_kernel_only, "busy": False}, "two batches at once, from two exporters"),
        ({"close": close_once, "closed": False}, "close.. can be called at any time, and twice"),
        ({"include_content": "yes"}, "include_content is True or False: it is 'yes'"),
        ({"destination": 5}, "destination is text or None"),
        ({"timeout_s": 0}, "timeout_s is a number above 0"),
    ],
    ids=lambda value: getattr(value.get("export"), "__name__", None) if isinstance(value, dict) else None,
)
def test_one_that_breaks_a_rule_fails_by_its_name(kept, attributes, rule):
    broken = type("Broken", (Keeps,), attributes)
    counts = attributes.get("export") in (forgetting, doubling)
    with pytest.raises(AssertionError, match=rule):
        check_exporter(broken, received=(lambda: kept) if counts else None, deduplicates=counts)


def test_one_that_only_works_where_it_was_made_fails():
    class Homesick(InTheMinimalForm):
        def __init__(self) -> None:
            self.made_on = asyncio.get_running_loop()

        async def export(self, events):
            if self.made_on is not asyncio.get_running_loop():
                raise ValueError("not here")

    with pytest.raises(AssertionError, match=r"works in an AnalyticsCoordinator: .*not here"):
        check_exporter(Homesick)


async def test_in_a_running_loop_it_says_what_to_write():
    with pytest.raises(UsageError, match="await check_exporter_async"):
        check_exporter(InTheMinimalForm)


def test_keeping_once_cannot_be_checked_blindly():
    with pytest.raises(UsageError, match="received="):
        check_exporter(InTheMinimalForm, deduplicates=True)


async def test_our_webhook_passes(webhook):
    def received() -> list[str]:
        return [event["id"] for request in webhook.requests for event in json.loads(request.body)["events"]]

    await check_exporter_async(lambda: WebhookAnalyticsExporter(webhook.url), received=received)


@pytest.mark.parametrize("name", ["events.jsonl", "events.csv", "events"])
def test_our_files_pass(tmp_path, name):
    check_exporter(lambda: FileAnalyticsExporter(tmp_path / name))


def test_our_table_in_sqlite_passes(tmp_path):
    def received() -> list[str]:
        with contextlib.closing(sqlite3.connect(tmp_path / "events.db")) as db:
            return [id for (id,) in db.execute("SELECT id FROM victor_events")]

    url = f"sqlite:///{tmp_path}/events.db"
    check_exporter(lambda: DatabaseAnalyticsExporter(url), received=received, deduplicates=True)


async def test_our_table_in_postgresql_passes(postgres):
    connection = await asyncpg.connect(postgres)

    async def received() -> list[str]:
        return [row["id"] for row in await connection.fetch("SELECT id FROM victor_events")]

    await check_exporter_async(lambda: DatabaseAnalyticsExporter(postgres), received=received, deduplicates=True)
    await connection.close()


def test_our_metrics_pass(pushgateway):
    check_exporter(lambda: PrometheusMetricsExporter(pushgateway))


def test_our_console_passes(capsys):
    check_exporter(ConsoleAnalyticsExporter)
    assert "turn_started" in capsys.readouterr().err


def test_our_traces_pass(webhook):
    check_exporter(lambda: OpenTelemetryExporter(webhook.url.removesuffix("/events")))

"""Events on a terminal: lines that can be read, and streams that cannot be written to."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest
from support.event_batches import batch, event

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ConfigError
from victor_nb.exporters.console import ConsoleAnalyticsExporter
from victor_nb.testing import ScriptedModel

IN_A_KERNEL = """
from victor_nb import AgentOrchestrator
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.exporters.console import ConsoleAnalyticsExporter
from victor_nb.testing import ScriptedModel

analytics = AnalyticsCoordinator(exporters=[ConsoleAnalyticsExporter()])
orchestrator = AgentOrchestrator(model=ScriptedModel("Hello!"), analytics_coordinator=analytics)
await orchestrator.chat("hi")
exported = await analytics.export_analytics()
"""


async def test_a_line_tells_what_happened_and_leaves_out_what_is_unknown():
    stream = io.StringIO()
    data = {"turn_id": "t", "status": "ok", "cost_usd": None, "duration_s": 1.23456, "prompt_sha256": "x", "tags": {}}
    await ConsoleAnalyticsExporter(stream).export([event(1, "turn_completed", data), event(2, "x_two words")])
    first, second = stream.getvalue().splitlines()
    assert first == "03:04:05.678 turn_completed          s status=ok duration_s=1.235"
    assert second.startswith("03:04:05.678 x_two words ")


async def test_json_leaves_nothing_out():
    stream, events = io.StringIO(), batch(2, data={"a": None, "text": "größe\n"})
    assert (await ConsoleAnalyticsExporter(stream, format="json").export(events)).exported_count == 2
    assert [json.loads(line) for line in stream.getvalue().splitlines()] == [e.model_dump() for e in events]


@pytest.mark.parametrize(
    "text", ["\x1b[2J\x1b[31mred", "two\nlines", "\x9b31m", "\u202egnp.exe", "x" * 10_000, "", "\ud800"]
)
async def test_what_a_model_wrote_cannot_move_the_cursor(text):
    stream = io.StringIO()
    await ConsoleAnalyticsExporter(stream).export([event(data={"response": text})])
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    assert len(line) < 150


async def test_standard_error_is_the_one_of_the_moment(capsys, monkeypatch):
    exporter = ConsoleAnalyticsExporter()
    await exporter.export(batch(1))
    assert "x_test" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stderr", redirected := io.StringIO())
    await exporter.export(batch(1))
    assert "x_test" in redirected.getvalue()


async def test_a_stream_that_cannot_be_written_to_holds_up_nothing():
    closed = io.StringIO()
    closed.close()
    reading, writing = os.pipe()
    os.close(reading)
    deaf = io.TextIOWrapper(io.FileIO(writing, "w"), write_through=True)
    for stream in (closed, deaf):
        assert (await ConsoleAnalyticsExporter(stream).export(batch(2))).success
    deaf.close()


async def test_a_terminal_without_the_characters_shows_escapes():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    await ConsoleAnalyticsExporter(stream).export([event(data={"model": "größe"})])
    assert "model=gr\\xf6\\xdfe" in stream.buffer.getvalue().decode()


def test_another_format_is_refused():
    with pytest.raises(ConfigError, match="'yaml'"):
        ConsoleAnalyticsExporter(format="yaml")


async def test_through_a_chat_a_line_for_each_event_and_prompts_only_if_asked():
    plain, full = io.StringIO(), io.StringIO()
    exporters = [ConsoleAnalyticsExporter(plain), ConsoleAnalyticsExporter(full, include_content=True)]
    analytics = [AnalyticsCoordinator(exporters=[exporter]) for exporter in exporters]
    for one in analytics:
        orchestrator = AgentOrchestrator(model=ScriptedModel("a fine answer"), analytics_coordinator=one)
        await orchestrator.chat("question?")
        assert (await one.export_analytics()).success
        recorded = (await one.get_session_analytics(orchestrator.session_id)).events
        orchestrator.close()
    assert len(full.getvalue().splitlines()) >= len(recorded)
    assert "turn_completed" in plain.getvalue()
    assert "question?" not in plain.getvalue()
    assert "prompt=question?" in full.getvalue()


def test_in_a_notebook_it_shows_under_the_cell_that_exports(kernel):
    cell = kernel.run(IN_A_KERNEL)
    assert cell.error is None
    seen = cell.stderr + kernel.run("import sys; sys.stderr.flush()").stderr
    assert "turn_completed" in seen
    assert "status=ok" in seen

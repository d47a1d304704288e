"""Who is who: an exporter that is added again, that is defined anew, that comes back in another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.destinations import Kept, record, recording

from victor_nb.exporters.base import BaseAnalyticsExporter


class Closable(Kept):
    closed = 0

    async def close(self) -> None:
        self.closed += 1


async def test_adding_a_destination_again_replaces_its_exporter_which_is_closed():
    first, second, third = Closable("here"), Closable("here"), Closable("there")
    coordinator = recording(first)
    assert (await coordinator.export_analytics()).success
    (delivery,) = coordinator.deliveries
    coordinator.add_exporter(second)
    coordinator.add_exporter(third)
    record(coordinator, 2, first=3)
    result = await coordinator.export_analytics()
    delivery.join(10)
    assert coordinator.exporters == (second, third)
    assert list(result.results) == ["Closable", "Closable#2"]
    assert (first.numbers, second.numbers, third.numbers) == ([0, 1, 2], [3, 4], [0, 1, 2, 3, 4])
    assert (first.closed, second.closed) == (1, 0)
    coordinator.close()
    assert (second.closed, third.closed) == (1, 1)


async def test_one_of_another_class_is_another_destination():
    class Other(Kept):
        pass

    exporters = Kept("here"), Other("here"), Kept(), Kept(), BaseLess()
    coordinator = recording(*exporters)
    result = await coordinator.export_analytics()
    assert list(result.results) == ["Kept", "Other", "Kept#2", "Kept#3", "mine"]
    assert [exporter.numbers for exporter in exporters] == [[0, 1, 2]] * 5
    coordinator.close()


class BaseLess(BaseAnalyticsExporter):
    """Calls no `super().__init__()`, and is not async."""

    name = "mine"

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def export(self, events):
        self.numbers += [event.data["n"] for event in events if event.type == "x_numbered"]


async def test_classes_that_a_function_makes_are_different_ones():
    def made() -> Kept:
        return type("Made", (Kept,), {})()

    exporters = [made(), made()]
    coordinator = recording(*exporters)
    assert (await coordinator.export_analytics()).success
    assert [exporter.numbers for exporter in exporters] == [[0, 1, 2]] * 2
    coordinator.close()


SCRIPT = """
import asyncio, json, pathlib, sys
from victor_nb import AgentOrchestrator
from victor_nb.testing import ScriptedModel

orchestrator = AgentOrchestrator(model=ScriptedModel("a", "b"))
analytics = orchestrator.analytics_coordinator

class Lines:
    def __init__(self, path): self.path = pathlib.Path(path)
    async def export(self, events):
        if sys.argv[2] == "down": raise ConnectionError("down")
        with self.path.open("a") as file:
            file.writelines(event.id + "\\n" for event in events)

analytics.add_exporter(Lines(sys.argv[1]))
again = sys.argv[3:]
if again:
    exec(again[0])

async def chat():
    await orchestrator.chat("Hi")
    return await analytics.export_analytics()

result = asyncio.run(chat())
print(json.dumps([result.exported_count, result.pending, len(analytics.exporters)]))
"""


def run(script: Path, *arguments: object) -> list[int]:
    command = [sys.executable, str(script), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    return __import__("json").loads(done.stdout)


def test_what_a_script_could_not_deliver_its_next_run_delivers(tmp_path: Path):
    script, lines = tmp_path / "script.py", tmp_path / "lines"
    script.write_text(SCRIPT)
    exported, pending, _ = run(script, lines, "down")
    assert exported == 0
    assert pending > 5
    run(script, lines, "up")
    ids = lines.read_text().split()
    assert len(set(ids)) == len(ids) >= 2 * pending


def test_what_another_script_left_is_none_of_its_business(tmp_path: Path):
    one, other, lines = tmp_path / "one.py", tmp_path / "other.py", tmp_path / "lines"
    one.write_text(SCRIPT)
    other.write_text(SCRIPT)
    run(one, lines, "down")
    exported, pending, _ = run(other, lines, "up")
    assert pending == 0
    assert exported <= len(lines.read_text().split()) <= exported + 3  # its last event is of its end


@pytest.mark.parametrize(
    ("again", "count"),
    [
        ("class Lines(Lines): pass\nanalytics.add_exporter(Lines(sys.argv[1]))", 1),
        ("analytics.add_exporter(Lines(sys.argv[1]))", 2),
    ],
    ids=["defined anew", "a second one"],
)
def test_a_class_that_is_defined_anew_takes_the_place_of_the_one_before(tmp_path: Path, again: str, count: int):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    assert run(script, tmp_path / "lines", "up", again)[2] == count

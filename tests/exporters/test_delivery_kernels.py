"""Several kernels, one store and one destination: what one leaves another delivers, and no event arrives twice."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.destinations import Kept, Picky, recording

from victor_nb.errors import ExportError
from victor_nb.protocols import EventQuery
from victor_nb.store import SQLiteStore

KERNEL = """
import asyncio, os, sys
from pathlib import Path
from victor_nb import AgentOrchestrator
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

class Lines:
    # one batch, one write: a kill leaves all of it or none
    destination = "lines"
    batch_size = 4

    async def export(self, events):
        if sys.argv[3] == "down":
            raise ConnectionError("down")
        if sys.argv[3] == "stuck" and not file.tell() == 0:
            print("stuck", flush=True)
            await asyncio.sleep(60)
        file.write("".join(event.id + "\\n" for event in events).encode())

file = open(sys.argv[2], "ab", buffering=0)
analytics = AnalyticsCoordinator([Lines()])
orchestrator = AgentOrchestrator(
    model=ScriptedModel(*["yes"] * 50), analytics_coordinator=analytics, store=SQLiteStore(Path(sys.argv[1]))
)

async def chat():
    for word in sys.stdin:
        await orchestrator.chat(word)
        print("chatted", flush=True)
        if word.strip() == "export":
            print((await analytics.export_analytics()).pending, flush=True)

asyncio.run(chat())
orchestrator.close()
analytics.store.close()
"""


class Kernel:
    """A process that chats as it is told, and delivers to the file `lines`."""

    def __init__(self, folder: Path, lines: Path, mood: str) -> None:
        command = [sys.executable, "-c", KERNEL, str(folder / "victor.db"), str(lines), mood]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def say(self, word: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{word}\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def kernel(folder: Path, lines: Path, mood: str = "up") -> Iterator[Kernel]:
    started = Kernel(folder, lines, mood)
    with started.process:
        yield started
        if started.process.poll() is None:
            started.process.communicate(timeout=30)


def stored(folder: Path) -> list[str]:
    """All but the last ones, which a kernel may leave to the next when the machine is busy."""
    store = SQLiteStore(folder / "victor.db")
    ids = [event.id for event in store.read(EventQuery()) if event.type != "session_ended"]
    store.close()
    return ids


def assert_once(delivered: list[str], folder: Path) -> None:
    assert len(set(delivered)) == len(delivered)
    assert set(stored(folder)) - set(delivered) == set()


def wait_for_cursor(folder: Path, delivered: int) -> None:
    """Progress is written behind, within milliseconds; a kill before that has the last batch sent again."""
    store = SQLiteStore(folder / "victor.db")
    while not any(outbox.delivered == delivered for outbox in store.outboxes()):
        time.sleep(0.005)
    store.close()


def test_a_kernel_that_is_killed_in_mid_delivery_is_continued_at_the_cursor(tmp_path: Path):
    lines = tmp_path / "lines"
    with kernel(tmp_path, lines) as other:
        other.say("hello")
        assert other.hear() == "chatted"
        with kernel(tmp_path, tmp_path / "first", "stuck") as killed:
            killed.say("one")
            assert sorted([killed.hear(), killed.hear()]) == ["chatted", "stuck"]
            wait_for_cursor(tmp_path, 4)
            killed.kill()
        before = (tmp_path / "first").read_text().split()
        other.say("export")
        assert (other.hear(), other.hear()) == ("chatted", "0")
    delivered = [*before, *lines.read_text().split()]
    assert len(before) == 4
    assert_once(delivered, tmp_path)


def test_kernels_that_are_alive_leave_each_other_alone(tmp_path: Path):
    lines = tmp_path / "lines"
    with kernel(tmp_path, lines) as one, kernel(tmp_path, lines) as two, kernel(tmp_path, lines) as three:
        for _ in range(5):
            for each in (one, two, three):
                each.say("export")
        for each in (one, two, three):
            assert [each.hear() for _ in range(10)] == ["chatted", "0"] * 5
    assert_once(lines.read_text().split(), tmp_path)


def test_a_destination_that_was_down_gets_everything_from_the_next_kernel(tmp_path: Path):
    lines = tmp_path / "lines"
    with kernel(tmp_path, lines, "down") as first:
        for _ in range(3):
            first.say("export")
            assert first.hear() == "chatted"
            assert int(first.hear()) > 0
    assert lines.read_text() == ""
    with kernel(tmp_path, lines) as second:
        second.say("export")
    assert_once(lines.read_text().split(), tmp_path)


@pytest.mark.parametrize("heirs", [1, 3])
async def test_only_one_kernel_inherits(tmp_path: Path, heirs: int):
    with kernel(tmp_path, tmp_path / "lines", "down") as first:
        first.say("export")
    left = set(stored(tmp_path))
    exporters = [Kept("lines") for _ in range(heirs)]
    for exporter in exporters:
        exporter.__class__ = type("Lines", (Kept,), {})
    coordinators = [recording(exporter, store=SQLiteStore(tmp_path / "victor.db")) for exporter in exporters]
    for coordinator in coordinators:
        assert (await coordinator.export_analytics()).success
    inherited = Counter(id for exporter in exporters for id in exporter.ids if id in left)
    assert inherited.keys() >= left
    assert set(inherited.values()) == {1}
    for coordinator in coordinators:
        coordinator.close()
        coordinator.store.close()


async def test_the_dead_of_a_kernel_that_is_gone_can_be_retried(tmp_path: Path):
    store = SQLiteStore(tmp_path / "victor.db")
    refusing = Picky({1}, ExportError("no", retryable=False), destination="here")
    coordinator = recording(refusing, store=store)
    assert (await coordinator.export_analytics()).dead == 1
    coordinator.close()
    store.close()
    store, taking = SQLiteStore(tmp_path / "victor.db"), Picky((), None, destination="here")
    coordinator = recording(taking, events=0, store=store)
    assert (await coordinator.retry_dead()).exported_count == 1
    assert taking.numbers == [1]
    assert [(outbox.pending, outbox.dead) for outbox in store.outboxes()] == [(0, 0)] * 2
    coordinator.close()
    store.close()


FORK = """
import asyncio, os, sys
from pathlib import Path
from victor_nb import AgentOrchestrator
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

class Lines:
    destination = "lines"
    async def export(self, events):
        with open(sys.argv[2], "a") as file:
            file.writelines(f"{os.getpid()} {event.id}\\n" for event in events)

orchestrator = AgentOrchestrator(
    model=ScriptedModel(*["yes"] * 50),
    analytics_coordinator=AnalyticsCoordinator([Lines()]),
    store=SQLiteStore(Path(sys.argv[1])),
)
asyncio.run(orchestrator.chat("parent"))
if (child := os.fork()) == 0:
    asyncio.run(orchestrator.chat("child"))
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
result = asyncio.run(orchestrator.analytics_coordinator.export_analytics())
assert result.success, result
orchestrator.close()
orchestrator.analytics_coordinator.store.close()
"""


def test_what_a_forked_child_records_its_parent_delivers(tmp_path: Path):
    lines = tmp_path / "lines"
    subprocess.run([sys.executable, "-c", FORK, str(tmp_path / "victor.db"), str(lines)], check=True, timeout=60)
    pids, ids = zip(*(line.split() for line in lines.read_text().splitlines()), strict=True)
    assert len(set(pids)) == 1
    assert_once(list(ids), tmp_path)

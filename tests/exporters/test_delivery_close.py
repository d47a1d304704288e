"""The end of a kernel, and what comes after an end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time

import pytest
from support.destinations import Kept, record, recording

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.testing import ScriptedModel


class Dead(Kept):
    """Never answers; `release` ends its wait."""

    def __init__(self, destination: str) -> None:
        super().__init__(destination)
        self.release = threading.Event()

    def export(self, events):
        self.release.wait(30)


class DeadToo(Kept):
    async def export(self, events):
        await asyncio.sleep(30)


async def test_dead_destinations_do_not_hold_up_the_end():
    dead = [Dead(str(n)) for n in range(4)]
    kept = Kept()
    coordinator = recording(*dead, DeadToo("async"), kept)
    coordinator.notify()
    before = time.perf_counter()
    await asyncio.to_thread(coordinator.close)
    assert time.perf_counter() - before < 2.5
    outboxes = coordinator.store.outboxes()
    assert kept.numbers == [0, 1, 2]
    assert sorted(outbox.pending for outbox in outboxes) == [0, 5, 5, 5, 5, 5]  # …_started and …_ended as well
    for exporter in dead:
        exporter.release.set()


@pytest.mark.parametrize("kind", ["async", "sync", "raises", "hangs"])
async def test_close_is_called_where_export_was(kind, caplog):
    class Closes(Kept):
        threads: list[int]

        async def export(self, events):
            self.threads = [threading.get_ident()]

        def close(self):
            self.threads.append(threading.get_ident())
            if kind == "raises":
                raise OSError("no")
            return asyncio.sleep(30 if kind == "hangs" else 0) if kind in ("async", "hangs") else None

    closes = Closes()
    coordinator = recording(closes)
    assert (await coordinator.export_analytics()).success
    before = time.perf_counter()
    await coordinator.aclose()
    assert len(closes.threads) == 2
    assert closes.threads[0] == closes.threads[1] != threading.get_ident()
    assert time.perf_counter() - before < 2.5
    assert ("could not be closed: OSError: no" in caplog.text) == (kind == "raises")


async def test_one_that_lives_on_this_loop_is_delivered_to_and_closed_by_aclose():
    class Bound(Kept):
        def __init__(self) -> None:
            super().__init__()
            self.connection = type("Connection", (), {"_loop": asyncio.get_running_loop()})()
            self.closed_on = None

        async def close(self) -> None:
            self.closed_on = asyncio.get_running_loop()

    bound = Bound()
    coordinator = recording(bound)
    await coordinator.aclose()
    assert bound.numbers == [0, 1, 2]
    assert bound.closed_on is asyncio.get_running_loop()

    coordinator = recording(Bound())
    before = time.perf_counter()
    coordinator.close()  # on the very loop: it cannot wait for itself
    assert time.perf_counter() - before < 1


async def test_after_an_end_a_further_chat_is_delivered():
    kept = Kept()
    orchestrator = AgentOrchestrator(model=ScriptedModel("a", "b"), analytics_coordinator=AnalyticsCoordinator([kept]))
    await orchestrator.chat("Hi")
    orchestrator.close()
    before = len(kept.ids)
    await orchestrator.chat("Hi again")
    result = await orchestrator.analytics_coordinator.export_analytics()
    assert result.success
    assert result.exported_count == len(kept.ids) == len(set(kept.ids)) > before > 0
    orchestrator.close()


async def test_one_that_hangs_over_an_end_is_not_called_again_before_it_returns():
    dead = Dead("here")
    dead.timeout_s = 0.05
    coordinator = recording(dead)
    await coordinator.export_analytics()
    await asyncio.to_thread(coordinator.close, 0.2)
    record(coordinator, 1)
    assert "still running" in (await coordinator.export_analytics()).error
    dead.release.set()
    while not (await coordinator.export_analytics()).success:
        await asyncio.sleep(0.001)
    coordinator.close()


async def test_one_that_is_replaced_ends_its_call_first_and_nothing_is_sent_twice():
    class SlowToEnd(Kept):
        async def export(self, events):
            self.entered = True
            await asyncio.sleep(0.2)
            return await super().export(events)

    first, second = SlowToEnd("here"), SlowToEnd("here")
    coordinator = recording(first)
    exporting = asyncio.ensure_future(coordinator.export_analytics())
    while not hasattr(first, "entered"):
        await asyncio.sleep(0.001)
    coordinator.add_exporter(second)
    record(coordinator, 1, first=3)
    await exporting
    assert (await coordinator.export_analytics()).success
    assert (first.numbers, second.numbers) == ([0, 1, 2], [3])
    coordinator.close()


LATE = """
import pathlib, sys, threading
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.store import open_store

class Kept:
    def export(self, events):
        print(len(events), flush=True)

def work():
    main.join()
    coordinator = AnalyticsCoordinator([Kept()])
    coordinator.attach(open_store(pathlib.Path(sys.argv[1])), session_id="s")
    coordinator.track_event("x_late", {})

main = threading.main_thread()
threading.Thread(target=work).start()
"""


def test_a_thread_that_outlives_the_main_one_can_record_and_deliver(tmp_path):
    command = [sys.executable, "-c", LATE, str(tmp_path / "victor.db")]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    assert (done.stderr, sum(map(int, done.stdout.split()))) == ("", 3)

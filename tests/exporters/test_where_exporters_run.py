"""An exporter runs in its own thread, unless something that it holds belongs to a running event loop."""

from __future__ import annotations

import asyncio
import sqlite3
import threading

import pytest

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.store import SQLiteStore


class Where:
    def __init__(self) -> None:
        self.loops: list[asyncio.AbstractEventLoop] = []

    async def export(self, events: list) -> None:
        self.loops.append(asyncio.get_running_loop())


def attached(*exporters) -> AnalyticsCoordinator:
    coordinator = AnalyticsCoordinator(exporters)
    coordinator.attach(SQLiteStore())
    coordinator.track_event("x_test")
    return coordinator


async def test_each_has_its_own_thread_so_that_blocking_stops_nobody():
    released = threading.Event()

    class Blocking:
        async def export(self, events: list) -> None:
            assert released.wait(10)

    free = Where()
    coordinator = attached(Blocking(), free)
    exporting = asyncio.ensure_future(coordinator.export_analytics())
    while not free.loops:  # both this loop and the other exporter go on
        await asyncio.sleep(0.001)
    assert not exporting.done()
    released.set()
    assert (await exporting).success
    assert asyncio.get_running_loop() not in free.loops
    coordinator.close()


async def test_one_that_holds_a_connection_runs_on_the_loop_of_the_connection():
    class Connection:
        _loop = asyncio.get_running_loop()

    class Bound(Where):
        connection = None

        def __init__(self) -> None:
            super().__init__()
            self.connection = Connection()

    bound = Bound()
    coordinator = attached(bound)
    assert (await coordinator.export_analytics()).success
    assert bound.loops == [asyncio.get_running_loop()]
    coordinator.close()


async def test_one_that_turns_out_to_be_bound_is_moved_to_the_loop_where_it_was_registered():
    class Late(Where):
        def __init__(self) -> None:
            super().__init__()
            self.made_here = [asyncio.get_running_loop().create_future()]
            self.made_here[0].set_result(None)

        async def export(self, events: list) -> None:
            await super().export(events)
            if self.made_here[0].get_loop() is not asyncio.get_running_loop():
                raise RuntimeError("Task got Future attached to a different loop")

    late = Late()
    coordinator = attached(late)
    assert (await coordinator.export_analytics()).success
    assert late.loops[-1] is asyncio.get_running_loop()
    assert len(late.loops) == 2
    coordinator.close()


async def test_a_sqlite_connection_works_in_the_thread_that_opened_it():
    class Rows:
        def __init__(self) -> None:
            self.db = sqlite3.connect(":memory:")
            self.db.execute("CREATE TABLE events (id)")

        async def export(self, events: list) -> None:
            self.db.executemany("INSERT INTO events VALUES (?)", [(event.id,) for event in events])

    rows = Rows()
    coordinator = attached(rows)
    assert (await coordinator.export_analytics()).success
    assert rows.db.execute("SELECT count(*) FROM events").fetchone()[0] > 0
    coordinator.close()
    rows.db.close()


class HalfAResult:
    success = False


@pytest.mark.parametrize(
    "odd", [asyncio.CancelledError(), SystemExit(1), HalfAResult()], ids=lambda given: repr(given).split(" at 0x")[0]
)
async def test_whatever_comes_out_of_an_exporter_delivery_goes_on(odd, caplog):
    class Odd:
        def __init__(self) -> None:
            self.batches: list[list] = []

        async def export(self, events: list):
            self.batches.append(events)
            if len(self.batches) > 1:
                return None
            if isinstance(odd, BaseException):
                raise odd
            return odd

    exporter = Odd()
    coordinator = attached(exporter)
    assert not (await coordinator.export_analytics()).success
    assert (await coordinator.export_analytics()).success
    assert [event.id for event in exporter.batches[0]] == [event.id for event in exporter.batches[1]][:2]
    coordinator.close()


async def test_removing_an_exporter_ends_a_wait_for_it():
    started, released = threading.Event(), threading.Event()

    class Stuck:
        async def export(self, events: list) -> None:
            started.set()
            assert released.wait(10)

    stuck = Stuck()
    coordinator = attached(stuck)
    (delivery,) = coordinator.deliveries
    waiting = asyncio.ensure_future(coordinator.export_analytics())
    await asyncio.to_thread(started.wait)
    coordinator.remove_exporter(stuck)
    assert not (await waiting).success
    delivery.notify()
    assert await delivery.drain() is False
    released.set()
    delivery.join(10)

"""An exporter runs in its own thread, unless something that it holds belongs to a running event loop."""

from __future__ import annotations

import asyncio
import threading

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

"""A kernel's beginning and end: where its turns come from, and what is left of them when it is gone."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from support.cells import connect, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

NewKernel = Callable[..., Kernel]
DEAD_EXPORTER = """
import httpx
from victor_nb.exporters.base import BaseAnalyticsExporter
class Webhook(BaseAnalyticsExporter):
    async def export(self, events):
        async with httpx.AsyncClient() as client:
            await client.post("http://127.0.0.1:9/", json=[event.model_dump() for event in events])
vn.add_exporter(Webhook())
"""
HANGING_EXPORTER = """
import time
from victor_nb.exporters.base import BaseAnalyticsExporter
class Webhook(BaseAnalyticsExporter):
    async def export(self, events):
        time.sleep(60)
vn.add_exporter(Webhook())
"""


def test_a_turn_knows_its_cell_and_notebook(new_kernel: NewKernel, llm_server: LLMServer) -> None:
    kernel = connect(new_kernel(env={"JPY_SESSION_NAME": "/home/me/study.ipynb"}), llm_server)
    for source, cell_id in (
        ("%%victor\nHi", "abc"),
        ("await vn.orchestrator.chat('Hi')", "def"),
        ("%%victor\nHi", None),
    ):
        assert kernel.wait(kernel.start(source, cell_id=cell_id)).status == "ok"
    turns = "vn.analytics.turns()"
    assert value_of(kernel, f"{turns}.cell_id.fillna('none').tolist()") == "['abc', 'def', 'none']"
    assert value_of(kernel, f"{turns}.execution_count.tolist()") == "[2, 3, 4]"
    assert value_of(kernel, f"{turns}.notebook.unique().tolist()") == "['/home/me/study.ipynb']"


def turns_on_disk(home: Path) -> int:
    with closing(sqlite3.connect(home / "victor.db")) as database:
        return database.execute("SELECT count(*) FROM events WHERE type = 'turn_started'").fetchone()[0]


def test_a_killed_kernel_leaves_an_interrupted_turn(
    new_kernel: NewKernel, llm_server: LLMServer, own_home: Path
) -> None:
    gate = threading.Event()
    kernel = connect(new_kernel(), llm_server)
    run_ok(kernel, "%%victor\nHi")
    llm_server.reply(chunks=("It begins, ", "and ends."), gate=gate, gate_after=1)
    cell = kernel.start("%%victor\nHi")
    kernel.wait_until(cell, lambda result: result.displays and turns_on_disk(own_home) == 2)
    kernel.kill()
    llm_server.wait_for_disconnect()
    gate.set()
    later = new_kernel()
    run_ok(later, "import victor_nb as vn\nturns = vn.analytics.turns(all=True)")
    assert value_of(later, "turns.status.tolist()") == "['ok', 'interrupted']"
    assert value_of(later, "vn.analytics.sessions(all=True).ended.tolist()") == "['killed']"


def seconds_to_end(kernel: Kernel) -> float:
    """A clean shutdown, by the front end's request."""
    began = time.perf_counter()
    kernel.client.shutdown()
    deadline = began + 30
    while kernel.manager.is_alive():
        assert time.perf_counter() < deadline, "the kernel does not end"
        time.sleep(0.01)
    return time.perf_counter() - began


def test_the_end_does_not_wait_for_a_dead_destination(new_kernel: NewKernel, llm_server: LLMServer) -> None:
    seconds: dict[str, float] = {}
    for name, exporter in {"none": "", "dead": DEAD_EXPORTER, "hanging": HANGING_EXPORTER}.items():
        kernel = connect(new_kernel(), llm_server)
        run_ok(kernel, exporter)
        run_ok(kernel, "%%victor\nHi")
        seconds[name] = seconds_to_end(kernel)
    print("shutdown:", {name: f"{value:.2f} s" for name, value in seconds.items()})
    assert seconds["dead"] < seconds["none"] + 6
    assert seconds["hanging"] < seconds["none"] + 6
    later = new_kernel()
    run_ok(later, "import victor_nb as vn\nevents = vn.analytics.events(all=True)")
    assert value_of(later, "vn.analytics.sessions(all=True).ended.tolist()") == "['clean', 'clean', 'clean']"
    assert value_of(later, "events.type.tolist().count('turn_completed')") == "3"


def test_a_dead_destination_leaves_its_events_pending(chat_kernel: Kernel) -> None:
    run_ok(chat_kernel, DEAD_EXPORTER)
    run_ok(chat_kernel, "%%victor\nHi")
    run_ok(chat_kernel, "result = await vn.orchestrator.analytics_coordinator.export_analytics()")
    assert value_of(chat_kernel, "(result.success, result.exported_count)") == "(False, 0)"
    assert value_of(chat_kernel, "result.pending > 5") == "True"

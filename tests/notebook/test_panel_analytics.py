"""The Analytics panel, seen through the messages that a front end gets and sends."""

from __future__ import annotations

import threading

import pytest
from support.cells import run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer
from support.widgets import WidgetModels

Shared = tuple[Kernel, LLMServer]
RECORDS = """
from victor_nb.errors import ExportError

class Picky(vn.BaseAnalyticsExporter):
    destination = "https://example.org/<b>"
    open = False
    async def export(self, events):
        if not self.open:
            raise ExportError("<i>no</i> such thing", retryable=False)

picky = Picky()
vn.add_exporter(picky)
"""


@pytest.fixture
def panel(shared: Shared) -> WidgetModels:
    models = WidgetModels(shared[0])
    run_ok(shared[0], "import victor_nb.notebook.panels.frame as frame\nframe.close_panel()\n%victor panel analytics")
    return models


def test_it_is_live_while_a_turn_runs(panel: WidgetModels, shared: Shared) -> None:
    panel.wait_for("Analytics</b>")
    gate = threading.Event()
    shared[1].reply(chunks=("First. ", "Last."), gate=gate, gate_after=2)
    cell = panel.kernel.start("%%victor\nWhat is <b>live</b>?")
    try:
        panel.wait_for("running")
        panel.wait_for("What is &lt;b&gt;live&lt;/b&gt;?")
        assert not cell.done
    finally:
        gate.set()
    panel.kernel.wait(cell)
    panel.wait_for(">ok<")


def test_turns_that_failed_are_on_top_with_their_reason(panel: WidgetModels, shared: Shared) -> None:
    shared[1].reply(status=400, error="<img src=x>")
    assert panel.kernel.run("%%victor\nFail").status == "error"
    run_ok(panel.kernel, "%%victor\nFine")
    panel.wait_for('<td class="text">Fine')
    listed = panel.text().partition("1 turn failed")[2]
    assert "&lt;img src=x&gt;" in listed
    assert 0 < listed.find("Fail") < listed.find("Fine")


def test_every_list_says_that_nothing_is_left_out(panel: WidgetModels, shared: Shared) -> None:
    run_ok(panel.kernel, "%%victor --tag variant=B\nFill the lists")
    panel.wait_for("Fill the lists")
    for name in ("Model", "Session", "Tag", "Time"):
        picker = panel.states[panel.find("DropdownModel", description=name)]
        assert picker["_options_labels"][picker["index"]].startswith("all "), name


def test_what_is_chosen_is_shown_and_stays_chosen(panel: WidgetModels) -> None:
    run_ok(panel.kernel, "%%victor --tag variant=A -s other\nOf another session")
    panel.wait_for("Of another session")
    for name, label in (("Session", "other"), ("Tag", "variant=A")):
        picker = panel.find("DropdownModel", description=name)
        panel.set(picker, index=panel.states[picker]["_options_labels"].index(label))
        panel.wait_for({"Session": "session: other", "Tag": "tags: variant=A"}[name])
    assert "1 turn" in panel.text() or "one turn" in panel.text()
    run_ok(panel.kernel, "%%victor -s third\nNot of it")
    panel.kernel.wait_for(
        lambda: "third" in panel.states[panel.find("DropdownModel", description="Session")]["_options_labels"]
    )
    assert "Not of it" not in panel.text()


def test_nothing_is_read_when_nothing_happened(panel: WidgetModels) -> None:
    panel.wait_for("nothing lost")
    for _ in range(6):  # until what was under way on a busy machine has come
        before = len(panel.messages)
        run_ok(panel.kernel, "import time; time.sleep(1.5)")
        if len(panel.messages) == before:
            break
    assert len(panel.messages) == before


def test_it_is_not_read_again_too_soon(panel: WidgetModels) -> None:
    panel.wait_for("nothing lost")
    rested = "tab = frame._open._tabs['analytics']\ntab._rested = float('inf')\nbefore = tab.version()\n"
    run_ok(panel.kernel, rested + "await vn.orchestrator.analytics_coordinator.track_event('x_seen')")
    assert value_of(panel.kernel, "tab.version() == before") == "True"
    run_ok(panel.kernel, "tab._rested = 0")
    assert value_of(panel.kernel, "tab.version() == before") == "False"


def test_what_was_refused_is_shown_and_tried_again(panel: WidgetModels) -> None:
    run_ok(panel.kernel, RECORDS)
    panel.wait_for("&lt;i&gt;no&lt;/i&gt; such thing")
    run_ok(panel.kernel, "picky.open = True")
    panel.kernel.wait_for(lambda: not panel.states[panel.button("Retry refused")]["disabled"])
    panel.click("Retry refused")
    panel.wait_for("✓ Picky")
    panel.kernel.wait_for(lambda: panel.states[panel.button("Retry refused")]["disabled"])
    assert "https://example.org/&lt;b&gt;" in panel.text()


def test_it_is_made_again_from_the_store_after_a_restart(shared: Shared, panel: WidgetModels) -> None:
    panel.wait_for("Analytics</b>")
    run_ok(shared[0], "frame.close_panel()")
    assert panel.visible() == []
    run_ok(shared[0], "%victor panel analytics")
    panel.wait_for("nothing lost")

"""Tools of a panel's turn: on the main thread when it is free, asked about in the panel, silent in cells."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from support.cells import run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer
from support.widgets import WidgetModels, open_panel

Shared = tuple[Kernel, LLMServer]
TOOLS = """
import asyncio, sys, threading, time
from IPython.display import display
from victor_nb.agent.tools import tool as marked
log, wiped = [], []

@vn.tool
def look(n: int) -> str:
    '''Look.'''
    log.append(threading.current_thread() is threading.main_thread())
    print('printed <b>', n)
    print('to stderr', file=sys.stderr)
    display('displayed')
    return 'seen'

@vn.tool
async def wait_a_bit() -> str:
    '''Wait.'''
    print('printed by a coroutine')
    return 'waited'

@vn.tool
def draw() -> str:
    '''Draw.'''
    import matplotlib.pyplot as plt
    plt.plot([1, 2])
    return 'drawn'

@vn.tool
def spin() -> str:
    '''Spin.'''
    log.append('spins')
    print('spinning')
    time.sleep(30)
    return 'over'

@marked(requires_approval=True)
def wipe(path: str) -> str:
    '''Wipe.'''
    wiped.append(path)
    return 'gone'
vn.tool(wipe)
"""


@pytest.fixture
def panel(shared: Shared) -> WidgetModels:
    if value_of(shared[0], "'wiped' in globals()") == "False":
        run_ok(shared[0], TOOLS)
    run_ok(shared[0], "log.clear(); wiped.clear()")
    return open_panel(shared[0])


def ask(panel: WidgetModels, server: LLMServer, tool: str, **arguments: Any) -> None:
    server.reply(tool_calls=[(tool, arguments)])
    server.reply("Done with it.")
    panel.enter(panel.find("TextModel"), f"Use {tool}")


def result(server: LLMServer) -> str:
    return next(m["content"] for m in reversed(server.requests[-1].body["messages"]) if m["role"] == "tool")


def test_it_runs_on_the_main_thread_and_prints_into_the_panel(panel: WidgetModels, shared: Shared) -> None:
    ask(panel, shared[1], "look", n=7)
    panel.wait_for("Done with it.")
    panel.wait_for("printed &lt;b&gt; 7\nto stderr\n&#x27;displayed&#x27;")
    panel.wait_for("<summary><code>look({&quot;n&quot;: 7})</code> ✓")
    assert value_of(panel.kernel, "log") == "[True]"
    assert run_ok(panel.kernel, "print('as ever')").stdout == "as ever\n"


def test_it_runs_while_a_cell_awaits_which_shows_nothing_of_it(panel: WidgetModels, shared: Shared) -> None:
    cell = panel.kernel.start("while not log: await asyncio.sleep(0.05)\nprint('cell')")
    ask(panel, shared[1], "look", n=1)
    done = panel.kernel.wait(cell)
    assert (done.stdout, done.stderr, done.displays) == ("cell\n", "", [])
    panel.wait_for("Done with it.")
    panel.wait_for("printed &lt;b&gt; 1")


def test_it_waits_for_a_cell_that_computes_and_says_so(panel: WidgetModels, shared: Shared) -> None:
    before = len(shared[1].requests)
    shared[1].reply(tool_calls=[("look", {"n": 2})], delay_s=0.5)
    shared[1].reply("Done with it.")
    panel.enter(panel.find("TextModel"), "Use look")
    panel.kernel.wait_for(lambda: len(shared[1].requests) > before)
    cell = panel.kernel.start("time.sleep(2.5)\nlog.append('cell')")
    panel.wait_for("Waiting for the kernel")
    assert panel.kernel.wait(cell).outputs == []
    panel.wait_for("Done with it.")
    assert value_of(panel.kernel, "log") == "['cell', True]"
    assert "Waiting for the kernel" not in panel.text()


def test_a_tool_whose_time_was_up_before_the_kernel_was_free_waits_no_more(panel: WidgetModels, shared: Shared) -> None:
    gate, before = threading.Event(), len(shared[1].requests)
    run_ok(panel.kernel, "@vn.tool(timeout_s=1)\ndef late() -> str:\n    return 'late'")
    shared[1].reply(tool_calls=[("late", {})], delay_s=0.5)
    shared[1].reply(chunks=("Done", "."), gate=gate, gate_after=1)
    panel.enter(panel.find("TextModel"), "Use late")
    panel.kernel.wait_for(lambda: len(shared[1].requests) > before)
    cell = panel.kernel.start("time.sleep(2.5)")
    panel.kernel.wait(cell)
    panel.wait_for("<p>Done</p>")
    assert "Waiting for the kernel" not in panel.text()
    gate.set()
    panel.wait_for("Done.")


def test_a_cell_that_waits_for_the_conversation_lets_the_tool_run(panel: WidgetModels, shared: Shared) -> None:
    before = len(shared[1].requests)
    shared[1].reply(tool_calls=[("look", {"n": 3})], delay_s=1)
    shared[1].reply("Done with it.")
    shared[1].reply("And the cell's.")
    panel.enter(panel.find("TextModel"), "Use look")
    panel.kernel.wait_for(lambda: len(shared[1].requests) > before)
    done = run_ok(panel.kernel, "%%victor\nAnd you?")
    assert "And the cell" in done.displays[-1]["text/plain"]
    assert (done.stdout, done.stderr) == ("", "")
    assert value_of(panel.kernel, "log") == "[True]"
    assert value_of(panel.kernel, "len(vn.conversation.turn_ids)") == "2"


def test_a_figure_that_it_leaves_open_is_not_shown_by_the_next_cell(panel: WidgetModels, shared: Shared) -> None:
    run_ok(panel.kernel, "%matplotlib inline")
    ask(panel, shared[1], "draw")
    panel.wait_for("Done with it.")
    assert run_ok(panel.kernel, "1").displays == [{"text/plain": "1"}]


def test_a_coroutine_prints_into_the_panel_too(panel: WidgetModels, shared: Shared) -> None:
    ask(panel, shared[1], "wait_a_bit")
    panel.wait_for("Done with it.")
    panel.wait_for("printed by a coroutine")


def test_the_kernels_interrupt_stops_a_tool_and_its_turn(panel: WidgetModels, shared: Shared) -> None:
    shared[1].reply(tool_calls=[("spin", {})])
    panel.enter(panel.find("TextModel"), "Use spin")
    panel.wait_for("spinning")
    panel.kernel.interrupt()
    panel.wait_for("✗ interrupted")
    assert value_of(panel.kernel, "log") == "['spins']"


@pytest.mark.parametrize(("button", "made"), [("Allow once", True), ("Deny", False)])
def test_a_call_is_asked_about_with_all_its_arguments(
    panel: WidgetModels, shared: Shared, button: str, made: bool
) -> None:
    path = f"<img src=x onerror=alert(1)>{'x' * 5000}/end"
    ask(panel, shared[1], "wipe", path=path)
    panel.wait_for("The model wants to run a tool")
    assert f"wipe(path={json.dumps(path)})" in panel.text().replace("&lt;", "<").replace("&gt;", ">").replace(
        "&quot;", '"'
    )
    assert "<img" not in panel.text()
    panel.click(button)
    panel.wait_for("Done with it.")
    assert (result(shared[1]) == "gone") is made
    assert "The model wants" not in panel.text()


def test_an_approval_asked_while_the_panel_is_closed_is_denied(panel: WidgetModels, shared: Shared) -> None:
    panel.set(panel.visible()[0], _view_count=1)
    panel.set(panel.visible()[0], _view_count=0)
    ask(panel, shared[1], "wipe", path="a")
    panel.wait_for("Done with it.")
    assert "not approved" in result(shared[1])


def test_a_question_is_no_end_to_a_cell_that_waits_for_its_turn(panel: WidgetModels, shared: Shared) -> None:
    ask(panel, shared[1], "wipe", path="a")
    panel.wait_for("The model wants to run a tool")
    shared[1].reply("And the cell's.")
    assert "And the cell" in run_ok(panel.kernel, "%%victor\nAnd you?").displays[-1]["text/plain"]
    assert value_of(panel.kernel, "wiped") == "[]"


def test_always_asks_no_more(panel: WidgetModels, shared: Shared) -> None:
    ask(panel, shared[1], "wipe", path="a")
    panel.wait_for("The model wants to run a tool")
    panel.click("Always")
    panel.wait_for("Done with it.")
    ask(panel, shared[1], "wipe", path="b")
    panel.wait_for("wipe({&quot;path&quot;: &quot;b&quot;})</code> ✓")
    assert value_of(panel.kernel, "wiped") == "['a', 'b']"


def test_expressions_in_a_question_are_evaluated_on_the_main_thread(panel: WidgetModels, shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "def here():\n    print('looked'); return threading.current_thread() is threading.main_thread()")
    server.reply("So it is.")
    panel.enter(panel.find("TextModel"), "Is it {{ here() }}?")
    panel.wait_for("So it is.")
    panel.wait_for("looked")
    assert server.requests[-1].body["messages"][-1]["content"] == "Is it True?"
    panel.enter(panel.find("TextModel"), "Is it {{ heres() }}?")
    panel.wait_for("{{ heres() }} on line 1: NameError: name &#x27;heres&#x27; is not defined.")

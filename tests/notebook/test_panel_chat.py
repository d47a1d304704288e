"""The Chat panel, seen through the messages that a front end gets and sends."""

from __future__ import annotations

import threading

import pytest
from support.cells import error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer
from support.widgets import WidgetModels, open_panel

Shared = tuple[Kernel, LLMServer]

THINKS = """
from victor_nb.testing import ScriptedModel
from victor_nb.testing import Reply
_ = await vn.orchestrator.use_model(ScriptedModel(Reply("An answer.", reasoning="Let me <b>think</b>.")))
"""


@pytest.fixture
def panel(shared: Shared) -> WidgetModels:
    return open_panel(shared[0])


def ask(panel: WidgetModels, text: str) -> None:
    panel.enter(panel.find("TextModel"), text)


def test_it_is_a_widget_with_words_for_those_who_see_none(shared: Shared) -> None:
    shown = run_ok(shared[0], "%victor panel").displays
    assert set(shown[0]) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert "pip install" in shown[0]["text/plain"]


def test_enter_sends_and_the_answer_is_in_the_conversation(panel: WidgetModels) -> None:
    ask(panel, "What is *this*? <b>")
    panel.wait_for("<p>Hello from the loopback server.</p>")
    assert "What is *this*? &lt;b&gt;" in panel.text()
    assert panel.states[panel.find("TextModel")]["value"] == ""
    assert value_of(panel.kernel, "[m.role for m in vn.conversation.messages]") == "['user', 'assistant']"


def test_it_streams_while_a_cell_awaits_and_the_cell_shows_nothing_of_it(panel: WidgetModels, shared: Shared) -> None:
    gate = threading.Event()
    shared[1].reply(chunks=("First. ", "Last."), gate=gate, gate_after=2)
    cell = panel.kernel.start("import asyncio\nwhile not vn.conversation.turn_ids: await asyncio.sleep(0.05)\n'over'")
    panel.set(panel.find("TextModel"), value="Go on")
    panel.click("Send")
    panel.wait_for("First.")
    assert not cell.done
    gate.set()
    panel.wait_for("First. Last.")
    assert panel.kernel.wait(cell).displays == [{"text/plain": "'over'"}]


def test_what_the_model_thought_is_folded_and_stays(panel: WidgetModels, shared: Shared) -> None:
    run_ok(panel.kernel, THINKS)
    ask(panel, "Think")
    panel.wait_for("Copy</summary>")
    assert "<summary>Reasoning</summary><pre>Let me &lt;b&gt;think&lt;/b&gt;.</pre>" in panel.text()
    run_ok(panel.kernel, f"%victor use {shared[1].openai_url}#m")


def test_what_a_cell_asks_shows_up(panel: WidgetModels) -> None:
    run_ok(panel.kernel, "%%victor\nAsked in a cell")
    panel.wait_for("Asked in a cell")


def test_a_turn_that_fails_gives_the_question_back(panel: WidgetModels, shared: Shared) -> None:
    shared[1].reply(status=400, error="no such thing")
    ask(panel, "Try this")
    panel.wait_for("no such thing")
    panel.kernel.wait_for(lambda: panel.states[panel.find("TextModel")]["value"] == "Try this")
    assert value_of(panel.kernel, "vn.conversation.turn_ids") == "()"


def test_a_turn_that_is_stopped_in_the_queue_gives_the_question_back(panel: WidgetModels, shared: Shared) -> None:
    """Another turn that ends meanwhile, and is the orchestrator's last, is not its answer."""
    gate = threading.Event()
    shared[1].reply(chunks=("Long", "er."), gate=gate, gate_after=1)
    run_ok(panel.kernel, "import asyncio\nfirst = asyncio.create_task(vn.orchestrator.chat('Long', on_chunk=print))")
    ask(panel, "Me too")
    panel.wait_for("Me too")
    run_ok(panel.kernel, "_ = await vn.orchestrator.chat('Short', session_id='other')")
    panel.click("Stop")
    panel.kernel.wait_for(lambda: panel.states[panel.find("TextModel")]["value"] == "Me too")
    gate.set()
    run_ok(panel.kernel, "_ = await first")


SLOW_STORE = """
import time
coordinator = vn.orchestrator.context_coordinator
quick = coordinator.conversation
coordinator.conversation = lambda *given: time.sleep(0.3) or quick(*given)
"""


def test_of_two_questions_at_once_one_is_asked(panel: WidgetModels, shared: Shared) -> None:
    gate, before = threading.Event(), len(shared[1].requests)
    shared[1].reply(chunks=("Long", "er."), gate=gate, gate_after=1)
    run_ok(panel.kernel, SLOW_STORE)
    for question in ("One", "Two"):
        ask(panel, question)
        panel.kernel.wait_for(lambda: panel.states[panel.find("TextModel")]["value"] == "")
    panel.kernel.wait_for(lambda: panel.states[panel.find("TextModel")]["value"] == "Two")
    gate.set()
    run_ok(panel.kernel, "del coordinator.conversation")
    panel.wait_for("Longer.")
    assert len(shared[1].requests) == before + 1


def test_a_panel_that_is_no_panel_is_refused(shared: Shared) -> None:
    assert error_of(shared[0], "%victor panel chta").traceback[0].endswith("Did you mean 'chat'?")
    assert error_of(shared[0], "vn.panel('x')").ename == "UsageError"

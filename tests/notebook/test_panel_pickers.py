"""Around the chat: which session, which model, earlier turns, code, an end; and a panel made again after a restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from support.cells import connect, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer
from support.widgets import WidgetModels, open_panel

Shared = tuple[Kernel, LLMServer]
TURNS = """
conversation = vn.orchestrator.context_coordinator.conversation()
from victor_nb.messages import Message, new_id
for number in range({turns}):
    turn = new_id()
    conversation.begin_turn(turn)
    conversation.append(Message("user", f"Question {{number}}.", turn_id=turn))
    conversation.append(Message("assistant", f"Answer {{number}}.", turn_id=turn))
    conversation.commit_turn()
"""


@pytest.fixture
def panel(shared: Shared) -> WidgetModels:
    return open_panel(shared[0])


def ask(panel: WidgetModels, text: str) -> None:
    panel.enter(panel.find("TextModel"), text)


def test_stop_keeps_what_has_come(panel: WidgetModels, shared: Shared) -> None:
    shared[1].reply(chunks=("First. ", "Last."), gate=threading.Event(), gate_after=2)
    ask(panel, "Go on")
    panel.wait_for("First.")
    panel.click("Stop")
    panel.wait_for("[interrupted by the user]")
    assert "First." in value_of(panel.kernel, "vn.conversation.messages[-1].content")
    assert value_of(panel.kernel, "vn.orchestrator.last_response.status") == "'interrupted'"


def test_the_kernels_interrupt_stops_it_while_no_cell_runs(panel: WidgetModels, shared: Shared) -> None:
    shared[1].reply(chunks=("First. ", "Last."), gate=threading.Event(), gate_after=2)
    ask(panel, "Go on")
    panel.wait_for("First.")
    panel.kernel.interrupt()
    panel.wait_for("[interrupted by the user]")
    assert run_ok(panel.kernel, "1 + 1").displays == [{"text/plain": "2"}]


def test_a_question_that_comes_too_early_is_given_back(panel: WidgetModels, shared: Shared) -> None:
    gate = threading.Event()
    shared[1].reply(chunks=("First. ", "Last."), gate=gate, gate_after=2)
    ask(panel, "Go on")
    panel.wait_for("First.")
    ask(panel, "And this?")
    panel.wait_for("An answer is being given here")
    panel.kernel.wait_for(lambda: panel.states[panel.find("TextModel")]["value"] == "And this?")
    gate.set()
    panel.wait_for("First. Last.")


def test_another_session_is_gone_to_and_come_back_from(panel: WidgetModels) -> None:
    ask(panel, "In the first one")
    panel.wait_for("Hello from the loopback")
    picker = panel.find("DropdownModel")
    before = value_of(panel.kernel, "vn.orchestrator.session_id")
    panel.kernel.wait_for(lambda: any("first one" in label for label in panel.states[picker]["_options_labels"]))
    panel.set(picker, index=len(panel.states[picker]["_options_labels"]) - 1)
    panel.wait_for("In the session chat-1, cells too.")
    assert "In the first one" not in panel.text()
    assert value_of(panel.kernel, "vn.orchestrator.session_id") == "'chat-1'"
    run_ok(panel.kernel, f"vn.orchestrator.use_session({before})")
    panel.wait_for("In the first one")


def test_a_model_is_chosen_for_cells_too_and_a_wrong_one_is_not(panel: WidgetModels, shared: Shared) -> None:
    field = panel.find("ComboboxModel")
    panel.kernel.wait_for(lambda: panel.states[field]["value"] and "demo" in panel.states[field]["options"])
    named = panel.states[field]["value"]
    panel.set(field, value="opnai:gpt-5")
    panel.wait_for("There is no provider")
    panel.kernel.wait_for(lambda: panel.states[field]["value"] == named)
    panel.set(field, value="demo")
    panel.wait_for("Using demo, in cells too.")
    assert "demo" in run_ok(panel.kernel, f"%victor model\n%victor use {shared[1].openai_url}#m").stdout


def test_of_a_thousand_turns_the_last_ones_are_seen_and_others_on_request(panel: WidgetModels) -> None:
    run_ok(panel.kernel, TURNS.format(turns=1000))
    panel.wait_for("Answer 999.")
    assert panel.text().count("Question ") == 20
    sent = len(panel.messages)
    panel.click("Show earlier turns (980 more)")
    panel.wait_for("Answer 960.")
    assert panel.text().count("Question ") == 40
    assert not any("Answer 999." in str(message["content"]) for message in panel.messages[sent:])


def test_code_is_offered_to_the_next_cell(panel: WidgetModels, shared: Shared) -> None:
    shared[1].reply("So:\n```python\nanswer = 42\n```")
    ask(panel, "Code, please")
    panel.kernel.wait_for(
        lambda: any(panel.states[name].get("description") == "Insert code" for name in panel.visible())
    )
    run_ok(panel.kernel, "%%victor\nSomething else")
    panel.click("Insert code")
    panel.wait_for("Run %victor paste in a cell")
    pasted = panel.kernel.run("%victor paste")
    assert [one["text"] for one in (pasted.reply or {})["payload"] if one["source"] == "set_next_input"] == [
        "answer = 42"
    ]


def test_hostile_texts_are_text(panel: WidgetModels, shared: Shared) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    run_ok(panel.kernel, f"vn.orchestrator.use_session({hostile!r})")
    shared[1].reply(f"{hostile}\n\n```html\n{hostile}\n```\n</textarea>{hostile}")
    ask(panel, hostile)
    panel.kernel.wait_for(lambda: panel.text().count("&lt;img") > 4)
    shared[1].reply(status=400, error=hostile)
    ask(panel, "Fail")
    panel.wait_for('class="error"')
    assert "<img" not in panel.text()
    assert "</textarea><" not in panel.text().replace("</textarea></details>", "")


def test_a_closed_panel_does_nothing_more_and_the_next_line_makes_another(panel: WidgetModels) -> None:
    old = set(panel.states)
    assert "closed" in run_ok(panel.kernel, "old = vn.panel()\nold.close()\nold").displays[-1]["text/plain"]
    with suppress(TimeoutError):
        panel.kernel.wait_for(lambda: not set(panel.states) & old, 5)
    assert [state["_model_name"] for name, state in panel.states.items() if name in old] == []
    assert value_of(panel.kernel, "len(old.work._running)") == "0"
    run_ok(panel.kernel, "%victor panel")
    panel.kernel.wait_for(lambda: panel.find("TextModel"))


def test_after_a_restart_one_line_brings_the_same_transcript(
    new_kernel: Callable[..., Kernel], llm_server: LLMServer
) -> None:
    def last_turn(question: str = "") -> str:
        kernel = connect(new_kernel({"JPY_SESSION_NAME": "/home/me/thesis.ipynb"}), llm_server)
        models = WidgetModels(kernel)
        run_ok(kernel, "%victor panel")
        if question:
            ask(models, question)
        kernel.wait_for(lambda: "m · 10 in" in models.texts()[-1] and "Copy</summary>" in models.texts()[-1])
        kernel.close()
        return models.texts()[-1]

    before = last_turn("Kept?")
    assert "Hello from the loopback server" in before
    assert last_turn() == before

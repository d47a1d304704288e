"""The Context panel, seen through the messages that a front end gets and sends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.cells import connect, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer
from support.widgets import WidgetModels

Shared = tuple[Kernel, LLMServer]
TALK = """
import uuid
from victor_nb.messages import Message

vn.orchestrator.use_session(uuid.uuid4().hex)
talk = vn.orchestrator.context_coordinator.conversation()
for number in range({turns}):
    talk.append(Message("user", f"Question {{number}} <b>about</b> it. " + "word " * 40))
    talk.append(Message("assistant", f"Answer {{number}}. " + "word " * 40))
"""


@pytest.fixture
def panel(shared: Shared) -> WidgetModels:
    """Of a conversation of thirty turns."""
    models = WidgetModels(shared[0])
    opened = "import victor_nb.notebook.panels.frame as frame\nframe.close_panel()\n%victor panel context"
    run_ok(shared[0], TALK.format(turns=30) + opened)
    models.wait_for("60 messages")
    return models


def test_it_tells_what_the_window_holds_by_role(panel: WidgetModels) -> None:
    panel.wait_for('role="img"')
    assert "60 messages" in panel.text()
    assert "user" in panel.text()
    assert "known with the first answer" in panel.text()
    run_ok(panel.kernel, "%%victor\nNow")
    panel.wait_for("made smaller at")


def test_compact_and_undo(panel: WidgetModels) -> None:
    assert panel.states[panel.button("Undo")]["disabled"]
    panel.click("Preview")
    panel.wait_for("Compact would bring it from")
    assert value_of(panel.kernel, "len(vn.conversation.records())") == "0"
    panel.click("Compact")
    panel.wait_for("Undo takes it back")
    panel.wait_for("made smaller")
    assert "Not sent as it was" in panel.text()
    panel.kernel.wait_for(lambda: not panel.states[panel.button("Undo")]["disabled"])
    panel.click("Undo")
    panel.wait_for("Undone: the conversation takes about")
    panel.wait_for("undone")
    panel.kernel.wait_for(lambda: panel.states[panel.button("Undo")]["disabled"])
    assert value_of(panel.kernel, "vn.conversation.records()[0].undone") == "'undo'"


def test_a_strategy_that_takes_long_can_be_stopped_and_blocks_nothing(panel: WidgetModels) -> None:
    slow = (
        "class Slow:\n    async def compact(self, context):\n        import asyncio\n        await asyncio.sleep(60)\n"
    )
    run_ok(panel.kernel, slow + "coordinator = vn.orchestrator.context_coordinator\nbefore = coordinator._compact")
    run_ok(panel.kernel, "from victor_nb.context.base import compactor\ncoordinator._compact = compactor(Slow())")
    panel.click("Compact")
    panel.wait_for("Making it smaller…")
    run_ok(panel.kernel, "%%victor\nMeanwhile")
    panel.click("Stop")
    panel.wait_for("Stopped; nothing has changed.")
    run_ok(panel.kernel, "coordinator._compact = before")
    assert value_of(panel.kernel, "len(vn.conversation.records())") == "0"


def test_pins_are_set_by_number_or_words_and_taken_back(panel: WidgetModels) -> None:
    field = panel.find("TextModel", placeholder="a message: its number, or words that only it holds")
    panel.enter(field, "4")
    panel.wait_for("4 · user · Question 2 &lt;b&gt;about&lt;/b&gt; it.")
    panel.set(field, value="Answer 7.")
    panel.click("Pin")
    panel.wait_for("15 · assistant · Answer 7.")
    assert value_of(panel.kernel, "[n for n, m in enumerate(vn.conversation.messages) if m.pinned]") == "[4, 15]"
    panel.click("Unpin")
    panel.wait_for("No longer pinned: Question 2")
    panel.kernel.wait_for(lambda: "4 · user" not in panel.text())


def test_a_pin_that_points_nowhere_is_told_in_one_line(panel: WidgetModels) -> None:
    panel.enter(panel.find("TextModel", placeholder="a message: its number, or words that only it holds"), "999")
    panel.wait_for("there is no message 999. → there are 60, counted from 0")


def test_search_finds_what_is_sent_and_what_is_not(panel: WidgetModels) -> None:
    run_ok(panel.kernel, "vn.conversation.compact()")
    field = panel.find("TextModel", placeholder="in all messages")
    panel.enter(field, "Question 3 <b>")
    panel.wait_for("1 message")
    assert "Question 3 &lt;b&gt;about&lt;/b&gt;" in panel.text()
    panel.enter(field, "nowhere <i>")
    panel.wait_for("No message holds “nowhere &lt;i&gt;”.")


def test_a_thousand_turns_are_a_few_rows(shared: Shared) -> None:
    models = WidgetModels(shared[0])
    opened = "import victor_nb.notebook.panels.frame as frame\nframe.close_panel()\n%victor panel context"
    run_ok(shared[0], TALK.format(turns=1000) + opened)
    models.wait_for("2,000 messages")
    models.click("Compact")
    models.wait_for("Not sent as it was")
    assert "the latest 12 of" in models.text()
    assert len(models.text()) < 25_000
    assert len(models.visible()) < 60


def test_after_a_restart_one_line_makes_the_panels_again(
    new_kernel: Callable[..., Kernel], llm_server: LLMServer
) -> None:
    here = {"JPY_SESSION_NAME": "/home/me/kept.ipynb"}
    first = connect(new_kernel(here), llm_server)
    run_ok(first, "%victor session kept")
    run_ok(first, "%%victor\nRemember me")
    run_ok(first, TALK.partition("talk =")[0].replace("vn.orchestrator.use_session(uuid.uuid4().hex)", ""))
    run_ok(first, "talk =" + TALK.partition("talk =")[2].format(turns=30) + "vn.conversation.compact()")
    first.close()
    second = connect(new_kernel(here), llm_server)
    run_ok(second, "%victor session kept")
    panel = WidgetModels(second)
    run_ok(second, "%victor panel context")
    panel.wait_for("made smaller")
    panel.wait_for("62 messages")
    panel.kernel.wait_for(lambda: not panel.states[panel.button("Undo")]["disabled"])
    run_ok(second, "%victor panel analytics")
    panel.wait_for("Remember me")

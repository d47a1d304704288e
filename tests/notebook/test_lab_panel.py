"""The Chat panel in a real JupyterLab: typed into, streaming beside a cell, stopped, asked for its word, made again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.lab import Lab, LabPage

pytestmark = pytest.mark.browser

SETUP = """
%load_ext victor_nb
import asyncio
import victor_nb as vn
from victor_nb.messages import ToolCall
from victor_nb.testing import ScriptedModel
deleted = []
@vn.tool(requires_approval=True)
def delete(path: str) -> str:
    "Delete a file."
    print("deleting", path)
    deleted.append(path)
    return "gone"
model = ScriptedModel({answers}, delay_s=0.05)
_ = await vn.orchestrator.use_model(model)
"""
FORMULA = r"The mean is $\hat\mu = \frac{1}{n}\sum_i x_i$, for $5."


class ChatOnPage:
    """The panel in the output of a cell, for a person who types and clicks."""

    def __init__(self, lab: Lab, *answers: str, cell: str = "1 + 1") -> None:
        setup = SETUP.format(answers=", ".join(answers))
        self.page: LabPage = lab.open(lab.notebook(setup, "%victor panel", cell))
        self._lab = lab
        self.show()

    def show(self) -> None:
        self.page.run_cell(0)
        self.page.run_cell(1)
        self.wait_for("Send")

    def wait_for(self, text: str) -> None:
        self.page.wait_until(lambda: text in self.text, 30, what=f"{text!r} in the panel")

    @property
    def text(self) -> str:
        return self.page.visible_text(1)

    def do(self, act: Callable[[Any], None]) -> None:
        self._lab.on_browser(lambda: act(self.page.page))

    def type(self, text: str) -> None:
        self.do(lambda page: page.get_by_placeholder("Ask something").fill(text))

    def enter(self, text: str) -> None:
        self.type(text)
        self.do(lambda page: page.get_by_placeholder("Ask something").press("Enter"))

    def click(self, name: str) -> None:
        self.do(lambda page: page.get_by_role("button", name=name, exact=True).click())


def test_it_streams_and_stops_while_a_cell_awaits(lab: Lab) -> None:
    chat = ChatOnPage(lab, repr("Slowly, word by word. " * 60), cell="await asyncio.sleep(12)\nprint('over')")
    chat.page.run_cell(2, wait=False)
    chat.type("Tell me")
    chat.do(lambda page: page.keyboard.press("Tab"))
    chat.do(lambda page: page.keyboard.press("Tab"))
    chat.do(lambda page: page.keyboard.press("Enter"))
    chat.wait_for("word by word")
    assert chat.page.busy
    chat.click("Stop")
    chat.wait_for("[interrupted by the user]")
    assert chat.page.busy
    chat.page.wait_idle()
    assert chat.page.visible_text(2).strip() == "over"


def test_a_tool_is_approved_while_a_cell_awaits_and_prints_into_the_panel(lab: Lab) -> None:
    call = "ToolCall('1', 'delete', '{{\"path\": \"a.csv\"}}')".replace("{{", "{").replace("}}", "}")
    chat = ChatOnPage(lab, call, "'Deleted.'", cell="while not deleted: await asyncio.sleep(0.1)\nprint(deleted)")
    chat.page.run_cell(2, wait=False)
    chat.enter("Delete it")
    chat.wait_for("The model wants to run a tool")
    assert 'delete(path="a.csv")' in chat.text
    chat.click("Allow once")
    chat.wait_for("Deleted.")
    chat.wait_for("deleting a.csv")
    chat.page.wait_idle()
    assert chat.page.visible_text(2).strip() == "['a.csv']"


def test_after_a_restart_one_line_brings_it_back_and_formulas_are_typeset(lab: Lab) -> None:
    chat = ChatOnPage(lab, repr(FORMULA))
    chat.enter("What is the mean?")
    chat.wait_for("Copy")
    chat.page.restart()
    chat.show()
    chat.wait_for("This notebook's last conversation goes on")
    chat.wait_for("What is the mean?")
    chat.page.wait_until(lambda: chat.page.js("return cell(1).node.querySelectorAll('mjx-container').length === 1"))
    assert "for $5." in chat.text

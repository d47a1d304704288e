"""In JupyterLab: the dashboard in both themes and untrusted, the panel live while a turn runs, undo by its button."""

from __future__ import annotations

import threading
from pathlib import Path

import nbformat
import pytest
from support.lab import Lab, LabPage
from support.llm_server import LLMServer

pytestmark = pytest.mark.browser

TALK = """
from victor_nb.messages import Message
talk = vn.orchestrator.context_coordinator.conversation()
for number in range(40):
    talk.append(Message("user", f"Question {number}. " + "word " * 40))
    talk.append(Message("assistant", f"Answer {number}. " + "word " * 40))
"""
CONTRAST = """
const light = colour => {
  const [r, g, b] = colour.match(/[\\d.]+/g).map(x => x / 255)
    .map(x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
};
const ground = light(getComputedStyle(document.querySelector('.jp-Notebook')).backgroundColor);
return [...cell(1).node.querySelectorAll('.victor-nb-dash :is(b, .quiet, td, .bad)')].map(node => {
  const text = light(getComputedStyle(node).color);
  return Math.max(text, ground) / Math.min(text, ground);
});
"""
DRAWN = "return cell(1).node.querySelector('.charts svg')?.getBoundingClientRect().width ?? 0"


def setup(server: LLMServer, *more: str) -> str:
    return "\n".join(["%load_ext victor_nb", f"%victor use {server.openai_url}#m", "import victor_nb as vn", *more])


def press(page: LabPage, lab: Lab, name: str) -> None:
    lab.on_browser(page.page.locator(".victor-nb-panel button", has_text=name).first.click)


def untrusted_copy(path: Path) -> Path:
    notebook = nbformat.read(path, 4)
    notebook.metadata["from"] = "somebody else"
    copy = path.with_stem(f"{path.stem}-untrusted")
    nbformat.write(notebook, copy)
    return copy


def test_the_dashboard_is_legible_in_both_themes_and_in_words_where_it_is_not_trusted(
    lab: Lab, llm_server: LLMServer
) -> None:
    page = lab.open(lab.notebook(setup(llm_server, "await vn.orchestrator.chat('Hi')"), "vn.analytics"))
    page.run_all()
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        page.theme(theme)
        assert page.js(DRAWN) > 200
        assert "Tokens: 1 turn" not in page.visible_text(1)
        assert min(page.js(CONTRAST)) > 3
    page.theme("JupyterLab Light")
    page.save()
    page = lab.open(untrusted_copy(page.path))
    assert page.js(DRAWN) == 0
    assert "Tokens: 1 turn, 10 in, 5 out; at most 15 in a turn.\nCost: no price is known" in page.visible_text(1)
    assert "to the last" not in page.visible_text(1)


def test_the_panel_is_live_while_a_turn_runs_and_undo_is_a_button(lab: Lab, llm_server: LLMServer) -> None:
    gate = threading.Event()
    page = lab.open(lab.notebook(setup(llm_server, TALK), "%victor panel analytics", "%%victor\nWhat is live?"))
    page.run_cell(0)
    page.run_cell(1)
    llm_server.reply(chunks=("First. ", "Last."), gate=gate, gate_after=2)
    page.run_cell(2, wait=False)
    try:
        page.wait_until(lambda: "running" in page.visible_text(1) and "What is live?" in page.visible_text(1))
    finally:
        gate.set()
    page.wait_idle()
    page.wait_until(lambda: "running" not in page.visible_text(1))
    press(page, lab, "Context")
    page.wait_until(lambda: "82 messages" in page.visible_text(1))
    press(page, lab, "Compact")
    page.wait_until(lambda: "messages are no longer sent" in page.visible_text(1))
    press(page, lab, "Undo")
    page.wait_until(lambda: "takes about" in page.visible_text(1) and "1 undone" in page.visible_text(1))

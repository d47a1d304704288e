"""While one writes and reads in a real JupyterLab: completion, a wrong flag, a page that is reloaded in mid-answer."""

from __future__ import annotations

import threading

import pytest
from support.lab import Lab, LabPage
from support.llm_server import LLMServer

pytestmark = pytest.mark.browser

LOAD, ASK, NEXT = range(3)


@pytest.fixture
def page(lab: Lab, llm_server: LLMServer) -> LabPage:
    """A notebook with a question and an empty cell, whose model is `llm_server`."""
    load = f"%load_ext victor_nb\n%victor use {llm_server.openai_url}#m"
    opened = lab.open(lab.notebook(load, "%%victor\nTell me", ""))
    opened.run_cell(LOAD)
    return opened


SHOWN = "return [...document.querySelectorAll('.jp-Completer-match')].map(item => item.innerText)"
INVOKE = "window.jupyterapp.commands.execute('completer:invoke-notebook'); return true"


def offers(page: LabPage, source: str, *wanted: str) -> None:
    """Press Tab at the end of a cell, and wait for the list of what there is."""
    page.edit(NEXT, source)
    page.js(
        f"panel.content.activeCellIndex = {NEXT}; panel.content.mode = 'edit'; const {{editor}} = cell({NEXT});"
        f"editor.focus(); editor.setCursorPosition({{line: 0, column: {len(source)}}}); return true"
    )
    page.js(INVOKE)
    page.wait_until(lambda: {*wanted} <= {*page.js(SHOWN)}, 20, f"a list with {wanted}")


def test_tab_shows_flags_and_verbs(page: LabPage) -> None:
    offers(page, "%%victor --", "--model", "--session", "--tools", "--code")
    offers(page, "%victor sess", "session", "sessions")


def test_a_wrong_flag_is_told_in_two_lines(page: LabPage) -> None:
    page.edit(NEXT, "%%victor --modle x\nHi")
    page.run_cell(NEXT)
    said = page.visible_text(NEXT).strip().splitlines()
    assert said == ["UsageError: %%victor: no flag '--modle'. Did you mean '--model'?", "  → see %%victor?"]


def test_a_page_reloaded_in_mid_answer_can_print_it_again(page: LabPage, llm_server: LLMServer) -> None:
    gate = threading.Event()
    llm_server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    page.run_cell(ASK, wait=False)
    page.wait_until(lambda: "The first half" in page.visible_text(ASK))
    page.reload(idle=False)
    gate.set()
    page.wait_idle()
    page.edit(NEXT, "%victor transcript")
    page.run_cell(NEXT)
    assert "The first half, the second half." in page.visible_text(NEXT)
    assert "Tell me" in page.visible_text(NEXT)

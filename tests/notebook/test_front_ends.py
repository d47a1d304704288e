"""A notebook's usual hour in JupyterLab and in Notebook 7: an answer streams, is stopped, the next cells go on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from support.lab import Lab, LabPage
from support.lab_page import App
from support.llm_server import LLMServer

pytestmark = pytest.mark.browser

LOAD, ASK, QUEUED, CODE, PANEL = range(5)


@pytest.fixture(params=["lab", "notebook"])
def opened(request: pytest.FixtureRequest, lab: Lab, llm_server: LLMServer) -> LabPage:
    """A notebook whose model is `llm_server`."""
    app: App = request.param
    load = f"%load_ext victor_nb\n%victor use {llm_server.openai_url}#m"
    cells = (load, "%%victor\nTell me", "print('queued')", "%%victor --code\nWrite code", "%victor panel")
    return lab.open(lab.notebook(*cells), app=app)


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds an answer back; opened after the test, so that the server can close."""
    closed = threading.Event()
    yield closed
    closed.set()


def stop_in_the_midst(page: LabPage) -> None:
    """Run All; interrupt when half of the answer is there."""
    page.run_all(wait=False)
    page.wait_until(lambda: "The first half" in page.visible_text(ASK))
    assert page.busy
    page.interrupt()
    page.wait_idle()


def test_stream_interrupt_and_go_on(opened: LabPage, llm_server: LLMServer, gate: threading.Event) -> None:
    llm_server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    stop_in_the_midst(opened)
    llm_server.wait_for_disconnect()
    assert [output["output_type"] for output in opened.outputs(ASK)] == ["display_data", "error"]
    assert "Interrupted: the answer is incomplete." in opened.visible_text(ASK)
    assert opened.outputs(QUEUED) == []
    llm_server.reply("Use this:\n\n```python\nfirst = 1\n```")
    opened.run_cell(CODE)
    assert opened.source(CODE + 1) == "first = 1"
    assert opened.js(f"return cell({CODE + 1}).model.executionCount") is None
    opened.run_cell(PANEL + 1)
    opened.wait_until(lambda: "Tell me" in opened.visible_text(PANEL + 1), what="the chat in the panel")

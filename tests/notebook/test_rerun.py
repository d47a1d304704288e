"""Running cells again: a cell's turn takes the place of its old one, so that Run All after Run All is the same."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from support.cells import run_ok
from support.kernels import Kernel
from support.llm_server import LLMServer

CELLS = {
    "define": "import asyncio\ndef price(item: str) -> float:\n    return {'pen': 1.5, 'ink': 6.0}[item]",
    "ask": "%%victor --tools price\nWhat does ink cost?",
    "loop": "for word in ('one', 'two'):\n    get_ipython().run_cell_magic('victor', '', f'Say {word}')",
    "await": "answer = await vn.orchestrator.chat('And now in French')",
    "timed": "%%time\n%%victor -o last\nThe end",
}
TALK = "import json; print(json.dumps([[m.role, m.content] for m in vn.conversation.messages]))"


class Notebook:
    """Its cells are run as a front end with cell ids runs them."""

    def __init__(self, kernel: Kernel, server: LLMServer) -> None:
        self.kernel = kernel
        self.server = server

    def run(self, cell_id: str, source: str | None = None) -> list[Any]:
        """One cell; the bodies of the requests that it sent."""
        before = len(self.server.requests)
        if cell_id == "ask":
            self.server.reply(tool_calls=[("price", {"item": "ink"})])
            self.server.reply("6 euros.")
        done = self.kernel.wait(self.kernel.start(source or CELLS[cell_id], cell_id=cell_id, answers=[]))
        assert done.status == "ok", done.error
        return [request.body["messages"] for request in self.server.requests[before:]]

    def run_all(self) -> list[Any]:
        return [body for cell_id in CELLS for body in self.run(cell_id)]

    @property
    def talk(self) -> list[list[str]]:
        return json.loads(run_ok(self.kernel, TALK).stdout)


@pytest.fixture
def notebook(shared: tuple[Kernel, LLMServer], request: pytest.FixtureRequest) -> Notebook:
    """A notebook of `CELLS` in a conversation of its own."""
    kernel, server = shared
    run_ok(kernel, f"%victor session {request.node.name}")
    return Notebook(kernel, server)


def test_run_all_after_run_all_sends_and_keeps_the_same(notebook: Notebook) -> None:
    first, talk = notebook.run_all(), notebook.talk
    assert len(first) == 6
    assert [text for role, text in talk if role == "user"][-1] == "The end"
    for _ in range(2):
        assert notebook.run_all() == first
        assert notebook.talk == talk


def test_an_edited_cell_replaces_its_turn_in_place(notebook: Notebook) -> None:
    notebook.run_all()
    before = notebook.talk
    (sent,) = notebook.run("await", "answer = await vn.orchestrator.chat('And now in Norwegian')")
    assert sent[-1]["content"] == "And now in Norwegian"
    assert "The end" not in str(sent)
    expected = [[role, text.replace("French", "Norwegian")] for role, text in before]
    assert notebook.talk == expected
    (sent,) = notebook.run("timed")
    assert "Norwegian" in str(sent)
    assert "French" not in str(sent)


def test_a_cell_that_fails_leaves_its_old_turn(notebook: Notebook) -> None:
    notebook.run("await")
    talk = notebook.talk
    notebook.server.reply(status=401, error="no")
    assert notebook.kernel.wait(notebook.kernel.start(CELLS["await"], cell_id="await")).status == "error"
    assert notebook.talk == talk


def test_an_orchestrator_of_the_users_own_does_the_same(notebook: Notebook) -> None:
    url = notebook.server.openai_url
    notebook.run("make", f"mine = vn.AgentOrchestrator(model='{url}#m', session_id='of the users own')")
    for text in ("Hello", "Hello there"):
        notebook.run("mine", f"await mine.chat('{text}')")
    said = run_ok(notebook.kernel, "print([m.content for m in mine.context_coordinator.get_context().messages])").stdout
    assert said == "['Hello there', 'Hello from the loopback server.']\n"


def test_cells_without_ids_are_known_by_their_source(notebook: Notebook) -> None:
    kernel = notebook.kernel
    for source in ("%%victor\nOne", "%%victor\nTwo", "%%victor\nOne"):
        assert kernel.wait(kernel.start(source, answers=[])).status == "ok"
    assert [text for role, text in notebook.talk if role == "user"] == ["One", "Two"]


def test_nbclient_again_continues_a_named_conversation_as_the_same(llm_server: LLMServer) -> None:
    sources = ["%load_ext victor_nb", "%victor session study", *["%%victor\nHi"] * 2, "import victor_nb as vn", TALK]
    connected = f"%victor use {llm_server.openai_url}#m"
    seen: list[tuple[Any, str]] = []
    for _ in range(2):
        cells = [nbformat.v4.new_code_cell(source) for source in [sources[0], connected, *sources[1:]]]
        notebook = nbformat.v4.new_notebook(cells=cells)
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
        bodies = [request.body["messages"] for request in llm_server.requests]
        llm_server.requests.clear()
        seen.append((bodies, notebook.cells[-1].outputs[0].text))
    assert seen[0] == seen[1]
    assert seen[0][1].count('"user"') == 2

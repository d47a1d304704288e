"""What VS Code and Colab send, simulated on a real kernel, and what is left of an answer in a saved notebook."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from support.cells import run_ok, value_of
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]
METADATA = {
    "vscode": {"cellId": "vscode-notebook-cell:/home/a%20b/n.ipynb#W1sZmlsZQ%3D%3D", "recordTiming": False},
    "colab": {"colab": {"cell_id": "mQ8xk2"}, "recordTiming": True},
}
KNOWN = {"status", "execute_input", "display_data", "update_display_data", "clear_output", "stream", "error"}
ANSWER = """Two rows are **missing**[^1]:

| row | why |
|:----|----:|
| 1 | <script>alert(1)</script> |

```python
frame.dropna()  # in place
```

- [x] done

[^1]: As counted.
"""
CELLS = (
    "%load_ext victor_nb\nimport victor_nb as vn\nfrom victor_nb.session import current\n"
    "from victor_nb.testing import ScriptedModel, call\n"
    f"current().orchestrator = vn.AgentOrchestrator(model=ScriptedModel(call('look'), {ANSWER!r}, 'Yes.'))",
    "def look() -> str:\n    return 'a < b'",
    "%%victor --tools look\nWhat is missing?",
    "later = await vn.ask('Is that all?')",
    "%%victor --modl x\nHi",
)


def ask(kernel: Kernel, front_end: str, source: str) -> CellResult:
    """Run a cell as that front end asks for it."""
    return kernel.wait(kernel.start(source, metadata=METADATA[front_end], answers=["y"]))


@pytest.mark.parametrize("front_end", METADATA)
def test_an_answer_needs_nothing_that_only_jupyterlab_has(shared: Shared, front_end: str) -> None:
    kernel, server = shared
    run_ok(kernel, f"%victor session {front_end}\n@vn.tool(requires_approval=True)\ndef look(): return 3")
    server.reply(tool_calls=[("look", {})])
    server.reply(chunks=("The first half, ", "the second half."))
    done = ask(kernel, front_end, "%%victor -o answer\nTell me")
    assert done.status == "ok", done.error
    assert {message["msg_type"] for message in done.messages} <= KNOWN
    assert {kind for bundle in done.displays for kind in bundle} == {"text/html", "text/plain"}
    assert done.reply is not None
    assert done.reply["payload"] == []
    assert value_of(kernel, "(answer.content, answer.tool_calls[0].status)")[1:6] == "'The "
    assert len(done.prompts) == 1


@pytest.mark.parametrize("front_end", METADATA)
@pytest.mark.parametrize("source", ["%%victor --modl x\nHi", "%victor forget", "await vn.ask('Hi', temp=0)"])
def test_an_error_is_two_lines(shared: Shared, front_end: str, source: str) -> None:
    error = ask(shared[0], front_end, source).error
    assert error
    assert error.ename == "UsageError"
    assert error.evalue
    assert len(error.traceback) <= 2
    assert all("\n" not in line and "\x1b" not in line for line in error.traceback)


@cache
def executed() -> tuple[Any, str]:
    """A notebook that nbclient ran to its failing cell, and what nbclient said."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in CELLS])
    with pytest.raises(CellExecutionError) as failed:
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook, str(failed.value)


def test_under_nbclient_a_cell_that_awaits_has_its_answer() -> None:
    (output,) = executed()[0].cells[-2].outputs
    assert output.data["text/plain"].startswith("Yes.\n\nscripted")


def test_nbclient_says_in_few_lines_what_was_wrong() -> None:
    notebook, told = executed()
    output = notebook.cells[-1].outputs[-1]
    assert (output.ename, len(output.traceback)) == ("UsageError", 2)
    assert told.count("no flag '--modl'") <= 2
    assert "Did you mean '--model'?" in told
    assert len(told.splitlines()) < 15


@pytest.mark.parametrize("trusted", [True, False])
def test_a_page_made_of_the_notebook_has_the_answer_and_needs_no_network(trusted: bool) -> None:
    from nbconvert import HTMLExporter

    page, _ = HTMLExporter(sanitize_html=not trusted).from_notebook_node(executed()[0])
    begins = page.index('<div class="victor-nb-answer">') if trusted else page.index("look({})")
    answer = page[begins : page.index("scripted", begins)]
    for part in ("look({})", "a &lt; b", "<strong>missing</strong>", "<td", "dropna", "As counted."):
        assert part in answer, part
    assert "&lt;script&gt;" in answer
    assert not re.search(r"<script|<img|<iframe|<link|@import|url\(", answer)
    assert not trusted or "<style>" in answer

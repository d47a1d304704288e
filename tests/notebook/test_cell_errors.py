"""Whatever goes wrong in a cell: it fails with one or two short lines, and the conversation is what it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from support.cells import error_of, run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]
NewKernel = Callable[..., Kernel]
MESSAGES = "len(vn.orchestrator.context_coordinator.get_context().messages)"
CELLS = [
    ("%%victor -m nope:x\nHi", "UnknownModelError", "openai"),
    ("%%victor -m gpt\nHi", "UnknownModelError", "Name a model"),
    ("%victor use nope", "UnknownModelError", "Name a model"),
    ("%%victor -m openai:gpt-5\nHi", "MissingKeyError", "OPENAI_API_KEY"),
    ("%victor use anthropic", "MissingKeyError", "ANTHROPIC_API_KEY"),
    ("%%victor -m http://127.0.0.1:9/v1#m\nHi", "ModelConnectionError", "127.0.0.1:9"),
    ("%%victor --tols f\nHi", "UsageError", "Did you mean '--tools'?"),
    ("%%victor --quiet=3\nHi", "UsageError", "--quiet"),
    ("%%victor -m\nHi", "UsageError", "expected one argument"),
    ("%%victor -s 'a\nHi", "UsageError", "quotation mark"),
    ("%%victor What is this?\nHi", "UsageError", "first line"),
    ("%%victor -o 1x\nHi", "UsageError", "not a variable name"),
    ("%%victor -o class\nHi", "UsageError", "not a variable name"),
    ("%%victor --tools lookpu\nHi", "UsageError", "Did you mean 'lookup'?"),
    ("%%victor --tools number\nHi", "UsageError", "not a function"),
    ("%%victor --tools anything\nHi", "ToolDefinitionError", "by name"),
    ("vn.tool(anything)", "ToolDefinitionError", "by name"),
    ("%victor forget", "UsageError", "forget"),
    ("%victor sessionz", "UsageError", "Did you mean 'session"),
    ("%victor use", "UsageError", "one model"),
    ("%victor use one two", "UsageError", "one model"),
    ("%victor reset now", "UsageError", "nothing more"),
    ("%victor session a b", "UsageError", "one name"),
]


@pytest.fixture
def talking(shared: Shared) -> Iterator[Kernel]:
    """A kernel in the middle of a conversation, which must be the same afterwards."""
    kernel, _ = shared
    run_ok(kernel, "number = 3\ndef lookup(): pass\ndef anything(*values): pass")
    run_ok(kernel, "%%victor\nHi")
    before = value_of(kernel, MESSAGES)
    yield kernel
    assert value_of(kernel, MESSAGES) == before
    run_ok(kernel, "%%victor\nStill there?")


@pytest.mark.parametrize(("source", "ename", "says"), CELLS, ids=[cell[0].replace("\n", " ") for cell in CELLS])
def test_one_clear_error(talking: Kernel, source: str, ename: str, says: str) -> None:
    error = error_of(talking, source)
    assert error.ename == ename
    assert error.traceback[0].startswith(f"{ename}: ")
    assert says in "".join(error.traceback)


@pytest.mark.parametrize(
    ("status", "ename"), [(401, "AuthenticationError"), (429, "RateLimitError"), (500, "ModelRequestError")]
)
def test_the_provider_refuses(talking: Kernel, shared: Shared, status: int, ename: str) -> None:
    server = shared[1]
    for _ in range(1 if status == 401 else 3):
        server.reply(status=status, headers={"Retry-After": "0"})
    error = error_of(talking, "%%victor -o never\nHi")
    assert error.ename == ename
    assert str(status) in "".join(error.traceback)
    assert value_of(talking, "'never' in globals()") == "False"
    assert value_of(talking, "vn.analytics.turns().error_type.tolist()[-1]") == repr(ename)


def test_an_answer_that_does_not_fit_its_type(talking: Kernel, shared: Shared) -> None:
    for _ in range(2):
        shared[1].reply('{"a\\n\\u001b[2J": [1]}')
    error = error_of(talking, "%%victor --schema dict[str,int]\nHi")
    assert error.ename == "OutputError"
    assert error.traceback[0].isprintable()


def test_an_answer_that_breaks_off_stays_and_is_marked(talking: Kernel, shared: Shared) -> None:
    shared[1].reply(chunks=("It begins, ", "and", " goes on"), cut_after=2)
    done = talking.run("%%victor\nHi")
    assert done.error is not None
    assert done.error.ename == "ModelConnectionError"
    assert "It begins" in done.displays[0]["text/html"]
    assert "broke off" in done.displays[0]["text/html"]


def test_a_setting_that_does_not_exist_is_a_warning(new_kernel: NewKernel) -> None:
    kernel = new_kernel(env={"VICTOR_MAX_TOKNES": "5"})
    done = run_ok(kernel, "%load_ext victor_nb\n%victor use demo")
    assert "max_tokens" in done.stderr.lower()


def test_a_setting_that_cannot_be_used(new_kernel: NewKernel) -> None:
    kernel = new_kernel(env={"VICTOR_MAX_TOKENS": "many"})
    run_ok(kernel, "%load_ext victor_nb")
    error = error_of(kernel, "%%victor -m demo\nHi")
    assert error.ename == "ConfigError"
    assert "VICTOR_MAX_TOKENS" in error.traceback[0]
    run_ok(kernel, "import os; del os.environ['VICTOR_MAX_TOKENS']")
    run_ok(kernel, "%%victor -m demo\nHi")


def test_a_key_that_was_mended_is_used(new_kernel: NewKernel, llm_server: LLMServer, tmp_path: Path) -> None:
    kernel = new_kernel(env={"OPENAI_BASE_URL": llm_server.openai_url})
    run_ok(kernel, "%load_ext victor_nb")
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-wrong-canary\n")
    llm_server.reply(status=401, error="Incorrect API key provided: sk-wrong-canary")
    error = error_of(kernel, "%%victor -m openai:m\nHi")
    assert error.ename == "AuthenticationError"
    assert "canary" not in "".join(error.traceback)
    (tmp_path / ".env").write_text("OPENAI_API_KEY=sk-right\n")
    run_ok(kernel, "%%victor -m openai:m\nHi")
    assert llm_server.requests[-1].headers["authorization"] == "Bearer sk-right"


@pytest.mark.parametrize("source", ["%%victor -m nope:x\nHi", "%%victor --tols f\nHi", "%victor forget"])
def test_nbclient_stops_at_the_cell_and_saves_its_error(source: str) -> None:
    cells = [nbformat.v4.new_code_cell(text) for text in ("%load_ext victor_nb", source, "never = 1")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.raises(CellExecutionError):
        NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    output = notebook.cells[1].outputs[-1]
    assert output.output_type == "error"
    assert len(output.traceback) <= 2
    assert notebook.cells[2].execution_count is None

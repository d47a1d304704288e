"""The same magics where there is no kernel (plain IPython) and where there is no front end (nbclient)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from support.llm_server import LLMServer

SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("%load_ext victor_nb\\nimport victor_nb as vn")
for cell in {cells!r}:
    done = shell.run_cell(cell, store_history=True)
    print("success" if done.success else "failure", flush=True)
shell.history_manager.end_session()
"""


def terminal(folder: Path, *cells: str) -> subprocess.CompletedProcess[str]:
    """What plain IPython prints for these cells."""
    env = os.environ | {"IPYTHONDIR": str(folder / "ipython"), "NO_COLOR": "1"}
    command = [sys.executable, "-c", SHELL.format(cells=cells)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=env, check=True, timeout=60)


def test_an_answer_is_printed(llm_server: LLMServer, tmp_path: Path) -> None:
    done = terminal(tmp_path, f"%%victor -o a -m {llm_server.openai_url}#m\nHi", "print(a.usage.total_tokens)", "a")
    assert "Hello from the loopback server.\nm · 10 in + 5 out tokens · cost unknown" in done.stdout
    assert "\n15\n" in done.stdout
    assert "Out[3]: \nHello from the loopback server.\n\nm · 10 in + 5 out" in done.stdout
    assert "<div" not in done.stdout


def test_values_of_variables_are_sent(llm_server: LLMServer, tmp_path: Path) -> None:
    cell = f"%%victor -m {llm_server.openai_url}#m\nWhat is {{{{ 6 * 7 }}}}?\n{{{{ Point }}}}"
    assert "success" in terminal(tmp_path, "class Point:\n    x = 1", cell).stdout
    assert llm_server.requests[-1].body["messages"][-1]["content"] == (
        "What is 42?\nPoint:\n```python\nclass Point:\n    x = 1\n```"
    )


def test_tools_run_on_the_main_thread(llm_server: LLMServer, tmp_path: Path) -> None:
    llm_server.reply(tool_calls=[("where", {})])
    define = (
        "import threading\n@vn.tool\ndef where():\n    print(threading.current_thread() is threading.main_thread())"
    )
    done = terminal(tmp_path, define, f"%%victor -m {llm_server.openai_url}#m\nHi")
    assert "[where({}) … running]\nTrue\n[where({}) ✓ · " in done.stdout


def test_the_await_form_prints_too_and_the_conversation_can_be_printed_again(
    llm_server: LLMServer, tmp_path: Path
) -> None:
    llm_server.reply("It is **four**.")
    use = f"%victor use {llm_server.openai_url}#m"
    done = terminal(tmp_path, use, "a = await vn.ask('Two and two?')", "%victor transcript")
    assert "\nIt is **four**.\nm · 10 in" in done.stdout
    again = done.stdout[done.stdout.index("1 turn.") :]
    assert "\n> Two and two?\n\nIt is **four**.\n\nm · 10 in" in again


def test_an_error_is_two_lines(tmp_path: Path) -> None:
    done = terminal(tmp_path, "%%victor -m nope:x\nHi", "%%victor --quite\nHi", "%%victor", "%%victor -m demo\nHi")
    assert "UnknownModelError: There is no provider 'nope'." in done.stdout
    assert "Did you mean '--quiet'?" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line in ("success", "failure")] == [
        "failure",
        "failure",
        "success",
        "success",
    ]


def test_an_interrupt_keeps_the_beginning(llm_server: LLMServer, tmp_path: Path) -> None:
    gate = threading.Event()
    llm_server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    cells = (f"%%victor -o a -m {llm_server.openai_url}#m\nHi", "print((a.status, a.content))")
    env = os.environ | {"IPYTHONDIR": str(tmp_path / "ipython"), "NO_COLOR": "1"}
    command = [sys.executable, "-u", "-c", SHELL.format(cells=cells)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=env) as process:
        assert process.stdout is not None
        seen = ""
        while "first half, " not in seen:
            seen += process.stdout.read(1)
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    gate.set()
    llm_server.wait_for_disconnect()
    assert "KeyboardInterrupt: the answer was interrupted; what had arrived is kept" in rest
    assert "Traceback" not in rest
    assert "('interrupted', 'The first half, ')" in rest


def executed(*sources: str) -> nbformat.NotebookNode:
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    return notebook


def test_nbclient_saves_one_output(llm_server: LLMServer) -> None:
    long = "\n\n".join(f"Paragraph {i} of a long answer, with some words in it." for i in range(60))
    llm_server.reply(chunks=[long[start : start + 40] for start in range(0, len(long), 40)])
    notebook = executed(f"%load_ext victor_nb\n%victor use {llm_server.openai_url}#m", "%%victor -o a\nHi", "a.status")
    (output,) = notebook.cells[1].outputs
    assert set(output.data) == {"text/html", "text/plain"}
    assert "Paragraph 0" in output.data["text/html"]
    assert "Paragraph 59" in output.data["text/html"]
    assert "tokens" in output.data["text/plain"]
    assert notebook.cells[2].outputs[0].data["text/plain"] == "'ok'"


def test_nbclient_awaits_and_shows_frames(llm_server: LLMServer) -> None:
    notebook = executed(
        f"%load_ext victor_nb\n%victor use {llm_server.openai_url}#m\nimport victor_nb as vn",
        "(await vn.orchestrator.chat('Hi')).content",
        "vn.analytics.turns().shape[0]",
    )
    assert notebook.cells[1].outputs[0].data["text/plain"] == "'Hello from the loopback server.'"
    assert notebook.cells[2].outputs[0].data["text/plain"] == "1"


@pytest.mark.parametrize("cell", ["%%victor", "%%victor\n\n"])
def test_nbclient_and_an_empty_cell(cell: str) -> None:
    notebook = executed("%load_ext victor_nb", cell)
    assert "write your question below" in notebook.cells[1].outputs[0].text

"""`victor-nb run`: notebooks are executed with recorded answers, compared and saved."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.llm_server import LLMServer

from victor_nb.testing.command_line.main import main

NOBODY = "http://127.0.0.1:9/v1"
CELLS = ("%load_ext victor_nb\n%victor use {url}#m", "%%victor -q\nWhich mean?", "import random\n6 * 7")


def notebook(folder: Path, url: str, *more: str, name: str = "chat") -> Path:
    cells = [nbformat.v4.new_code_cell(source.replace("{url}", url)) for source in (*CELLS, *more)]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(made, path)
    return path


def run(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VICTOR_") and name != "CI"}
    command = [sys.executable, "-m", "victor_nb.testing.command_line.main", "run", *arguments]
    done = subprocess.run(command, cwd=folder, env=kept | environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The cassette of the notebook, as the command records it."""
    folder, server = tmp_path_factory.mktemp("recorded"), LLMServer()
    server.reply("The mean is 3.")
    notebook(folder, server.openai_url)
    code, told = run(folder, "chat.ipynb", "--mode", "record")
    server.close()
    assert code == 0, told
    assert "1 recorded" in told
    return (folder / "cassettes" / "chat.json").read_text()


@pytest.fixture
def recorded(tmp_path: Path, recording: str) -> Path:
    """A folder with one notebook and its recording."""
    notebook(tmp_path, NOBODY)
    (tmp_path / "cassettes").mkdir()
    (tmp_path / "cassettes" / "chat.json").write_text(recording)
    return tmp_path


def test_what_is_written_is_what_the_next_run_finds(recorded: Path) -> None:
    code, told = run(recorded, ".", "--check")
    assert code == 1
    assert "cell 1 shows something else: %load_ext victor_nb\n      saved: nothing\n" in told
    code, told = run(recorded, "chat.ipynb", "--write")
    assert code == 0, told
    assert "passed  chat.ipynb" in told
    assert "not forked" not in told
    assert told.endswith("1 passed, 0 failed. 1 answer replayed; 15 tokens and $0.0000 saved\n")
    written = (recorded / "chat.ipynb").read_bytes()
    assert nbformat.reads(written.decode(), as_version=4).cells[2].outputs[0].data["text/plain"] == "42"
    code, told = run(recorded, "chat.ipynb", "--check", "--write", "-j", "2", CI="true")
    assert code == 0, told
    assert (recorded / "chat.ipynb").read_bytes() == written


def test_a_failing_notebook_is_told_in_some_lines_and_others_go_on(recorded: Path, recording: str) -> None:
    notebook(recorded, NOBODY, "1 / 0", name="broken")
    notebook(recorded, NOBODY, "import os\nos._exit(3)", name="dead")
    notebook(recorded, NOBODY, "import time\ntime.sleep(60)", name="slow")
    for name in ("broken", "dead", "slow"):
        (recorded / "cassettes" / f"{name}.json").write_text(recording)
    code, told = run(recorded, ".", "--timeout", "2", "--write", "-j", "2")
    assert code == 1
    assert "    cell 4: 1 / 0\n    ZeroDivisionError: division by zero\n" in told
    assert "    cell 4: import os\n    the kernel has died\n" in told
    assert "    cell 4: import time\n    was not done after 2 s\n" in told
    assert "1 passed, 3 failed." in told
    assert not nbformat.read(recorded / "broken.ipynb", as_version=4).cells[0].outputs


def test_a_recording_that_is_missing_fails_also_when_it_is_swallowed(recorded: Path) -> None:
    swallowed = "try:\n    await vn.orchestrator.chat('Which median?')\nexcept vn.VictorError:\n    pass"
    notebook(recorded, NOBODY, "import victor_nb as vn", swallowed)
    code, told = run(recorded, "chat.ipynb")
    assert code == 1
    assert '"Which median?" is not recorded in chat.json.' in told
    assert "victor-nb run --mode record chat.ipynb records it" in told


def test_what_cannot_be_run_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.ipynb").write_text("no notebook")
    assert run(tmp_path, "nowhere.ipynb") == (2, "UsageError: there is no nowhere.ipynb.\n")
    assert run(tmp_path, "text.ipynb") == (2, "UsageError: text.ipynb is no notebook that can be read.\n")
    code, told = run(tmp_path, ".", VICTOR_CASSETTE_MODE="repaly")
    assert (code, "there is no mode 'repaly'" in told) == (2, True), told


def test_a_file_that_is_no_notebook_fails_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "odd.ipynb").write_text('{"a": 1}')
    (tmp_path / "older.ipynb").write_text('{"cells": [1], "nbformat": 4, "nbformat_minor": 5, "metadata": {}}')
    assert main(["run", str(tmp_path)]) == 1
    told = capsys.readouterr().out
    assert told.count("    it is no notebook that can be read: ") == 2, told
    assert "0 passed, 2 failed." in told

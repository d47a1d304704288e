"""Recordings that nothing asks for any more: told, failed for, or taken out, by a run or by the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest
from testing.test_notebooks_replay import NOBODY, notebook

MORE = "_ = await vn.orchestrator.chat('More?')"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Two recordings."""
    folder, server = tmp_path_factory.mktemp("recorded"), LLMServer()
    server.reply("The mean is 3.")
    server.reply("More.")
    notebook(folder, server.openai_url, MORE)
    code, told = run_pytest(folder, "--nbmake", "--victor=record", "chat.ipynb")
    server.close()
    assert code == 0, told
    return (folder / "cassettes" / "chat.json").read_text()


@pytest.fixture
def cassette(tmp_path: Path, recorded: str) -> Path:
    """Of a notebook that asks only for the first one now."""
    (tmp_path / "cassettes").mkdir()
    (tmp_path / "cassettes" / "chat.json").write_text(recorded)
    notebook(tmp_path, NOBODY)
    return tmp_path / "cassettes" / "chat.json"


def command(folder: Path, *arguments: str) -> tuple[int, str]:
    line = [sys.executable, "-m", "victor_nb.testing.command_line.main", "cassette", *arguments]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def asked(path: Path) -> list[str]:
    return [request["messages"][-1]["text"] for request in json.loads(path.read_text())["requests"]]


def test_a_run_takes_them_out_where_that_is_wanted_and_not_under_ci(tmp_path: Path, cassette: Path) -> None:
    prune = ("--nbmake", "chat.ipynb", "-o", "victor_unused=prune")
    code, told = run_pytest(tmp_path, *prune, CI="true")
    assert (code, "not taken out under CI" in told, asked(cassette)) == (0, True, ["Which mean?", "More?"]), told
    code, told = run_pytest(tmp_path, *prune)
    assert (code, "1 answer replayed, 1 unused one removed" in told, asked(cassette)) == (0, True, ["Which mean?"]), (
        told
    )


def test_a_notebook_that_fails_loses_nothing(tmp_path: Path, cassette: Path) -> None:
    notebook(tmp_path, NOBODY, "1 / 0")
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", "-o", "victor_unused=prune")
    assert (code, asked(cassette)) == (1, ["Which mean?", "More?"]), told


def test_a_notebook_of_which_a_cell_was_skipped_loses_nothing(tmp_path: Path, cassette: Path) -> None:
    path = notebook(tmp_path, NOBODY, MORE)
    data = json.loads(path.read_text())
    data["cells"][-1]["metadata"]["tags"] = ["skip-execution"]
    path.write_text(json.dumps(data))
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", "-o", "victor_unused=prune")
    assert (code, asked(cassette)) == (0, ["Which mean?", "More?"]), told
    assert "where not all has run that may use it" in told


def test_the_command_line_takes_out_what_the_last_run_did_not_use(tmp_path: Path, cassette: Path) -> None:
    (tmp_path / "pytest.ini").touch()
    prune = ("prune", "cassettes/chat.json")
    code, told = command(tmp_path, *prune)
    assert (code, "no run is known" in told) == (1, True)
    assert run_pytest(tmp_path, "--nbmake", "chat.ipynb", "-p", "cacheprovider")[0] == 0
    code, told = command(tmp_path, *prune, "--dry-run")
    assert (code, told) == (0, 'cassettes/chat.json: 1 recording of 2 would be removed\n  2. "More?"\n')
    assert asked(cassette) == ["Which mean?", "More?"]
    assert command(tmp_path, *prune) == (0, 'cassettes/chat.json: 1 recording of 2 removed\n  2. "More?"\n')
    assert asked(cassette) == ["Which mean?"]
    code, told = command(tmp_path, *prune)
    assert (code, "has changed since the last run" in told) == (1, True)


def test_a_wish_that_is_none_is_told(tmp_path: Path, cassette: Path) -> None:
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", "-o", "victor_unused=purge")
    assert code != 0
    assert "must be one of error, warn, prune, ignore" in told

"""Notebooks under test are the same on every machine: settings of the person who runs them do not count."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

from victor_nb.agent.model_choice import ModelChoice
from victor_nb.config.settings import Settings
from victor_nb.isolation import VARIABLE, hidden_variables
from victor_nb.models.detect import detect
from victor_nb.testing.notebooks.trial import trial

CELLS = ("%load_ext victor_nb\n%victor use {url}#m", "%%victor -q\nWhich mean?")


def notebook(folder: Path, url: str) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.replace("{url}", url)) for cell in CELLS])
    nbformat.write(made, folder / "chat.ipynb")


def test_neither_what_is_recorded_nor_what_is_replayed_depends_on_them(tmp_path: Path, llm_server: LLMServer) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.victor_nb]\ntop_p = 0.5\n")
    (tmp_path / ".env").write_text("VICTOR_TEMPERATURE=0.3\n")
    (tmp_path / "config" / "victor_nb").mkdir(parents=True)
    (tmp_path / "config" / "victor_nb" / "config.toml").write_text("max_tokens = 7\n")
    mine = {"XDG_CONFIG_HOME": str(tmp_path / "config"), "VICTOR_TEMPERATURE": "0.4", "VICTOR_STORE": "nowhere.db"}
    llm_server.reply("The mean is 3.")
    notebook(tmp_path, llm_server.openai_url)
    code, told = run_pytest(tmp_path, "--nbmake", "--victor=record", "chat.ipynb", **mine)
    assert code == 0, told
    assert "victor_nb: VICTOR_TEMPERATURE is no setting of notebooks under test: write it into" in told
    [request] = json.loads((tmp_path / "cassettes" / "chat.json").read_text())["requests"]
    assert request["settings"] == {"top_p": 0.5}
    notebook(tmp_path, "http://127.0.0.1:9/v1")
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", **mine)
    assert (code, list(tmp_path.rglob("nowhere.db"))) == (0, []), told


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A person with settings in `.env`, and none elsewhere."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(
        'VICTOR_BASE_URL=http://10.0.0.1/v1\nVICTOR_BUDGET_USD=1\nVICTOR_REDACT_PATTERNS=["A-1"]\nVICTOR_TOP_P=0.5\n'
    )
    return monkeypatch


@pytest.mark.parametrize(
    ("how", "patterns", "budget"), [("", True, 1.0), ("asking", True, 1.0), ("settings", False, None)]
)
def test_what_protects_a_person_counts_where_models_are_asked(
    own: pytest.MonkeyPatch, how: str, patterns: bool, budget: float | None
) -> None:
    own.setenv(VARIABLE, how)
    found = Settings()
    assert (bool(found.redact_patterns), found.budget_usd, found.base_url) == (patterns, budget, "http://10.0.0.1/v1")
    assert found.top_p == (None if how else 0.5)


async def test_a_server_of_ones_own_makes_nothing_of_a_model_that_nobody_names(own: pytest.MonkeyPatch) -> None:
    own.setenv(VARIABLE, "settings")
    assert str(detect({"CI": "1", "OLLAMA_HOST": "127.0.0.1:9"})) == "demo"
    own.setenv("OLLAMA_HOST", "127.0.0.1:9")
    own.setenv("CI", "1")
    assert (await ModelChoice(Settings(), None, None).resolve()).name == "demo"


def test_variables_that_are_no_settings_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["VICTOR_MODEL", "victor_top_p", "VICTOR_BASE_URL", "VICTOR_BUDGET_USD", "VICTOR_TEST", "PATH"]
    names += ["VICTOR_CASSETTE_EXPORTERS", "VICTOR_CONFIG_TOP_P"]
    assert hidden_variables(names, "asking") == ["VICTOR_MODEL", "victor_top_p"]
    assert hidden_variables(names, "settings") == ["VICTOR_BUDGET_USD", "VICTOR_MODEL", "victor_top_p"]
    monkeypatch.setenv("VICTOR_MODEL", "demo")
    for mode, gone in (("replay", True), ("verify", True), ("live", False)):
        with trial(tmp_path / "a.ipynb", tmp_path / "a.json", mode) as run:
            assert ("VICTOR_MODEL" in run.environment) is gone
    assert os.environ["VICTOR_MODEL"] == "demo"

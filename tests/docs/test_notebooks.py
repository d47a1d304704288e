"""The notebooks run under nbmake, each in a kernel of its own, and show what their text says; what they show is kept
in git, and is the same after every run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from support.record_notebooks import record

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


CLEAN = ("--keep-output", "--keep-id", "--extra-keys", "metadata.language_info.version")


def run(folder: Path, *command: str, **environment: str) -> str:
    """What a module prints that is run in `folder`, by a person with a key that nothing here may use."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("VICTOR_", "PYTEST_"))}
    env = kept | {"OPENAI_API_KEY": "not-used-by-the-notebooks"} | environment
    arguments = [sys.executable, "-m", *command]
    done = subprocess.run(arguments, check=False, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shown_by(name: str, folder: Path = FOLDER) -> dict[str, str]:
    """What each code cell shows as text, by cell id."""
    cells = nbformat.read(folder / f"{name}.ipynb", as_version=4).cells
    return {cell.id: "\n".join(map(text_of, cell.outputs)) for cell in cells if cell.cell_type == "code"}


def text_of(output: NotebookNode) -> str:
    return output.text if output.output_type == "stream" else output.data.get("text/plain", "")


@pytest.fixture(scope="module")
def shown() -> dict[str, str]:
    return shown_by("01_quickstart")


def test_the_demo_says_what_it_is(shown):
    assert "I am the demo model, not an AI" in shown["ask"]
    assert "demo (not a model)" in shown["ask"].splitlines()[-1]


def test_the_tool_was_called_and_its_result_shown(shown):
    assert 'average({"column": "rain_mm", "by": "city"}) ✓' in shown["call"]
    assert "Bergen,168.5" in shown["call"]
    assert "name='average'" in shown["tool-calls"]
    assert "source='unmeasured'" in shown["usage"]


def test_the_values_of_variables_were_sent(shown):
    assert "In which month is `weather` driest, if the mean is 88 mm?" in shown["sent"]
    assert "Bergen,January,190" in shown["sent"]


def test_turns_and_summary_are_frames(shown):
    assert shown["turns"].split()[:3] == ["turn_index", "model", "status"]
    assert shown["turns"].count("demo") == 3
    assert "cost_unknown" in shown["summary"]


def test_the_exporter_received_the_events(shown):
    success, exported = shown["deliver"].strip("()").split(", ")
    assert success == "True"
    assert int(exported) >= 15
    assert "turn_completed             3" in shown["events"]


@pytest.fixture(scope="module")
def research() -> dict[str, str]:
    return shown_by("04_analytics")


def test_variants_are_compared_by_tag_and_rating(research):
    assert research["ask"].count("✓") == 5
    assert [line.split()[1:3] for line in research["summary"].splitlines()[1:3]] == [["plain", "3"], ["reason", "3"]]
    assert research["notes"] == "[[0.0, 'it is Canberra']]"
    assert "'Sydney.'" in research["wrong"]


def test_figures_and_dashboard_are_shown(research):
    assert "VictorFigure" in research["plot-cost"]
    assert "VictorFigure" in research["plot-tokens"]
    assert research["dashboard"].splitlines()[1] == "turns    3"


def test_frames_are_kept_with_what_is_unknown(research):
    assert research["parquet"].strip().endswith("6 turns; 1 of unknown price")


def test_three_exporters_got_every_event_once(research):
    delivered = {line.split(": ")[1] for line in research["exporters"].splitlines()}
    assert len(research["exporters"].splitlines()) == 3
    [told] = delivered
    events = int(told.split()[0])
    assert research["dataset"].strip() == f"{events} events, True"
    assert research["metrics"].strip().endswith("} 6.0")
    assert "stored: True · gaps: {}" in research["proof"]
    assert research["proof"].count(f"True {{'accepted': {events}") == 3


@pytest.fixture(scope="module")
def sessions() -> dict[str, str]:
    return shown_by("03_tools_and_sessions")


def test_run_all_in_a_second_kernel_is_the_same_conversation(tmp_path, sessions):
    shutil.copy(FOLDER / "03_tools_and_sessions.ipynb", tmp_path)
    alive = {"VICTOR_HOME": str(tmp_path / "home"), "VICTOR_CASSETTE_MODE": "live"}
    for _ in range(2):
        run(tmp_path, "jupyter", "execute", "--inplace", "03_tools_and_sessions.ipynb", **alive)
    again = shown_by("03_tools_and_sessions", tmp_path)
    for cell in ("state", "context", "fork", "export", "back"):
        assert again[cell] == sessions[cell]


def test_tools_give_frames_figures_and_errors(sessions):
    assert "DataFrame of 3 rows" in sessions["call-frame"]
    assert "Figure" in sessions["figure-result"]
    assert sessions["error-result"] == "('error', 'LookupError: no data on Atlantis')"


def test_where_nobody_can_be_asked_nothing_is_deleted(sessions):
    assert sessions["approval-result"] == "('denied', ['Bergen', 'Lisbon', 'Nairobi'])"
    assert "Bergen stays" in sessions["approve-function"]


def test_sessions_are_kept_forked_and_handed_on(sessions):
    assert "14 messages" in sessions["context"]
    assert "1 pinned" in sessions["context"]
    assert sessions["fork"].strip() == "Session rain-what-if: 6 messages."
    assert sessions["back"].strip() == "Session rain-copy: 14 messages."


@pytest.fixture(scope="module")
def testing() -> dict[str, str]:
    return shown_by("05_testing")


def test_a_recorded_answer_is_replayed_around_a_real_call(testing):
    assert testing["load"].startswith("replay: recorded answers are given, nothing is asked (cassettes/05_testing.json")
    assert 'average({"column": "rain_mm", "by": "city"}) ✓' in testing["ask"]
    assert "**Bergen**: 168.5 mm" in testing["ask"]
    assert "1,275 in + 97 out tokens · $0.0035" in testing["ask"]
    assert "0.00352" in testing["turns"]


def test_a_notebook_is_recorded_then_green_then_red(testing):
    assert "1 recorded" in testing["record"]
    assert "1 answer replayed" in testing["green"]
    assert "1 passed" in testing["green"]
    assert "now:      What is a median, in one word?" in testing["red"]
    assert "1 failed" in testing["red"]
    assert "2 passed" in testing["ci"]


def test_a_script_does_what_a_model_seldom_does(testing):
    assert testing["script"].splitlines()[0] == "No such column. KeyError: 'Column not found: snow_mm'"
    assert testing["script"].split()[-3:] == ["average", "error", "KeyError"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that git knows or would know of this project, committed, in a folder of its own."""
    copy = tmp_path_factory.mktemp("tree")
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name)
    git(copy, "init", "--quiet")
    git(copy, "add", "--all")
    git(copy, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--message", "as it is")
    return copy


def git(folder: Path, *command: str) -> str:
    return subprocess.run(["git", *command], check=True, cwd=folder, capture_output=True, text=True).stdout


def test_a_replay_that_writes_outputs_leaves_no_difference_in_git(tree):
    told = run(tree, "pytest", "--nbmake", "--overwrite", "-q", "-p", "no:cacheprovider", "notebooks", CI="true")
    assert f"{len(NOTEBOOKS)} passed" in told
    assert f"nbstripout {' '.join(CLEAN)} " in (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    run(tree, "nbstripout", *CLEAN, *(f"notebooks/{path.name}" for path in NOTEBOOKS))
    difference = git(tree, "diff", "--unified=1")
    assert not difference, difference
    assert git(tree, "status", "--porcelain") == ""


def test_the_recording_is_what_a_provider_of_this_script_leaves(tmp_path):
    """Of the part that asks; the rest of the notebook records another one."""
    notebook = nbformat.read(FOLDER / "05_testing.ipynb", as_version=4)
    notebook.cells = notebook.cells[: [cell.id for cell in notebook.cells].index("own-text")]
    nbformat.write(notebook, tmp_path / "05_testing.ipynb")
    shutil.copytree(FOLDER / "cassettes", tmp_path / "cassettes")
    record(tmp_path / "05_testing.ipynb", "-p", "no:cacheprovider")
    for path in (FOLDER / "cassettes").iterdir():
        assert (tmp_path / "cassettes" / path.name).read_text() == path.read_text()


def test_notebooks_are_stored_with_outputs_and_cell_ids_and_nothing_of_a_run():
    for path in NOTEBOOKS:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"
        assert [cell.id for cell in notebook.cells if cell.get("execution_count") or "execution" in cell.metadata] == []
        assert any(cell.get("outputs") for cell in notebook.cells)

"""The notebooks run under nbmake, each in a kernel of its own, and show what their text says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

FOLDER = Path(__file__).parents[2] / "notebooks"


def run(source: Path, folder: Path) -> dict[str, str]:
    """What each code cell shows as text, by cell id."""
    copy = Path(shutil.copy(source, folder))
    shutil.copytree(FOLDER / "cassettes", folder / "cassettes", dirs_exist_ok=True)
    env = {name: value for name, value in os.environ.items() if not name.startswith("VICTOR_")}
    env |= {"VICTOR_HOME": str(folder / "home"), "OPENAI_API_KEY": "not-used-by-the-quickstart"}
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", "-p", "no:cacheprovider", "-q", copy.name]
    done = subprocess.run(command, check=False, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    cells = nbformat.read(copy, as_version=4).cells
    return {cell.id: "\n".join(map(text_of, cell.outputs)) for cell in cells if cell.cell_type == "code"}


def text_of(output: NotebookNode) -> str:
    return output.text if output.output_type == "stream" else output.data.get("text/plain", "")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run(FOLDER / "01_quickstart.ipynb", tmp_path_factory.mktemp("quickstart"))


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
def research(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run(FOLDER / "04_analytics.ipynb", tmp_path_factory.mktemp("research"))


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
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Run twice, as Run All twice in two kernels: what the second shows must be what the first does."""
    folder = tmp_path_factory.mktemp("sessions")
    first, again = (run(FOLDER / "03_tools_and_sessions.ipynb", folder) for _ in range(2))
    for cell in ("state", "context", "fork", "export", "back"):
        assert again[cell] == first[cell]
    return again


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
def testing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run(FOLDER / "05_testing.ipynb", tmp_path_factory.mktemp("testing"))


def test_a_recorded_answer_is_replayed_around_a_real_call(testing):
    assert 'average({"column": "rain_mm", "by": "city"}) ✓' in testing["ask"]
    assert "**Bergen**: 168.5 mm" in testing["ask"]
    assert "1,275 in + 97 out tokens · $0.0035" in testing["ask"]
    assert "0.00352" in testing["turns"]


def test_a_notebook_is_recorded_then_green_then_red(testing):
    assert "1 recorded" in testing["record"]
    assert "1 answers replayed" in testing["green"]
    assert "1 passed" in testing["green"]
    assert "now:      What is a median, in one word?" in testing["red"]
    assert "1 failed" in testing["red"]


def test_notebooks_are_stored_without_outputs_and_with_cell_ids():
    for path in FOLDER.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
        assert notebook.metadata.kernelspec.name == "python3"
        assert [cell.id for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []

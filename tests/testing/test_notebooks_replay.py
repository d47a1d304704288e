"""Notebooks that chat, under pytest and nbmake: recorded against a real server, replayed without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from support.llm_server import LLMServer
from support.pytest_runs import run_pytest

NOBODY = "http://127.0.0.1:9/v1"
CELLS = (
    "%load_ext victor_nb\nimport os, victor_nb as vn\n%victor use {url}#m",
    "%%victor -o answer\nWhich mean?",
    "assert answer.content == 'The mean is 3.'\nassert vn.analytics.turns()['input_tokens'].tolist() == [10]",
)


def notebook(folder: Path, url: str, *more: str, first: str = "", name: str = "chat") -> Path:
    cells = [nbformat.v4.new_code_cell(source.replace("{url}", url)) for source in (first, *CELLS, *more)]
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / f"{name}.ipynb"
    nbformat.write(made, path)
    return path


def recorded(folder: Path, server: LLMServer, *more: str) -> Path:
    server.reply("The mean is 3.")
    notebook(folder, server.openai_url, *more)
    code, told = run_pytest(folder, "--nbmake", "--victor=record", "chat.ipynb")
    assert code == 0, told
    assert "1 recorded" in told
    return folder / "cassettes" / "chat.json"


def test_a_recorded_notebook_passes_without_server_or_key(tmp_path: Path, llm_server: LLMServer) -> None:
    path = recorded(tmp_path, llm_server)
    before = path.read_text()
    notebook(tmp_path, NOBODY)
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", CI="true")
    assert code == 0, told
    assert "victor_nb: 1 answer replayed; 15 tokens and $0.0000 saved" in told
    assert path.read_text() == before


def test_a_notebook_is_not_warned_of_what_the_plugin_sets(tmp_path: Path) -> None:
    strict = "import warnings, victor_nb as vn\nwarnings.simplefilter('error')\nvn.AgentOrchestrator(model='demo')"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(strict)]), tmp_path / "strict.ipynb")
    code, told = run_pytest(tmp_path, "--nbmake", "strict.ipynb")
    assert code == 0, told


def test_what_a_cell_says_of_the_mode_is_for_readers(tmp_path: Path, llm_server: LLMServer) -> None:
    llm_server.reply("The mean is 3.")
    for mode, said in (("record", "replay 1x"), ("replay", "live")):
        notebook(tmp_path, llm_server.openai_url, first=f"%load_ext victor_nb\n%victor cassette {said}")
        code, told = run_pytest(tmp_path, "--nbmake", f"--victor={mode}", "chat.ipynb")
        assert code == 0, told
    assert len(llm_server.requests) == 1


def test_a_changed_question_fails_also_when_the_notebook_swallows_it(tmp_path: Path, llm_server: LLMServer) -> None:
    swallowed = "try:\n    await vn.orchestrator.chat('Which median?')\nexcept vn.VictorError:\n    pass"
    recorded(tmp_path, llm_server)
    notebook(tmp_path, NOBODY, swallowed)
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb")
    assert code == 1
    assert '"Which median?" is not recorded in chat.json.' in told
    assert "pytest --victor=record chat.ipynb records it" in told


def test_a_notebook_that_fails_keeps_no_recording(tmp_path: Path, llm_server: LLMServer) -> None:
    llm_server.reply("The mean is 4.")
    notebook(tmp_path, llm_server.openai_url)
    code, told = run_pytest(tmp_path, "--nbmake", "--victor=record", "chat.ipynb")
    assert code == 1, told
    assert not (tmp_path / "cassettes").exists()


def test_recording_is_refused_under_ci(tmp_path: Path, llm_server: LLMServer) -> None:
    notebook(tmp_path, llm_server.openai_url)
    code, told = run_pytest(tmp_path, "--nbmake", "--victor=record", "chat.ipynb", CI="true")
    assert code == 1
    assert "recording is refused under CI" in told
    assert llm_server.requests == []


def test_unused_recordings_fail_where_that_is_wanted(tmp_path: Path, llm_server: LLMServer) -> None:
    llm_server.reply("The mean is 3.")
    llm_server.reply("More.")
    notebook(tmp_path, llm_server.openai_url, "_ = await vn.orchestrator.chat('More?')")
    assert run_pytest(tmp_path, "--nbmake", "--victor=record", "chat.ipynb")[0] == 0
    notebook(tmp_path, NOBODY)
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", "-W", "default")
    assert code == 0, told
    assert "1 recording was not asked for" in told
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", "-o", "victor_unused=error")
    assert code == 1
    assert "--victor=rewrite leaves it out" in told


def test_with_several_processes_each_notebook_has_its_own(tmp_path: Path, llm_server: LLMServer) -> None:
    path = recorded(tmp_path, llm_server)
    for name in ("one", "two"):
        notebook(tmp_path, NOBODY, name=name)
        (path.parent / f"{name}.json").write_text(path.read_text())
    code, told = run_pytest(tmp_path, "--nbmake", "-n", "2", "one.ipynb", "two.ipynb")
    assert code == 0, told
    assert "victor_nb: 2 answers replayed" in told


def test_a_marked_test_gets_recorded_answers(tmp_path: Path, llm_server: LLMServer) -> None:
    source = """
import asyncio, pytest
from victor_nb import AgentOrchestrator, BaseAnalyticsExporter
from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.protocols import ExportResult

class Exporter(BaseAnalyticsExporter):
    async def export(self, events):
        return ExportResult(True, len(events))

async def mean():
    orchestrator = AgentOrchestrator(model="URL#m", analytics_coordinator=AnalyticsCoordinator([Exporter()]))
    answer = await orchestrator.chat("Which mean?")
    print((await orchestrator.analytics_coordinator.export_analytics()).exported_count, "delivered")
    orchestrator.close()
    return answer.content

@pytest.mark.victor_cassette
def test_mean():
    assert asyncio.run(mean()) == "The mean is 3."
"""
    llm_server.reply("The mean is 3.")
    (tmp_path / "test_it.py").write_text(source.replace("URL", llm_server.openai_url))
    home = str(tmp_path / "home")
    assert run_pytest(tmp_path, "--victor=record", "test_it.py", VICTOR_HOME=home)[0] == 0
    (tmp_path / "test_it.py").write_text(source.replace("URL", NOBODY))
    code, told = run_pytest(tmp_path, "-s", "test_it.py", VICTOR_HOME=home)
    assert (code, "1 answer replayed" in told, "0 delivered" in told) == (0, True, True), told
    assert "7 delivered" in run_pytest(tmp_path, "-s", "-o", "victor_exporters=true", "test_it.py", VICTOR_HOME=home)[1]
    assert [path.name for path in (tmp_path / "cassettes").iterdir()] == ["test_it.test_mean.json"]
    (tmp_path / "test_it.py").write_text(source.replace("URL", NOBODY).replace("mean?", "mode?"))
    assert "is not recorded in test_it.test_mean.json" in run_pytest(tmp_path, "test_it.py", VICTOR_HOME=home)[1]


def test_the_plugin_imports_next_to_nothing() -> None:
    script = (
        "import sys; before = set(sys.modules); import victor_nb.testing.plugin; "
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('victor_nb', 'pydantic', 'IPython', 'pandas')))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == ["victor_nb", "victor_nb.testing", "victor_nb.testing.plugin"]


def test_a_mode_that_is_none_is_told(tmp_path: Path) -> None:
    notebook(tmp_path, NOBODY)
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb", VICTOR_CASSETTE_MODE="repaly")
    assert code != 0
    assert "there is no mode 'repaly'" in told


@pytest.mark.parametrize("text", ["{", '{"victor_cassette": 9}'])
def test_a_cassette_that_is_none_is_one_line(tmp_path: Path, text: str) -> None:
    notebook(tmp_path, NOBODY)
    (tmp_path / "cassettes").mkdir()
    (tmp_path / "cassettes" / "chat.json").write_text(text)
    code, told = run_pytest(tmp_path, "--nbmake", "chat.ipynb")
    assert code == 1
    assert "CassetteError" in told
    assert "cannot be read" in told


FORKED = "import os; assert 'kernels.server' in open(f'/proc/{os.getppid()}/cmdline').read()"
PLAIN = FORKED.replace(" in ", " not in ")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")


def of_one_cell(path: Path, source: str) -> None:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, path)


@on_linux
def test_kernels_are_forked_where_nothing_is_said(tmp_path: Path) -> None:
    for name in ("one", "two"):
        of_one_cell(tmp_path / f"{name}.ipynb", FORKED)
    code, told = run_pytest(tmp_path, "--nbmake", "one.ipynb", "two.ipynb")
    assert code == 0, told
    assert "not forked" not in told
    told = run_pytest(tmp_path, "--nbmake", "-o", "victor_kernels=fast")[1]
    assert "victor_kernels = fast: it is fork or plain" in told


@on_linux
def test_kernels_are_plain_where_that_is_said_and_where_it_pays(tmp_path: Path) -> None:
    for name in ("one", "two"):
        of_one_cell(tmp_path / f"{name}.ipynb", PLAIN)
    assert run_pytest(tmp_path, "--nbmake", "one.ipynb", "two.ipynb", "-o", "victor_kernels=plain")[0] == 0
    assert run_pytest(tmp_path, "--nbmake", "one.ipynb")[0] == 0


@on_linux
def test_where_none_can_be_forked_plain_ones_run_and_that_is_told(tmp_path: Path) -> None:
    for name in ("one", "two"):
        of_one_cell(tmp_path / f"{name}.ipynb", PLAIN)
    (tmp_path / "traced").mkdir()
    (tmp_path / "traced" / "sitecustomize.py").write_text("import sys; sys.setprofile(lambda *_: None)")
    path = os.pathsep.join([str(tmp_path / "traced"), *filter(None, [os.environ.get("PYTHONPATH")])])
    code, told = run_pytest(tmp_path, "--nbmake", "one.ipynb", "two.ipynb", PYTHONPATH=path)
    assert code == 0, told
    assert "victor_nb: 2 kernels were not forked: the interpreter is traced" in told


@on_linux
def test_a_process_that_runs_no_notebook_warms_nothing(tmp_path: Path) -> None:
    for name in ("one", "two"):
        of_one_cell(tmp_path / f"{name}.ipynb", FORKED)
    (tmp_path / "test_other.py").write_text("def test_other(): pass\n")
    (tmp_path / "conftest.py").write_text(
        "import pathlib, sys\n"
        "def pytest_sessionfinish(session):\n"
        "    if worker := getattr(session.config, 'workerinput', None):\n"
        "        warm = 'victor_nb.testing.kernels.warm_server' in sys.modules\n"
        "        pathlib.Path(__file__).with_name(worker['workerid']).write_text(f'warm: {warm}')\n"
    )
    files = ("one.ipynb", "two.ipynb", "test_other.py")
    code, told = run_pytest(tmp_path, "--nbmake", "-n", "3", *files)
    assert code == 0, told
    assert sorted(path.read_text() for path in tmp_path.glob("gw*")) == ["warm: False", "warm: True", "warm: True"]

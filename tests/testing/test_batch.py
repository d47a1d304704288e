"""Notebooks that programs run without pytest find their recordings by themselves."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer
from support.notebooks import run_program, write_notebook

NOBODY = "http://127.0.0.1:9/v1"
CELLS = (
    "%load_ext victor_nb\n%victor use {url}#m",
    "%%victor -o answer\nWhich mean?",
    "assert answer.content == 'The mean is 3.'",
)


def chat(folder: Path, url: str, *more: str, name: str = "chat", **options: object) -> Path:
    cells = [source.replace("{url}", url) for source in (*CELLS, *more)]
    return write_notebook(folder / f"{name}.ipynb", cells, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a notebook that `jupyter execute` has recorded, and whose model is gone."""
    folder, server = tmp_path_factory.mktemp("batch"), LLMServer()
    try:
        server.reply("The mean is 3.")
        chat(folder, server.openai_url)
        code, told = run_program(folder, "jupyter", "execute", "chat.ipynb", VICTOR_CASSETTE_MODE="record")
    finally:
        server.close()
    assert code == 0, told
    chat(folder, NOBODY)
    return folder


PROGRAMS = (
    ("jupyter", "execute", "{folder}/chat.ipynb"),
    ("nbconvert", "--execute", "--to", "notebook", "{folder}/chat.ipynb"),
    ("papermill", "--cwd", "{folder}", "{folder}/chat.ipynb", "{folder}/out.ipynb", "-p", "alpha", "2"),
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program[0])
def test_it_replays_with_no_configuration(recorded: Path, tmp_path: Path, program: tuple[str, ...]) -> None:
    code, told = run_program(tmp_path, *(word.replace("{folder}", str(recorded)) for word in program))
    assert code == 0, told


def test_nbval_finds_what_a_replay_has_saved_and_what_a_cell_swallows(recorded: Path, tmp_path: Path) -> None:
    cassette_of(tmp_path, recorded)
    frame = "import victor_nb as vn\nvn.analytics.turns()[['model', 'input_tokens', 'duration_s']]"
    path = chat(tmp_path, NOBODY, frame, tags={1: ["nbval-ignore-output"]})  # nbval keeps what was cleared
    code, told = run_program(tmp_path, "jupyter", "execute", "--inplace", path.name)
    assert code == 0, told
    saved = nbformat.read(path, as_version=4)
    assert "10" in saved.cells[3].outputs[0]["data"]["text/plain"]
    swallowed = "try:\n    await vn.orchestrator.chat('Which median?')\nexcept vn.VictorError:\n    pass"
    saved.cells.append(nbformat.v4.new_code_cell(swallowed))
    nbformat.write(saved, path)
    code, told = run_program(tmp_path, "pytest", "--nbval", "-q", "-p", "no:cacheprovider", path.name)
    assert "1 failed, 4 passed" in told, told
    assert '"Which median?" is not recorded in chat.json.' in told
    assert "1 answer replayed" in told


def cassette_of(folder: Path, recorded: Path, name: str = "chat") -> Path:
    path = folder / "cassettes" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    shutil.copy(recorded / "cassettes" / "chat.json", path)
    return path


def run_all(kernel: Kernel, path: Path) -> list[CellResult]:
    """As nbclient does: no ids, no input, and the end at the first cell that fails."""
    results: list[CellResult] = []
    for cell in nbformat.read(path, as_version=4).cells:
        results.append(kernel.run(cell.source))
        if results[-1].error:
            break
    return results


def failed(results: list[CellResult]) -> str:
    return "\n".join(results[-1].error.traceback) if results[-1].error else ""


def test_notebooks_that_begin_alike_are_told_apart_at_the_first_question(
    recorded: Path, new_kernel: Callable[..., Kernel], tmp_path: Path
) -> None:
    cassette_of(tmp_path, recorded)
    chat(tmp_path, NOBODY)
    write_notebook(tmp_path / "other.ipynb", [CELLS[0].replace("{url}", NOBODY), "print(1)"])
    assert failed(run_all(new_kernel(), tmp_path / "chat.ipynb")) == ""
    chat(tmp_path, NOBODY, "print(1)", name="twin")
    told = failed(run_all(new_kernel(), tmp_path / "chat.ipynb"))
    assert "cannot be told yet: chat.ipynb, twin.ipynb begin alike" in told
    assert "VICTOR_CASSETTE=" in told


def test_in_a_test_run_a_notebook_without_recordings_asks_nobody(
    recorded: Path, new_kernel: Callable[..., Kernel], tmp_path: Path, llm_server: LLMServer
) -> None:
    cassette_of(tmp_path, recorded, "other")
    path = chat(tmp_path, llm_server.openai_url)
    assert "is not recorded in chat.json" in failed(run_all(new_kernel(), path))
    assert llm_server.requests == []
    run_all(new_kernel({"VICTOR_CASSETTE_MODE": "live"}), path)
    assert len(llm_server.requests) == 1


def test_an_interactive_notebook_stays_live(
    recorded: Path, new_kernel: Callable[..., Kernel], tmp_path: Path, llm_server: LLMServer
) -> None:
    cassette_of(tmp_path, recorded)
    path = chat(tmp_path, llm_server.openai_url)
    kernel = new_kernel({"JPY_SESSION_NAME": str(path)})
    assert failed(run_all(kernel, path)) != ""
    assert len(llm_server.requests) == 1


def test_a_recording_is_kept_when_all_cells_have_run_and_none_has_failed(
    new_kernel: Callable[..., Kernel], tmp_path: Path, llm_server: LLMServer
) -> None:
    environment = {"VICTOR_CASSETTE_MODE": "record", "CI": ""}
    llm_server.reply("The mean is 4.")
    kernel, path = new_kernel(environment), chat(tmp_path, llm_server.openai_url)
    assert failed(run_all(kernel, path)) != ""
    kernel.close()
    assert not (tmp_path / "cassettes").exists()
    llm_server.reply("The mean is 3.")
    path = chat(tmp_path, llm_server.openai_url, "1/0", tags={3: ["raises-exception"]})
    run_all(new_kernel(environment), path)
    assert "The mean is 3." in (tmp_path / "cassettes" / "chat.json").read_text()


def test_a_cell_that_is_tagged_live_asks_the_real_model(
    recorded: Path, new_kernel: Callable[..., Kernel], tmp_path: Path, llm_server: LLMServer
) -> None:
    cassette_of(tmp_path, recorded)
    llm_server.reply("Live.")
    more = ("%%victor -o other -s aside\nHow now?", "assert other.content == 'Live.'")
    path = chat(tmp_path, llm_server.openai_url, *more, tags={3: ["victor-live"]})
    assert failed(run_all(new_kernel(), path)) == ""
    assert len(llm_server.requests) == 1


def test_a_notebook_need_not_load_the_extension(
    recorded: Path, new_kernel: Callable[..., Kernel], tmp_path: Path
) -> None:
    cells = (
        f"from victor_nb import AgentOrchestrator\norchestrator = AgentOrchestrator(model='{NOBODY}#m')",
        "answer = await orchestrator.chat('Which mean?')\nassert answer.content == 'The mean is 3.'",
    )
    path = write_notebook(tmp_path / "plain.ipynb", cells)
    asked = cassette_of(tmp_path, recorded, "elsewhere")
    assert failed(run_all(new_kernel({"VICTOR_CASSETTE": str(asked)}), path)) == ""
    asked.rename(asked.with_name("plain.json"))
    assert failed(run_all(new_kernel(), path)) == ""

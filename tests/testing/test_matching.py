"""Which notebook a kernel runs is told by the cells that it has run."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.notebooks import write_notebook

from victor_nb.testing.notebooks.kernel import RunningCell
from victor_nb.testing.notebooks.matching import candidates, reached
from victor_nb.testing.notebooks.notebook_file import CodeCell, Notebook, read
from victor_nb.testing.notebooks.tags import tags_of

LOAD, ASK = "%load_ext victor_nb", "%%victor\nWhich mean?"
sources = st.lists(st.sampled_from([LOAD, ASK, "a = 1", "b = 2", "# Parameters\na = 3"]), max_size=6)


def names(folder: Path, *executed: str) -> list[str]:
    return [notebook.path.name for notebook in candidates(folder, executed)]


@given(sources, sources)
def test_a_notebook_begins_with_its_own_cells_and_nothing_else(cells: list[str], other: list[str]) -> None:
    notebook = Notebook(Path("a.ipynb"), tuple(CodeCell(source) for source in cells))
    injected = ["# Parameters\nx = 1"]
    assert [reached(notebook, cells[:n]) for n in range(len(cells) + 1)] == list(range(len(cells) + 1))
    assert reached(notebook, injected + cells) == len(cells)
    plain = [source for source in other if not source.startswith("# P")]
    if plain != cells[: len(plain)] and not any(source.startswith("# P") for source in cells):
        assert reached(notebook, plain) is None


def test_notebooks_that_begin_alike_are_told_apart_by_more_cells(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", [LOAD, ASK, "a = 1"])
    write_notebook(tmp_path / "b.ipynb", [LOAD, ASK, "b = 1"])
    write_notebook(tmp_path / "c.ipynb", ["print(1)", LOAD])
    assert names(tmp_path, LOAD) == ["a.ipynb", "b.ipynb"]
    assert names(tmp_path, LOAD, f" {ASK} \n", "b = 1") == ["b.ipynb"]
    assert names(tmp_path, LOAD, "c = 1") == []


def test_copies_and_what_papermill_made_are_not_the_notebook(tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb", [LOAD, ASK])
    write_notebook(tmp_path / "a.nbconvert.ipynb", [LOAD, ASK])
    made = {"papermill": {"input_path": "work/a.ipynb"}}
    write_notebook(tmp_path / "out.ipynb", ["# Parameters\nx = 1", LOAD, ASK], metadata=made)
    assert names(tmp_path, "# Parameters\nx = 2", LOAD) == ["a.ipynb"]
    (tmp_path / "a.ipynb").unlink()
    tags = {0: ["injected-parameters"]}
    write_notebook(tmp_path / "out.ipynb", ["# Parameters\nx = 1", LOAD, ASK], metadata=made, tags=tags)
    assert names(tmp_path, "# Parameters\nx = 2", LOAD, ASK) == ["a.nbconvert.ipynb", "out.ipynb"]


def test_cells_that_are_not_executed_do_not_count(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "a.ipynb", ["", LOAD, "1/0", ASK], tags={2: ["skip-execution"]})
    notebook = read(path)
    assert notebook
    assert reached(notebook, [LOAD, ASK]) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": 3}', '{"cells": [1, {"source": 2}]}'])
def test_a_file_that_is_no_notebook_is_passed_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.ipynb").write_text(text)
    assert names(tmp_path, LOAD) == []


def test_the_tags_of_a_cell_are_found_by_its_id_or_by_its_turn() -> None:
    cells = (CodeCell(ASK, "one", frozenset({"x"})), CodeCell(LOAD, "two"), CodeCell(f"{ASK}\n", "three"))
    notebook = Notebook(Path("a.ipynb"), cells)
    assert tags_of(notebook, RunningCell("changed", "one"), []) == {"x"}
    assert tags_of(notebook, RunningCell(ASK), [ASK]) == {"x"}
    assert tags_of(notebook, RunningCell(ASK), [ASK, LOAD, ASK]) == frozenset()
    assert tags_of(notebook, RunningCell("print(1)"), ["print(1)"]) == frozenset()


def test_where_recordings_are(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "My chat.ipynb", [LOAD])
    named = write_notebook(tmp_path / "b.ipynb", [LOAD], metadata={"victor_nb": {"cassette": "../x.json"}})
    found = [notebook.cassette for one in (path, named) if (notebook := read(one))]
    assert found == [tmp_path / "cassettes" / "My-chat.json", tmp_path / "../x.json"]

"""`--overwrite` saves the same bytes after every run that says the same."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import nbformat
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output
from support.pytest_runs import run_pytest

from victor_nb.testing.notebooks.saved import settle


def written(path: Path, *outputs: list[nbformat.NotebookNode], tags: tuple[str, ...] = ()) -> str:
    cells = [
        new_code_cell("1", id=str(n), outputs=each, metadata={"tags": list(tags)}) for n, each in enumerate(outputs)
    ]
    nbformat.write(new_notebook(cells=cells), path)
    return path.read_text(encoding="utf-8")


def stream(text: str, name: str = "stdout") -> nbformat.NotebookNode:
    return new_output("stream", name=name, text=text)


@given(st.text(st.sampled_from("aé\n\r ✓"), max_size=30), st.sets(st.integers(0, 30)))
def test_however_a_text_is_cut_into_messages_it_is_saved_alike(tmp_path_factory, text: str, cuts: set[int]) -> None:
    path = tmp_path_factory.mktemp("cut") / "one.ipynb"
    places = [0, *sorted(cuts), len(text)]
    whole = written(path, [stream(text)])
    written(path, [stream(text[a:b]) for a, b in itertools.pairwise(places)])
    settle(path, whole)
    assert nbformat.read(path, 4) == nbformat.reads(whole, 4)


def test_what_was_said_on_another_stream_in_between_stays_there(tmp_path: Path) -> None:
    path = tmp_path / "one.ipynb"
    before = written(path, [stream("a"), stream("b", "stderr"), stream("c")])
    settle(path, before)
    assert path.read_text() == before


def test_an_output_that_no_run_repeats_is_kept_but_for_an_error(tmp_path: Path) -> None:
    path, tags = tmp_path / "one.ipynb", ("victor-ignore-output",)
    before = written(path, [stream("7 s")], [], [stream("ok")], tags=tags)
    error = new_output("error", ename="ValueError", evalue="", traceback=[])
    written(path, [stream("8 s")], [stream("new")], [error], tags=tags)
    settle(path, before)
    shown = [cell.outputs[0].get("text", "an error") for cell in nbformat.read(path, 4).cells]
    assert shown == ["7 s", "new", "an error"]


def test_nothing_else_of_the_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "one.ipynb"
    data = new_output("display_data", data={"text/plain": "a\nb", "application/json": {"b": [1, "\n"], "a": None}})
    before = written(path, [data, stream("é\n")])
    settle(path, json.dumps(json.loads(before) | {"cells": []}))
    assert path.read_text(encoding="utf-8") == before


def test_a_second_run_under_pytest_writes_the_same(tmp_path: Path) -> None:
    slowly = "import time\nfor word in 'ab':\n    print(word, flush=True)\n    time.sleep(0.3)"
    cells = [new_code_cell(slowly, id="a"), new_code_cell("time.time_ns()", id="b")]
    cells[1].metadata["tags"] = ["victor-ignore-output"]
    path = tmp_path / "one.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    outputs: list[list[nbformat.NotebookNode]] = []
    for _ in range(2):
        code, told = run_pytest(tmp_path, "--nbmake", "--overwrite", "one.ipynb")
        assert code == 0, told
        outputs.append([cell.outputs for cell in nbformat.read(path, 4).cells])
    assert outputs[0] == outputs[1]
    assert outputs[0][0] == [stream("a\nb\n")]

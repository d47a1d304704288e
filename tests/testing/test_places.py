"""Where recordings may be, and what is told of places where they may not."""

from __future__ import annotations

from pathlib import Path

from support.notebooks import run_program, write_notebook

LOAD = "%load_ext victor_nb"


def test_each_place_that_cannot_be_is_one_clear_error(tmp_path: Path) -> None:
    """None of these notebooks is run."""
    shared, root = {"cassette": "../shared.json"}, tmp_path / "project"
    for name in ("a", "b"):
        write_notebook(root / name / "chat.ipynb", [LOAD], metadata={"victor_nb": shared})
    write_notebook(root / "c" / "far.ipynb", [LOAD], metadata={"victor_nb": {"cassette": "../../elsewhere.json"}})
    (root / "d").mkdir()
    (root / "d" / "cassettes").write_text("a file, and no folder")
    write_notebook(root / "d" / "stuck.ipynb", [LOAD])
    (root / "pytest.ini").write_text("[pytest]\n")
    code, told = run_program(root, "pytest", "--nbmake", "-q", "--victor=record", "-p", "no:cacheprovider", ".")
    assert code == 1
    assert "a/chat.ipynb and b/chat.ipynb would have the same cassette, shared.json" in told
    assert '→ give one of them its own, in its metadata: {"victor_nb": {"cassette": "cassettes/NAME.json"}}' in told
    assert f"the cassette of c/far.ipynb is outside of the project: {tmp_path}/elsewhere.json" in told
    assert f"{root}/d/cassettes/stuck.json cannot be written" in told
    assert "NBMAKE INTERNAL ERROR" not in told
    code, told = run_program(root, "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", "a", "b", "--deselect", "b/")
    assert code == 0, told

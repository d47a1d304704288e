"""Where recordings may be, and what is told of places where they may not."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from support.llm_server import LLMServer
from support.notebooks import run_program, write_notebook

from victor_nb.testing import CassetteError
from victor_nb.testing.notebooks.trial import Trial, trial

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


def test_tests_of_one_name_in_two_classes_have_each_their_own(tmp_path: Path, llm_server: LLMServer) -> None:
    tests = """
        import pytest

        class TestMean:
            @pytest.mark.victor_cassette(model="{url}#m")
            def test_asks(self, victor):
                assert victor.chat("Which mean?").content == "3"

        class TestMedian:
            @pytest.mark.victor_cassette(model="{url}#m")
            def test_asks(self, victor):
                assert victor.chat("Which median?").content == "4"
        """
    (tmp_path / "test_it.py").write_text(dedent(tests).replace("{url}", llm_server.openai_url))
    for answer in "34":
        llm_server.reply(answer)
    code, told = run_program(tmp_path, "pytest", "-q", "--victor=rewrite", "-p", "no:cacheprovider")
    assert code == 0, told
    names = sorted(path.name for path in (tmp_path / "cassettes").iterdir())
    assert names == ["test_it.TestMean.test_asks.json", "test_it.TestMedian.test_asks.json"]
    code, told = run_program(tmp_path, "pytest", "-q", "-o", "victor_unused=error", "-p", "no:cacheprovider")
    assert code == 0, told


def drafted(run: Trial, text: bytes) -> None:
    Path(str(run.environment["VICTOR_CASSETTE_DRAFT"])).write_bytes(text)


def test_what_was_recorded_is_written_whole_or_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = tmp_path / "cassettes" / "a.json"
    for text in (b"one\r\ntwo\r\n", b"one\r\n"):
        with trial(tmp_path / "a.ipynb", kept, "record") as run:
            drafted(run, text)
            run.keep()
        assert (kept.read_bytes(), [path.name for path in kept.parent.iterdir()]) == (text, ["a.json"])
    with trial(tmp_path / "a.ipynb", tmp_path / "file" / "a.json", "record") as run:
        drafted(run, b"one\n")
        with pytest.raises(CassetteError, match="cannot be written: its folder is a file"):
            run.keep()

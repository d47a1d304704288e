"""`%victor cassette` in an interactive notebook: what is recorded in one kernel is replayed in the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

LOAD, ASK = "%load_ext victor_nb", "%%victor -o answer\nWhich mean?"


Cells = Callable[..., list[str]]


def shown(result: CellResult) -> str:
    return "\n".join([result.stdout.rstrip(), *(result.error.traceback if result.error else [])])


@pytest.fixture
def cells(new_kernel: Callable[..., Kernel], tmp_path: Path) -> Cells:
    """`cells(source, …)` runs them one by one in a new kernel, as JupyterLab does, and gives what each has shown."""

    def run(*sources: str, **environment: str) -> list[str]:
        kernel = new_kernel({"JPY_SESSION_NAME": str(tmp_path / "talk.ipynb"), "CI": ""} | environment)
        return [shown(kernel.wait(kernel.start(source, cell_id="one"))) for source in (LOAD, *sources)]

    return run


def test_what_is_recorded_is_on_disk_at_once_and_is_replayed(
    cells: Cells, tmp_path: Path, llm_server: LLMServer
) -> None:
    llm_server.reply("The mean is 3.")
    *_, told = cells("%victor cassette record", f"%victor use {llm_server.openai_url}#m", ASK, "%victor cassette")
    path = tmp_path / "cassettes" / "talk.json"
    assert len(json.loads(path.read_text())["requests"]) == 1
    assert told.splitlines() == [
        "record: what is not recorded is asked, and recorded (cassettes/talk.json, 1 recording)",
        "0 replayed, 1 recorded, 0 missing, 0 not asked for",
    ]
    *_, turns, _, told = cells(
        "%victor use demo",
        "%victor cassette replay 50x",
        "%victor use http://127.0.0.1:9/v1#m",
        "import victor_nb as vn\nprint(len(vn.analytics.turns(all=True)))",
        ASK,
        "%victor cassette",
    )
    assert turns == "0"
    assert told.splitlines() == [
        "replay at 50x: recorded answers are given, nothing is asked (cassettes/talk.json, 1 recording)",
        "1 replayed, 0 recorded, 0 missing, 0 not asked for",
    ]
    assert len(llm_server.requests) == 1


def test_a_verified_answer_that_is_another_one_is_told(cells: Cells, tmp_path: Path, llm_server: LLMServer) -> None:
    for text in ("The mean is 3.", "The mean is 4."):
        llm_server.reply(text)
    use = f"%victor use {llm_server.openai_url}#m"
    cells("%victor cassette record", use, ASK)
    *_, told = cells("%victor cassette verify", use, "%victor session other", ASK, "%victor cassette")
    assert "0 replayed, 0 recorded, 1 verified, 0 missing, 0 not asked for" in told
    assert ("-The mean is 3." in told, "+The mean is 4." in told) == (True, True)


def test_the_environment_may_say_so_for_an_interactive_notebook_too(cells: Cells, llm_server: LLMServer) -> None:
    *_, told = cells("%victor use http://127.0.0.1:9/v1#m", ASK, "%victor doctor", VICTOR_CASSETTE_MODE="replay")
    assert "(cassettes/talk.json, 0 recordings); 1 request was not recorded" in told


def test_words_of_the_verb(cells: Cells) -> None:
    words = {
        "rekord": "there is no 'rekord'. Did you mean 'record'?",
        "replay fast": "'fast' is no pace.",
        "replay 0x": "'0x' is no pace.",
        "record 1x": "takes nothing more",
        "off": "live: models answer themselves, nothing is recorded (cassettes/talk.json, 0 recordings)",
    }
    for told, wanted in zip(cells(*(f"%victor cassette {word}" for word in words))[1:], words.values(), strict=True):
        assert wanted in told


def test_recording_under_ci_is_refused(cells: Cells) -> None:
    assert "recording is refused under CI" in cells("%victor cassette record", CI="1")[-1]


def test_where_the_notebook_is_not_known_the_error_says_what_to_do(cells: Cells) -> None:
    *_, told = cells("%victor cassette record", JPY_SESSION_NAME="")
    assert "the front end does not say which notebook this is" in told
    assert "VICTOR_CASSETTE=cassettes/NAME.json" in told

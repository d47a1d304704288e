"""One setting says how much is shown beside the answers; a flag wins over it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from support.cells import connect, error_of, run_ok
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

Start = Callable[..., Kernel]
DETAILS = "1 request · 0 tool calls · "


def last_line(result: CellResult) -> str:
    return result.displays[-1]["text/plain"].splitlines()[-1]


def test_quiet_leaves_out_footers_and_confirmations(new_kernel: Start, llm_server: LLMServer) -> None:
    kernel = new_kernel(env={"VICTOR_VERBOSITY": "quiet"})
    connect(kernel, llm_server)
    assert last_line(run_ok(kernel, "%%victor\nHi")) == "Hello from the loopback server."
    assert "tokens" in last_line(run_ok(kernel, "%%victor -v\nHi"))
    assert "tokens" not in str(run_ok(kernel, "await vn.ask('Hi')\nNone").displays)
    for done in ("pin 0", "use demo", "tags a=1", "session other"):
        assert run_ok(kernel, f"%victor {done}").outputs == []
    assert "Session other" in run_ok(kernel, "%victor session").stdout
    assert 'verbosity = "quiet" (from env VICTOR_VERBOSITY)' in run_ok(kernel, "%victor config verbosity").stdout


def test_detailed_tells_how_the_answer_came_about(new_kernel: Start, llm_server: LLMServer) -> None:
    kernel = new_kernel(env={"VICTOR_VERBOSITY": "detailed", "VICTOR_CONTEXT_WINDOW": "1000"})
    connect(kernel, llm_server)
    done = run_ok(kernel, "%%victor -s <thesis>\nHi")
    assert DETAILS in last_line(done)
    assert last_line(done).endswith("% of the window · session <thesis>")
    assert "session &lt;thesis&gt;" in done.displays[-1]["text/html"]
    assert "tokens" not in last_line(run_ok(kernel, "%%victor -q\nHi"))


def test_both_flags_are_one_too_many(chat: Kernel) -> None:
    assert DETAILS in last_line(run_ok(chat, "%%victor -v\nHi"))
    assert "-q and -v exclude each other" in error_of(chat, "%%victor -q -v\nHi").evalue


@pytest.mark.parametrize("word", ["loud", "QUIET "])
def test_another_word_is_refused(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from victor_nb import Settings
    from victor_nb.errors import ConfigError

    monkeypatch.setenv("VICTOR_VERBOSITY", word)
    with pytest.raises(ConfigError, match="'quiet', 'normal' or 'detailed'"):
        Settings()

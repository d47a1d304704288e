"""Completion as a front end asks for it: flags, verbs, their values, and names inside of `{{ }}`."""

from __future__ import annotations

import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.cells import run_ok, value_of
from support.kernels import Kernel
from support.llm_server import LLMServer

from victor_nb.config.settings import Settings
from victor_nb.notebook.grammar.arguments import VERBS
from victor_nb.notebook.grammar.cursor import place_in
from victor_nb.notebook.grammar.flags import FLAGS
from victor_nb.notebook.grammar.setting_names import SETTINGS

Shared = tuple[Kernel, LLMServer]
NAMES = """
import pandas as pd
from dataclasses import dataclass
@dataclass
class Planet:
    name: str
def price_of(item): ...
class Touchy:
    @property
    def effect(self):
        print("called")
        return self
    def __getattr__(self, name): raise RuntimeError
planets, touchy, prices = [Planet("Mars")], Touchy(), pd.DataFrame({"euro": [1]})
"""


@pytest.fixture(scope="module")
def kernel(shared: Shared) -> Kernel:
    run_ok(shared[0], NAMES)
    run_ok(shared[0], "%%victor -s thesis -o answer\\nHi".replace("\\n", "\n"))
    return shared[0]


def offered(kernel: Kernel, code: str) -> list[str]:
    """With the cursor at `|`, or at the end."""
    before, _, after = code.partition("|")
    return kernel.complete(before + after, len(before))["matches"]


def offered_soon(kernel: Kernel, code: str, wanted: str) -> list[str]:
    """What comes from a file or the like may be offered only with the second press of the key."""
    deadline = time.monotonic() + 20
    while wanted not in (found := offered(kernel, code)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def test_verbs_and_flags_are_offered_alone(kernel: Kernel) -> None:
    assert offered(kernel, "%victor ") == list(VERBS)
    assert offered(kernel, "frame = %victor sess") == ["session", "sessions"]
    assert offered(kernel, "%%victor --sch|\nHi") == ["--schema"]
    assert offered(kernel, "%%victor ") == [flag.names[-1] for flag in FLAGS]
    assert "--output" not in offered(kernel, "%%victor -o answer ")
    assert "--tag" in offered(kernel, "%%victor --tag a=1 ")


@pytest.mark.parametrize(
    ("code", "matches"),
    [
        ("%victor tags cl", ["clear"]),
        ("%victor help doc", ["doctor"]),
        ("%victor session del", ["delete"]),
        ("%victor session delete thesis --y", ["--yes"]),
        ("%victor cassette rep", ["replay"]),
        ("%victor cassette replay ", ["1x", "2x"]),
        ("%victor panel ch", ["chat"]),
        ("%%victor -f co", ["code"]),
        ("%%victor --format=js", ["json"]),
        ("%%victor --tools pri", ["price_of"]),
        ("%%victor --tools price_of,pri", ["price_of"]),
        ("%%victor --schema Pl", ["Planet"]),
        ("%%victor -o ans", ["answer"]),
        ("%%time\n%%victor -f te", ["text"]),
    ],
)
def test_values_are_offered(kernel: Kernel, code: str, matches: list[str]) -> None:
    assert offered(kernel, code) == matches


def test_models_sessions_settings_and_columns_are_offered(kernel: Kernel) -> None:
    assert "anthropic:claude-sonnet-5-5" in offered_soon(kernel, "%victor use anth", "anthropic:claude-sonnet-5-5")
    assert offered_soon(kernel, "%victor use openai:gpt-4o-mi", "openai:gpt-4o-mini")[0].startswith("openai:gpt-4o-mi")
    assert "google:gemini-3.8-flash" in offered_soon(kernel, "%%victor -m flash", "google:gemini-3.8-flash")
    run_ok(kernel, "%%victor -s 'two words'\nHi")
    assert offered_soon(kernel, "%%victor -s th", "thesis") == ["thesis"]
    assert "'two words'" in offered_soon(kernel, "%%victor -s ", "'two words'")
    assert offered_soon(kernel, "%victor session thesi", "thesis") == ["thesis"]
    assert offered(kernel, "%victor config max_tool") == ["max_tool_rounds"]
    assert "cost_usd" in offered_soon(kernel, "%victor analytics cost", "cost_usd")


def test_after_the_last_word_nothing_of_ours_is_offered(kernel: Kernel) -> None:
    assert "demo" in offered(kernel, "%victor use ")
    assert "demo" not in offered(kernel, "%victor use demo ")


def test_where_nothing_of_ours_fits_nothing_is_offered_but_paths(kernel: Kernel) -> None:
    run_ok(kernel, "open('a_file.jsonl', 'w').close()")
    for code in ("%victor undo ", "%%victor --tools no_such", "%%victor --temperature ", "%victor config no_such"):
        assert offered(kernel, code) == []
    for code in ("%victor session import a_fi", "%victor session export thesis a_fi", "%victor analytics backup a_fi"):
        assert offered(kernel, code) == ["a_file.jsonl"]


def test_all_settings_are_offered() -> None:
    assert tuple(Settings.model_fields) == SETTINGS


def test_names_and_attributes_are_offered_inside_of_braces(kernel: Kernel) -> None:
    assert offered(kernel, "%%victor\nTell me of {{ plan") == ["Planet", "planets"]
    assert offered(kernel, "%%victor\nTell me of {{ pri| }} please") == ["price_of", "prices"]
    assert offered(kernel, "%%victor\nOf {{ prices.eu") == ["prices.euro"]
    assert "planets" in offered(kernel, "%%victor\nOf {{ len(")
    assert offered(kernel, "%%victor\nOf {{ sort") == ["sorted"]


def test_completing_calls_nothing(kernel: Kernel) -> None:
    assert "touchy.effect" in offered(kernel, "%%victor\n{{ touchy.eff")
    offered(kernel, "%%victor\n{{ touchy.effect.")
    assert run_ok(kernel, "pass").stdout == ""


@pytest.mark.parametrize("jedi", ["True", "False"])
def test_elsewhere_ipython_completes_as_before(kernel: Kernel, jedi: str) -> None:
    run_ok(kernel, f"get_ipython().Completer.use_jedi = {jedi}")
    assert "planets" in offered(kernel, "%victor model\nplan")
    assert "planets" in offered(kernel, "x = 5  # %victor\nplan")
    assert offered(kernel, "%%victor --sch|\nHi") == ["--schema"]
    assert offered(kernel, "%%bash\n%victor se") != ["search", "session", "sessions"]


def test_it_is_where_the_extension_is(kernel: Kernel) -> None:
    run_ok(kernel, "%reload_ext victor_nb")
    ours = "[getattr(m, 'matcher_identifier', '') for m in get_ipython().Completer.custom_matchers].count('victor_nb')"
    assert value_of(kernel, ours) == "1"


WATCH = """
import sys, threading
main, seen = threading.main_thread(), []
sys.addaudithook(lambda event, _: seen.append(event)
    if event.startswith("socket.connect") and threading.current_thread() is main else None)
"""


def test_no_socket_is_opened_and_no_library_of_models_imported(new_kernel: Callable[..., Kernel]) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # an Ollama that has no list
    fresh = new_kernel(env={"OLLAMA_HOST": f"127.0.0.1:{server.server_port}"})
    run_ok(fresh, "%load_ext victor_nb\n" + WATCH)
    assert offered_soon(fresh, "%victor use openai:gpt-4o-mi", "openai:gpt-4o-mini")
    assert offered(fresh, "%victor config verb") == ["verbosity"]
    offered(fresh, "%%victor -s ")
    assert value_of(fresh, "(seen, 'pydantic_ai' in sys.modules, 'pandas' in sys.modules)") == "([], False, False)"
    server.server_close()


@given(st.text(alphabet="%victor{} .\n-m=\"'[x", max_size=60), st.data())
def test_no_cell_is_too_odd(text: str, data: st.DataObject) -> None:
    lines = text.split("\n")
    number = data.draw(st.integers(0, len(lines) - 1))
    column = data.draw(st.integers(0, len(lines[number])))
    place = place_in(text, number, column)
    assert place is None or lines[number][:column].endswith(place.fragment)

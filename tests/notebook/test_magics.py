"""`%load_ext`, `%victor` and `%%victor` in a real kernel: what a cell shows, binds and leaves behind."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cells import run_ok, value_of
from support.kernels import CellResult, Kernel
from support.llm_server import LLMServer

Shared = tuple[Kernel, LLMServer]
FOOTER = re.compile(r"m · 10 in \+ 5 out tokens · cost unknown · [\d.]+ s")


def only_display(result: CellResult) -> dict[str, str]:
    """The bundle of a cell that must have one output and no text beside it."""
    assert [output["output_type"] for output in result.outputs] == ["display_data"], result.outputs
    return result.displays[0]


def test_the_extension_loads_unloads_and_loads_again(kernel: Kernel) -> None:
    run_ok(kernel, "%load_ext victor_nb")
    assert "demo" in only_display(run_ok(kernel, "%%victor -m demo\nHi"))["text/plain"]
    run_ok(kernel, "%unload_ext victor_nb")
    assert "%%victor` not found" in kernel.run("%%victor -m demo\nHi").stderr
    run_ok(kernel, "%load_ext victor_nb")
    assert "demo" in only_display(run_ok(kernel, "%%victor -m demo\nHi"))["text/plain"]


def test_unloading_ends_the_sessions_and_loading_starts_one(chat_kernel: Kernel) -> None:
    run_ok(chat_kernel, "%%victor\nHi")
    run_ok(chat_kernel, "%reload_ext victor_nb")
    assert "0 messages" in run_ok(chat_kernel, "%victor session").stdout
    assert value_of(chat_kernel, "vn.analytics.sessions().ended.tolist()[0]") == "'clean'"


def test_the_answer_is_one_output_with_a_footer(shared: Shared) -> None:
    kernel, _ = shared
    bundle = only_display(run_ok(kernel, "%%victor\nHi"))
    assert set(bundle) == {"text/html", "text/plain"}
    for text in bundle.values():
        assert "Hello from the loopback server." in text
        assert FOOTER.search(text)


def test_a_warning_beside_a_long_answer_stays(new_kernel: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = new_kernel(env={"VICTOR_STORE": str(tmp_path)})
    run_ok(kernel, "%load_ext victor_nb")
    result = run_ok(kernel, "%%victor -m demo\nHi")
    assert "analytics are kept in memory only" in result.stderr
    assert len(result.displays) == 1


def test_quiet_has_no_footer(shared: Shared) -> None:
    bundle = only_display(run_ok(shared[0], "%%victor --quiet\nHi"))
    assert bundle["text/plain"] == "Hello from the loopback server."
    assert "tokens" not in bundle["text/html"]


def test_the_first_text_is_shown_while_the_server_still_writes(shared: Shared) -> None:
    kernel, server = shared
    gate = threading.Event()
    server.reply(chunks=("First, ", "and last."), gate=gate, gate_after=1)
    cell = kernel.start("%%victor\nHi")
    kernel.wait_until(cell, lambda result: "First," in str(result.displays))
    assert "and last." not in str(cell.result.outputs)
    gate.set()
    assert "First, and last." in only_display(kernel.wait(cell))["text/html"]


def test_what_a_model_writes_cannot_run(shared: Shared) -> None:
    kernel, server = shared
    server.reply("<script>alert(1)</script> <img src=x onerror=alert(2)> ![](https://e.example/x.png)")
    html = only_display(run_ok(kernel, "%%victor\nHi"))["text/html"]
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<img" not in html


def test_the_answer_can_be_bound(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, "%%victor -o answer\nHi")
    told = "(type(answer).__name__, answer.content, answer.usage.input_tokens, answer.status)"
    assert value_of(kernel, told) == "('ChatResponse', 'Hello from the loopback server.', 10, 'ok')"


def test_a_bound_answer_shows_itself(shared: Shared) -> None:
    kernel, server = shared
    server.reply("**bold** <b>raw</b>")
    run_ok(kernel, "%%victor -o answer\nHi")
    bundle = run_ok(kernel, "answer").displays[0]
    assert set(bundle) == {"text/html", "text/plain"}
    assert "<strong>bold</strong> &lt;b&gt;raw" in bundle["text/html"]
    assert bundle["text/plain"].startswith("**bold** <b>raw</b>\n\n")
    assert FOOTER.search(bundle["text/plain"])
    assert run_ok(kernel, "[answer]").displays[0]["text/plain"] == "[<ChatResponse '**bold** <b>raw</b>'>]"


def test_a_session_of_its_own(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "%%victor -s apart\nRemember me")
    run_ok(kernel, "%%victor\nWho am I?")
    assert "Remember me" not in str(server.requests[-1].body)
    run_ok(kernel, "%%victor -s apart\nWho am I?")
    assert "Remember me" in str(server.requests[-1].body)
    assert "apart" in value_of(kernel, "vn.analytics.turns().session_id.tolist()")


def test_a_model_for_one_cell(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, f"%%victor -m {server.openai_url}#other\nHi")
    assert server.requests[-1].body["model"] == "other"
    run_ok(kernel, "%%victor\nHi")
    assert server.requests[-1].body["model"] == "m"


@pytest.mark.parametrize("source", ["%%victor?", "%victor?"])
def test_the_help_is_real(shared: Shared, source: str) -> None:
    done = run_ok(shared[0], source)
    assert done.reply is not None
    text = done.reply["payload"][0]["data"]["text/plain"]
    assert "--tools F,G" in text
    assert "sessions: all conversations of this notebook" in text


def test_steering(kernel: Kernel) -> None:
    run_ok(kernel, "%load_ext victor_nb")
    assert "Using demo" in run_ok(kernel, "%victor use demo").stdout
    assert "demo" in run_ok(kernel, "%victor model").stdout
    run_ok(kernel, "%%victor\nHi")
    assert "2 messages" in run_ok(kernel, "%victor session").stdout
    assert run_ok(kernel, "%victor session other").stdout == "Session other: 0 messages.\n"
    run_ok(kernel, "%%victor\nHi")
    run_ok(kernel, "%victor reset")
    assert run_ok(kernel, "%victor session").stdout == "Session other: 0 messages.\n"
    assert "analytics [COLUMN" in run_ok(kernel, "%victor help").stdout
    assert "analytics [COLUMN" in run_ok(kernel, "%victor").stdout


def test_verbs_that_give_frames(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, "%%victor\nHi")
    run_ok(kernel, "sessions = %victor sessions\nby_model = %victor analytics\nby_two = %victor analytics model status")
    assert value_of(kernel, "(type(sessions).__name__, 'ended' in sessions)") == "('DataFrame', True)"
    assert value_of(kernel, "'m' in by_model['model'].tolist()") == "True"
    assert value_of(kernel, "list(by_two)[:2]") == "['model', 'status']"


@pytest.mark.parametrize("source", ["%%victor", "%%victor -o x", "%%victor\n   \n", "\n%%victor\n"])
def test_an_empty_cell_is_told_what_to_do(shared: Shared, source: str) -> None:
    kernel, server = shared
    asked = len(server.requests)
    assert "write your question below" in run_ok(kernel, source).stdout
    assert len(server.requests) == asked


def test_with_other_magics(shared: Shared) -> None:
    kernel, _ = shared
    timed = run_ok(kernel, "%%time\n%%victor\nHi")
    assert "loopback" in timed.displays[0]["text/html"]
    assert "Wall time" in timed.stdout
    assert run_ok(kernel, "%%capture caught\n%%victor\nHi").outputs == []
    assert value_of(kernel, "[sorted(o.data) for o in caught.outputs]") == "[['text/html', 'text/plain']]"


def test_in_a_function_and_a_loop(shared: Shared) -> None:
    kernel, server = shared
    for word in ("one", "two", "three"):
        server.reply(word)
    source = """
    def ask(text):
        get_ipython().run_cell_magic("victor", "-o a", text)
        return a.content
    print([ask(f"Question {i}") for i in range(3)])
    """
    done = run_ok(kernel, source)
    assert "['one', 'two', 'three']" in done.stdout
    assert len(done.displays) == 3


def test_a_long_answer_in_a_loop_takes_nothing_from_the_cell(shared: Shared) -> None:
    kernel, server = shared
    gate = threading.Event()
    paragraphs = [f"Paragraph {i}. {'word ' * 60}\n\n" for i in range(12)]
    server.reply(chunks=paragraphs, gate=gate, gate_after=11)
    cell = kernel.start("print('of the user')\nget_ipython().run_cell_magic('victor', '', 'Hi')")
    kernel.wait_until(cell, lambda result: len(result.displays) > 1)
    gate.set()
    done = kernel.wait(cell)
    assert done.stdout == "of the user\n"
    assert "Paragraph 0." in done.displays[0]["text/html"]
    assert "Paragraph 11." in done.displays[0]["text/html"]
    assert len(done.displays) == 1


def test_while_a_task_of_the_user_runs(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(
        kernel,
        "import asyncio\nticks = []\nasync def tick():\n    while True:\n        ticks.append(1)\n"
        "        await asyncio.sleep(0.001)\ntask = asyncio.create_task(tick())",
    )
    assert "loopback" in only_display(run_ok(kernel, "%%victor\nHi"))["text/html"]
    run_ok(kernel, "before = len(ticks)\nawait asyncio.sleep(0.05)\nassert len(ticks) > before\ntask.cancel()")


def test_awaiting_in_a_cell(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, "response = await vn.orchestrator.chat('Hi')")
    assert value_of(kernel, "response.content") == "'Hello from the loopback server.'"


def test_variables_are_not_expanded_into_the_prompt(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "secret = 'canary'")
    run_ok(kernel, "%%victor\nWhat is {secret}, $secret and {1 + 1}?")
    assert server.requests[-1].body["messages"][-1]["content"] == "What is {secret}, $secret and {1 + 1}?"

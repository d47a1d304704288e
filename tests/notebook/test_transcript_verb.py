"""`%victor transcript`: the conversation once more, from what is kept."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path

from support.cells import connect, error_of, run_ok
from support.kernels import Kernel
from support.llm_server import LLMServer

from victor_nb import AgentOrchestrator, Settings
from victor_nb.notebook.answers.request_view import preview_html
from victor_nb.notebook.conversations.session_transcript import SessionTranscript
from victor_nb.notebook.conversations.state import ConversationState
from victor_nb.testing import ScriptedModel, call

Shared = tuple[Kernel, LLMServer]


def transcript(kernel: Kernel, words: str = "") -> dict[str, str]:
    (bundle,) = run_ok(kernel, f"%victor transcript {words}").displays
    return bundle


def test_questions_tools_answers_and_what_was_interrupted_stand_in_order(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "%victor session whole\ndef two() -> int:\n    return 2")
    server.reply(tool_calls=[("two", {})])
    server.reply("It is **two**.")
    run_ok(kernel, "%%victor --tools two\nHow many <b>?")
    gate = threading.Event()
    server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    cell = kernel.start("%%victor\nTell me")
    kernel.wait_until(cell, lambda result: any("first half" in str(one) for one in result.displays))
    kernel.interrupt()
    kernel.wait(cell)
    gate.set()
    shown = transcript(kernel)
    parts = [
        "2 turns",
        "How many &lt;b&gt;?",
        "<summary><code>two({})</code> ✓",
        "<strong>two</strong>",
        "m · ",
        "Tell me",
    ]
    parts += ["The first half,", "Interrupted: the answer is incomplete.", "interrupted</div>"]
    places = [shown["text/html"].index(part) for part in parts]
    assert places == sorted(places)
    assert "by the user" not in shown["text/html"]
    assert "> How many <b>?\n\n[two({}) ✓" in shown["text/plain"]


def test_the_last_turns_or_all(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, "%victor session many\n%victor use demo")
    run_ok(kernel, "for n in range(22): await vn.orchestrator.chat(f'question {n};')")
    assert "the last 20 of 22 turns" in transcript(kernel)["text/plain"]
    assert "question 1;" not in transcript(kernel)["text/plain"]
    assert "question 1;" in transcript(kernel, "--all")["text/plain"]
    one = transcript(kernel, "1")["text/plain"]
    assert "question 20;" not in one
    assert "22 · 20" in one
    assert "no number of turns" in error_of(kernel, "%victor transcript x").evalue


def test_a_question_that_brings_a_table_is_folded(shared: Shared) -> None:
    kernel, _ = shared
    run_ok(kernel, "%victor session tables\n%victor use demo")
    run_ok(kernel, "_ = await vn.orchestrator.chat('Look at <df>\\n' + 'row\\n' * 300)")
    shown = transcript(kernel)["text/html"]
    assert "<details><summary><code>Look at &lt;df&gt;</code>… (1,213 characters)</summary><pre>Look at" in shown


def test_it_is_there_after_a_restart(new_kernel: Callable[..., Kernel], llm_server: LLMServer, tmp_path: Path) -> None:
    environment = {"VICTOR_HOME": str(tmp_path)}
    first = connect(new_kernel(environment), llm_server)
    llm_server.reply("Four.")
    run_ok(first, "%victor session thesis")
    run_ok(first, "%%victor\nTwo and two?")
    first.kill()
    again = connect(new_kernel(environment), llm_server)
    run_ok(again, "%victor session thesis")
    shown = transcript(again)
    assert "Two and two?" in shown["text/plain"]
    assert "Four." in shown["text/html"]
    assert "m · " in shown["text/plain"]


def test_whatever_stands_in_it_is_text(tmp_path: Path) -> None:
    hostile = "<img src=x onerror=alert(1)> ![x](https://leak.example) $\\href{javascript:1}{x}$ \u202e"
    model = ScriptedModel(call("look", path=hostile), hostile)
    orchestrator = AgentOrchestrator(Settings(home=tmp_path), model=model, session_id=hostile[:60], tools=[look])
    asyncio.run(orchestrator.chat(hostile))
    store = orchestrator.analytics_coordinator.store
    html = SessionTranscript.of(orchestrator.context_coordinator.conversation(), store)._repr_html_()
    orchestrator.close()
    assert html.count("onerror") >= 3
    assert not re.search(r"<(?!/?(div|style|p|pre|code|span|a|details|summary)\b)", html)
    assert "\u202e" not in html.replace("<p>", "")[: html.index("<details>")]


FORMULA = "$\\href{https://evil}{x}$"


def test_no_name_is_a_formula(tmp_path: Path) -> None:
    orchestrator = AgentOrchestrator(Settings(home=tmp_path), model=ScriptedModel("Yes."), session_id=FORMULA)
    asyncio.run(orchestrator.chat("Is it?"))
    context, store = orchestrator.context_coordinator, orchestrator.analytics_coordinator.store
    preview = asyncio.run(orchestrator.preview_chat("And?", model=ScriptedModel(name=FORMULA)))
    shown = [
        SessionTranscript.of(context.conversation(), store)._repr_html_(),
        ConversationState.of(context, FORMULA).as_html(),
        preview_html(preview).partition("<details>")[0],
    ]
    orchestrator.close()
    assert all("href" in html and not re.search(r"\$[^<]+\$", html) for html in shown)


def look(path: str) -> str:
    return path

"""The kernel's interrupt is the stop: the request ends, what has arrived stays, and later cells can go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import ipykernel
import pytest
from support.cells import run_ok, value_of
from support.kernels import CellResult, Kernel, RunningCell
from support.llm_server import LLMServer

ABORTED = {"aborted"} if ipykernel.version_info[0] >= 7 else {"aborted", "ok"}
"""What becomes of a cell that was queued. ipykernel 6 may not have seen it yet when it aborts those that it has."""

SLOW_TOOL = """
import time
def slow():
    print("tool runs")
    time.sleep(60)
"""

SLOW_TO_END = """
import time
import victor_nb.agent.turn as turns
import victor_nb.notebook.kernel.bridge as bridge
bridge._WIND_DOWN_S = 0
orderly = turns.Turn._interrupted
def hesitant(turn):
    time.sleep(0.7)
    orderly(turn)
turns.Turn._interrupted = hesitant
"""
AS_BEFORE = "bridge._WIND_DOWN_S, turns.Turn._interrupted = 5.0, orderly"


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds an answer back; opened after the test, so that the server can close."""
    closed = threading.Event()
    yield closed
    closed.set()


def shown(result: CellResult) -> str:
    return "".join(bundle.get("text/plain", "") + bundle.get("text/html", "") for bundle in result.displays)


def start_slow_answer(kernel: Kernel, server: LLMServer, gate: threading.Event, line: str = "-o a") -> RunningCell:
    """A cell whose answer has begun and will not go on."""
    server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    cell = kernel.start(f"%%victor {line}\nTell me")
    kernel.wait_until(cell, lambda result: "first half" in shown(result))
    return cell


def interrupted(kernel: Kernel, cell: RunningCell) -> CellResult:
    """Interrupt, and check that the cell ends as every interrupted cell has to."""
    kernel.interrupt()
    done = kernel.wait(cell)
    assert done.error is not None, done.outputs
    assert done.error.ename in ("KeyboardInterrupt", "AnswerInterrupted")
    assert len(done.error.traceback) == 1, done.error.traceback
    assert done.error.traceback[0].startswith("KeyboardInterrupt: ")
    return done


def test_an_answer_is_stopped_and_its_beginning_kept(
    chat: Kernel, llm_server: LLMServer, gate: threading.Event
) -> None:
    cell = start_slow_answer(chat, llm_server, gate)
    queued = chat.start("ran = True")
    done = interrupted(chat, cell)
    llm_server.wait_for_disconnect()
    assert "first half" in shown(done)
    assert "incomplete" in shown(done)
    assert chat.wait(queued).status in ABORTED
    assert value_of(chat, "(a.status, a.content)") == "('interrupted', 'The first half, ')"
    assert value_of(chat, "vn.analytics.turns(session=vn.orchestrator.session_id).status.tolist()") == "['interrupted']"


def test_the_next_cell_chats_on(chat: Kernel, llm_server: LLMServer, gate: threading.Event) -> None:
    interrupted(chat, start_slow_answer(chat, llm_server, gate))
    llm_server.reply("Here is the rest.")
    assert "Here is the rest." in shown(run_ok(chat, "%%victor\nGo on"))
    sent = [(message["role"], message["content"]) for message in llm_server.requests[-1].body["messages"][1:]]
    assert sent[0] == ("user", "Tell me")
    assert sent[1][0] == "assistant"
    assert str(sent[1][1]).startswith("The first half, ")
    assert sent[2] == ("user", "Go on")


def test_before_the_first_byte(chat: Kernel, llm_server: LLMServer, gate: threading.Event) -> None:
    run_ok(chat, "%%victor -o a\nHi")
    llm_server.wait_for_request()
    llm_server.reply("never sent", delay_s=60)
    cell = chat.start("%%victor -o a\nHello?")
    llm_server.wait_for_request()
    interrupted(chat, cell)
    llm_server.wait_for_disconnect()
    assert value_of(chat, "(a.status, a.content)") == "('interrupted', '')"
    assert value_of(chat, "len(vn.orchestrator.context_coordinator.get_context().messages)") == "2"


def test_a_turn_that_is_slow_to_end_is_bound_when_it_has(
    chat: Kernel, llm_server: LLMServer, gate: threading.Event
) -> None:
    run_ok(chat, "%%victor -o a\nHi")
    run_ok(chat, SLOW_TO_END)
    interrupted(chat, start_slow_answer(chat, llm_server, gate))
    run_ok(chat, "for _ in range(200):\n    if a.status != 'ok': break\n    time.sleep(0.05)")
    run_ok(chat, AS_BEFORE)
    assert value_of(chat, "(a.status, a.content)") == "('interrupted', 'The first half, ')"


def test_what_the_variable_is_given_meanwhile_stays(chat: Kernel, llm_server: LLMServer, gate: threading.Event) -> None:
    run_ok(chat, "%%victor\nHi")
    run_ok(chat, SLOW_TO_END)
    interrupted(chat, start_slow_answer(chat, llm_server, gate))
    run_ok(chat, "a = 'mine'\nwhile vn.orchestrator.last_response.status == 'ok': time.sleep(0.05)")
    run_ok(chat, AS_BEFORE)
    assert value_of(chat, "(a, vn.orchestrator.last_response.status)") == "('mine', 'interrupted')"


def test_in_the_pause_before_a_retry(chat: Kernel, llm_server: LLMServer) -> None:
    spy = "pause = retries.pause\nretries.pause = lambda *given: print('pausing') or pause(*given)"
    run_ok(chat, f"import victor_nb.models.retries as retries\n{spy}")
    llm_server.reply(status=429, headers={"Retry-After": "50"})
    cell = chat.start("%%victor\nHello?")
    chat.wait_until(cell, lambda result: "pausing" in result.stdout)
    interrupted(chat, cell)
    assert len(llm_server.requests) == 1
    assert value_of(chat, "vn.analytics.turns(session=vn.orchestrator.session_id).status.tolist()") == "['interrupted']"


def test_while_a_tool_sleeps(chat: Kernel, llm_server: LLMServer) -> None:
    run_ok(chat, SLOW_TOOL)
    llm_server.reply(tool_calls=[("slow", {})])
    cell = chat.start("%%victor -o a --tools slow\nRun it")
    chat.wait_until(cell, lambda result: "tool runs" in result.stdout)
    done = interrupted(chat, cell)
    assert "interrupted" in shown(done)
    assert (
        value_of(chat, "vn.analytics.tool_calls(session=vn.orchestrator.session_id).status.tolist()")
        == "['interrupted']"
    )
    run_ok(chat, "%%victor\nNever mind")
    roles = [message["role"] for message in llm_server.requests[-1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "user"]


def test_while_a_tool_sleeps_in_a_cell_that_awaits(chat: Kernel, llm_server: LLMServer) -> None:
    run_ok(chat, SLOW_TOOL)
    llm_server.reply(tool_calls=[("slow", {})])
    cell = chat.start("await vn.orchestrator.chat('Run it', tools=[slow])")
    chat.wait_until(cell, lambda result: "tool runs" in result.stdout)
    chat.interrupt()
    assert chat.wait(cell).status == "error"
    assert value_of(chat, "vn.analytics.turns(session=vn.orchestrator.session_id).status.tolist()") == "['interrupted']"


def test_a_cell_that_awaits_and_then_runs_the_magic(chat: Kernel, llm_server: LLMServer, gate: threading.Event) -> None:
    llm_server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    source = "import asyncio\nawait asyncio.sleep(0)\nget_ipython().run_cell_magic('victor', '', 'Tell me')"
    cell = chat.start(source)
    chat.wait_until(cell, lambda result: "first half" in shown(result))
    interrupted(chat, cell)


def test_an_awaited_chat_is_stopped(chat: Kernel, llm_server: LLMServer) -> None:
    """ipykernel 7.4 hears of an interrupt in a cell that awaits only when the event loop wakes up; ours does."""
    llm_server.reply("never sent", delay_s=60)
    cell = chat.start("await vn.orchestrator.chat('Hello?')")
    llm_server.wait_for_request()
    chat.interrupt()
    assert chat.wait(cell).status == "error"
    llm_server.wait_for_disconnect()
    assert value_of(chat, "vn.analytics.turns(session=vn.orchestrator.session_id).status.tolist()") == "['interrupted']"
    assert "loopback" in shown(run_ok(chat, "%%victor\nHi"))


def test_twice_in_a_row(chat: Kernel, llm_server: LLMServer, gate: threading.Event) -> None:
    run_ok(chat, "%%victor -o whole\nHi")
    cell = start_slow_answer(chat, llm_server, gate, "-o cut")
    chat.interrupt()
    chat.interrupt()
    assert chat.wait(cell).status == "error"
    llm_server.wait_for_disconnect()
    assert value_of(chat, "'cut' not in globals() or cut.status == 'interrupted'") == "True"
    assert "loopback" in shown(run_ok(chat, "%%victor\nAnd now?"))


def test_a_verb(chat: Kernel) -> None:
    run_ok(chat, "import threading\nimport victor_nb.agent.model_choice as module\nbuild = module.build_model")
    waits = "module.build_model = lambda *a, **k: print('asked') or opened.wait(60)"
    run_ok(chat, f"opened = threading.Event()\n{waits}")
    cell = chat.start("%victor use openai:gpt-5")
    chat.wait_until(cell, lambda result: "asked" in result.stdout)
    interrupted(chat, cell)
    run_ok(chat, "opened.set()\nmodule.build_model = build")


def test_a_verb_that_works_on_the_main_thread(chat: Kernel) -> None:
    run_ok(chat, "import time\nimport victor_nb.notebook.verbs.run as module\nmodel = module._VERBS['model']")
    run_ok(chat, "module._VERBS['model'] = lambda *_: print('works') or time.sleep(60)")
    cell = chat.start("%victor model")
    chat.wait_until(cell, lambda result: "works" in result.stdout)
    interrupted(chat, cell)
    run_ok(chat, "module._VERBS['model'] = model")


def test_in_a_loop_of_magics_what_follows_is_not_asked(
    chat: Kernel, llm_server: LLMServer, gate: threading.Event
) -> None:
    llm_server.reply("One is done.")
    llm_server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    cell = chat.start("for n in range(3):\n    get_ipython().run_cell_magic('victor', '', f'Number {n}')")
    chat.wait_until(cell, lambda result: "first half" in shown(result))
    done = interrupted(chat, cell)
    assert "One is done." in shown(done)
    assert len(llm_server.requests) == 2
    assert (
        value_of(chat, "vn.analytics.turns(session=vn.orchestrator.session_id).status.tolist()")
        == "['ok', 'interrupted']"
    )


def seconds_to_idle(kernel: Kernel, cell: RunningCell) -> float:
    began = time.perf_counter()
    kernel.interrupt()
    kernel.wait(cell)
    return time.perf_counter() - began


def test_it_is_as_fast_as_a_sleep_is_stopped(chat: Kernel, llm_server: LLMServer, gate: threading.Event) -> None:
    plain, ours = [], []
    for _ in range(3):
        cell = chat.start(
            "print('sleeps')\ntime.sleep(60)" if plain else "import time; print('sleeps'); time.sleep(60)"
        )
        chat.wait_until(cell, lambda result: result.stdout)
        plain.append(seconds_to_idle(chat, cell))
        ours.append(seconds_to_idle(chat, start_slow_answer(chat, llm_server, gate)))
    print(f"interrupt to idle: time.sleep {min(plain):.3f} s, %%victor {min(ours):.3f} s")
    assert min(ours) < min(plain) + 1.0

"""`await vn.ask()`: the answer lands below the cell that asked, also when that is over and another one runs."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from support.cells import error_of, run_ok, value_of
from support.kernels import CellResult, Kernel, Message, RunningCell
from support.llm_server import LLMServer

import victor_nb as vn
from victor_nb import AgentOrchestrator, Settings
from victor_nb.session import Session, set_current
from victor_nb.testing import ScriptedModel

Shared = tuple[Kernel, LLMServer]
BACKGROUND = "import asyncio\ntask = asyncio.create_task(vn.ask({question!r}, {more}))"


def shown(result: CellResult) -> str:
    return "".join(bundle.get("text/plain", "") + bundle.get("text/html", "") for bundle in result.displays)


def outputs_of(result: CellResult) -> list[Message]:
    return [message for message in result.messages if message["msg_type"] not in ("status", "execute_input")]


def start_in_background(kernel: Kernel, question: str = "Tell me", more: str = "") -> RunningCell:
    """The cell that starts a turn is over when this returns."""
    cell = kernel.start(BACKGROUND.format(question=question, more=more))
    assert kernel.wait(cell).status == "ok", cell.result.error
    return cell


def test_a_cell_that_awaits_shows_the_answer_and_has_it(shared: Shared) -> None:
    kernel, server = shared
    server.reply(chunks=("The first half, ", "the *second*."))
    done = run_ok(kernel, "answer = await vn.ask('Tell me', tags={'n': 1})")
    assert [bundle["text/plain"].split("\n\n")[0] for bundle in done.displays] == ["The first half, the *second*."]
    assert "<em>second</em>" in shown(done)
    assert value_of(kernel, "(answer.content, answer.status)") == "('The first half, the *second*.', 'ok')"


def test_an_answer_that_is_the_value_of_its_cell_is_not_shown_twice(shared: Shared) -> None:
    kernel, server = shared
    server.reply("Four.")
    streamed, value = run_ok(kernel, "await vn.ask('Two and two?')").displays
    assert "Four." in streamed["text/html"]
    assert value == {"text/plain": "<ChatResponse of m, shown above>"}
    assert "Four." in run_ok(kernel, "_").displays[0]["text/html"]


def test_a_turn_that_outlives_its_cell_stays_below_it(shared: Shared) -> None:
    kernel, server = shared
    gate = threading.Event()
    server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    first = start_in_background(kernel)
    kernel.wait_until(first, lambda result: "first half" in shown(result))
    second = kernel.start("print('B')\nawait asyncio.sleep(0.2)\nprint('B again')\nbound = await task")
    kernel.wait_until(second, lambda result: "B" in result.stdout)
    gate.set()
    other = kernel.wait(second)
    kernel.wait_until(first, lambda result: "second half" in shown(result) and "tokens" in shown(result))
    assert {message["msg_type"] for message in outputs_of(other)} == {"stream"}
    assert other.stdout == "B\nB again\n"
    assert value_of(kernel, "bound.content") == "'The first half, the second half.'"


def test_what_a_tool_prints_and_displays_goes_below_the_cell_that_asked(shared: Shared) -> None:
    kernel, server = shared
    printing = "def noisy():\n    print('from the tool')\n    display(HTML('drawn'))"
    run_ok(kernel, f"from IPython.display import display, HTML\n{printing}")
    for how in ("vn.ask({question!r}, {more})", "vn.orchestrator.chat({question!r}, {more})"):
        server.reply(tool_calls=[("noisy", {})], delay_s=0.3)
        first = kernel.start(f"task = asyncio.create_task({how.format(question='Go', more='tools=[noisy]')})")
        kernel.wait(first)
        other = run_ok(kernel, "print('B')\nbound = await task\nprint('B')")
        kernel.wait_until(first, lambda result: "drawn" in shown(result) and "from the tool" in result.stdout)
        assert other.stdout == "B\nB\n"
        assert other.displays == []


def test_it_goes_on_after_a_cell_that_kept_the_kernel_busy(shared: Shared) -> None:
    kernel, server = shared
    server.reply("Done meanwhile.", delay_s=0.1)
    first = start_in_background(kernel)
    other = run_ok(kernel, "import time; time.sleep(0.5)")
    kernel.wait_until(first, lambda result: "Done meanwhile." in shown(result))
    assert outputs_of(other) == []


def test_a_failure_is_told_below_the_cell_and_to_who_awaits(shared: Shared) -> None:
    kernel, server = shared
    server.reply(status=400, text="no <b>such</b> thing")
    first = start_in_background(kernel, "Hi", "session_id='fails'")
    error = error_of(kernel, "await task")
    kernel.wait_until(first, lambda result: error.ename in shown(result))
    assert "<b>" not in shown(first.result)
    assert "Waiting" not in shown(first.result)


def test_an_interrupt_of_the_cell_that_awaits_keeps_and_marks_the_half(shared: Shared) -> None:
    kernel, server = shared
    gate = threading.Event()
    server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    cell = kernel.start("await vn.ask('Tell me', session_id='cut')")
    kernel.wait_until(cell, lambda result: "first half" in shown(result))
    kernel.interrupt()
    done = kernel.wait(cell)
    gate.set()
    assert done.error
    assert done.error.traceback == ["KeyboardInterrupt: the answer was interrupted; what had arrived is kept"]
    assert "first half" in shown(done)
    assert "incomplete" in shown(done)
    assert value_of(kernel, "vn.analytics.turns().status.iloc[-1]") == "'interrupted'"


def test_a_task_that_is_cancelled_ends_alone(shared: Shared) -> None:
    kernel, server = shared
    gate = threading.Event()
    server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    first = start_in_background(kernel, "Tell me", "session_id='cancelled'")
    kernel.wait_until(first, lambda result: "first half" in shown(result))
    run_ok(kernel, "task.cancel()")
    kernel.wait_until(first, lambda result: "incomplete" in shown(result))
    gate.set()
    assert value_of(kernel, "task.cancelled()") == "True"


def test_a_time_limit_is_one(shared: Shared) -> None:
    kernel, server = shared
    gate = threading.Event()
    server.reply(chunks=("The first half, ", "the second half."), gate=gate, gate_after=1)
    limited = "async with asyncio.timeout(0.7):\n    await vn.ask('Tell me', session_id='limited')"
    done = kernel.run(f"import asyncio\n{limited}")
    gate.set()
    assert done.error
    assert done.error.ename == "TimeoutError"
    assert "incomplete" in shown(done)


def test_what_needs_approval_is_denied_while_no_cell_runs_that_could_ask(shared: Shared) -> None:
    kernel, server = shared
    run_ok(kernel, "@vn.tool(requires_approval=True)\ndef drop() -> str:\n    return 'dropped'")
    server.reply(tool_calls=[("drop", {})], delay_s=0.3)
    server.reply("It was not to be.")
    first = start_in_background(kernel, "Drop it", "session_id='asks'")
    kernel.wait_until(first, lambda result: "not to be" in shown(result))
    assert value_of(kernel, "(await task).tool_calls[0].status") == "'denied'"


def test_the_front_end_sees_a_place_at_once(shared: Shared) -> None:
    kernel, server = shared
    server.reply("Later.", delay_s=0.5)
    first = start_in_background(kernel)
    assert "Waiting for the answer" in shown(first.result)
    assert "Later." in shown(kernel.wait_until(first, lambda result: "tokens" in shown(result)))


def test_in_plain_python_it_is_the_answer(tmp_path: Path) -> None:
    session = Session()
    session.orchestrator = AgentOrchestrator(Settings(home=tmp_path), model=ScriptedModel("Four."))
    set_current(session)
    try:
        assert asyncio.run(vn.ask("What is two and two?")).content == "Four."
    finally:
        set_current(None)
        session.close()

"""An answer on its way to the front end: at once, not too often, in few bytes, and one output in the end."""

from __future__ import annotations

import io
import re

import nbformat
import pytest
from nbclient import NotebookClient
from support.front_end import SAMPLE, Clock, FrontEnd, chunks_of, response, stream
from support.kernels import Kernel

from victor_nb.messages import ChatChunk, ToolCall, ToolResult
from victor_nb.notebook.answers.render import render_markdown
from victor_nb.notebook.answers.stream import AnswerDisplay
from victor_nb.notebook.answers.terminal import TerminalDisplay


def test_the_first_piece_is_shown_at_once() -> None:
    front_end = FrontEnd()
    AnswerDisplay(front_end, clock=Clock()).feed(ChatChunk(content="He"))
    assert "<p>He</p>" in front_end.html


def test_what_came_too_soon_is_shown_by_the_next_tick() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, clock=clock)
    for chunk in chunks_of("Hello", 1):
        display.feed(chunk)
    assert "<p>H</p>" in front_end.html
    clock.now += 0.11
    display.tick()
    assert "<p>Hello</p>" in front_end.html


@pytest.mark.parametrize("rate", [20, 200, 2_000, 20_000])
def test_updates_come_at_most_ten_a_second(rate: float) -> None:
    text = SAMPLE * 4
    sent = stream(text, 4, rate).sent
    pieces = sent.count("show")
    assert len(sent) <= 10 * len(text) / rate + 2 * pieces + 1


def test_everything_is_on_the_screen_while_it_streams() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=True, clock=clock)
    for number in range(200):
        display.feed(ChatChunk(content=f"Of the paragraphs this is number {number}.\n\n"))
        clock.now += 5
        assert f"number {number}.</p>" in front_end.html
    assert front_end.html.count("<p>") == 200
    assert front_end.html.count("<style>") == 1


def test_many_tools_cost_no_more_than_text_does() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, clock=clock)
    for number in range(300):
        call = ToolCall(str(number), "look", f'{{"about": "{"x" * 300}"}}')
        display.feed(ChatChunk(tool_started=call))
        clock.now += 0.15
        display.feed(ChatChunk(tool_finished=ToolResult(call.id, call.name, call.arguments, "y" * 900, "ok", 0.1)))
        clock.now += 0.05
    assert front_end.characters_sent <= 25 * 300 * (300 + 900)
    assert front_end.html.count("<details>") > 250


def test_tools_that_start_together_are_shown_together() -> None:
    front_end = FrontEnd()
    display = AnswerDisplay(front_end, clock=Clock())
    for number in range(300):
        display.feed(ChatChunk(tool_started=ToolCall(str(number), "look", "{}")))
    assert "… running" in front_end.html
    assert len(front_end.sent) <= 3


def test_a_tool_is_a_folded_line_between_what_was_said_before_and_after() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=True, clock=clock)
    display.feed(ChatChunk(content="Let me look."))
    display.feed(ChatChunk(tool_started=ToolCall("1", "head", '{"n": 5}')))
    assert "… running" in front_end.html
    display.feed(ChatChunk(tool_finished=ToolResult("1", "head", '{"n": 5}', "a  b", "ok", 0.2)))
    display.feed(ChatChunk(content="It has two columns."))
    display.finish(response())
    (bundle,) = front_end.visible
    order = [bundle["text/html"].index(part) for part in ("Let me look", "<details>", "✓ · 0.2 s", "two columns")]
    assert order == sorted(order)
    assert bundle["text/plain"].startswith(
        'Let me look.\n\n[head({"n": 5}) ✓ · 0.2 s]\n\nIt has two columns.\n\nm · 3 in'
    )


def test_a_cell_in_which_tools_ran_is_never_cleared() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=True, clock=clock)
    display.feed(ChatChunk(tool_started=ToolCall("1", "f", "{}")))
    display.feed(ChatChunk(tool_finished=ToolResult("1", "f", "{}", "", "ok", 0.1)))
    front_end.outputs.append(("users", {"text/plain": "what the tool printed"}))
    for chunk in chunks_of(SAMPLE * 9, 900):
        display.feed(chunk)
        clock.now += 10
    assert len(front_end.outputs) > 3
    display.finish(response(SAMPLE * 9))
    assert [bundle["text/plain"][:4] for bundle in front_end.visible] == ["[f({", "what"]


def test_an_interrupted_answer_stays_and_is_marked() -> None:
    front_end = FrontEnd()
    display = AnswerDisplay(front_end, clock=Clock())
    display.feed(ChatChunk(content="Half an ans"))
    display.interrupted(response("Half an ans", status="interrupted"))
    (bundle,) = front_end.visible
    assert "Half an ans" in bundle["text/html"]
    assert "Interrupted: the answer is incomplete." in bundle["text/html"]
    assert bundle["text/plain"].endswith("interrupted")


def test_a_tool_that_was_running_is_shown_as_interrupted() -> None:
    front_end = FrontEnd()
    display = AnswerDisplay(front_end, clock=Clock())
    display.feed(ChatChunk(tool_started=ToolCall("1", "slow", "{}")))
    display.interrupted()
    assert "✗ interrupted" in front_end.html
    assert "running" not in front_end.html


def test_a_failed_turn_keeps_what_arrived_and_shows_nothing_of_nothing() -> None:
    front_end = FrontEnd()
    AnswerDisplay(front_end).failed()
    assert front_end.outputs == []
    display = AnswerDisplay(front_end)
    display.feed(ChatChunk(content="Half"))
    display.failed()
    assert "The answer broke off here." in front_end.html


def test_what_a_provider_said_of_its_failure_is_text() -> None:
    front_end, out = FrontEnd(), io.StringIO()
    note = "ModelRequestError: $\\href{https://evil}{x}$ \x1b[2J \ud800 \u202e"
    for display in (AnswerDisplay(front_end), TerminalDisplay(out)):
        display.feed(ChatChunk(content="Half"))
        display.failed(note)
    assert not re.search(r"\$[^<]+\$|[\x1b\ud800\u202e]", front_end.html)
    assert not re.search(r"[\x1b\ud800]", front_end.visible[0]["text/plain"] + out.getvalue())


def test_quiet_has_no_footer() -> None:
    front_end = FrontEnd()
    AnswerDisplay(front_end, quiet=True).finish(response("hi"))
    assert front_end.html == render_markdown("hi")


def test_reasoning_is_folded_and_not_part_of_the_text() -> None:
    front_end = FrontEnd()
    display = AnswerDisplay(front_end)
    display.feed(ChatChunk(reasoning="hm, "))
    display.feed(ChatChunk(reasoning="<b>"))
    display.feed(ChatChunk(content="Yes."))
    display.finish(response("Yes."), footer=False)
    assert "<summary>Reasoning</summary><pre>hm, &lt;b&gt;</pre>" in front_end.html
    assert display.text == front_end.visible[0]["text/plain"] == "Yes."


def test_a_terminal_gets_text_as_it_comes() -> None:
    out = io.StringIO()
    display = TerminalDisplay(out)
    display.feed(ChatChunk(content="He"))
    assert out.getvalue() == "He"
    display.feed(ChatChunk(content="llo\x1b[31m"))
    display.finish(response("Hello"))
    assert out.getvalue() == "Hello[31m\nm · 3 in + 4 out tokens · cost unknown · 0.0 s\n"


CELL = """
import time
from victor_nb.messages import ChatChunk, ChatResponse, Usage
from victor_nb.notebook.answers.stream import AnswerDisplay, IPythonPublisher
text, now = {text!r}, 0.0
display = AnswerDisplay(IPythonPublisher(), sole={sole}, clock=lambda: now)
for start in range(0, len(text), 4):
    display.feed(ChatChunk(content=text[start:start + 4]))
    now += 4 / {rate}
display.finish(ChatResponse(text, Usage(3, 4), "m", "p", "s", "t"), footer=False)
"""


@pytest.mark.parametrize("size", [6_500, 16_000, 40_000])
def test_messages_weigh_at_most_25_times_the_text(kernel: Kernel, size: int) -> None:
    text = (SAMPLE * 80)[:size]
    for rate in (150, 1_500):
        for sole in (True, False):
            result = kernel.run(CELL.format(text=text, sole=sole, rate=rate))
            assert [shown["text/html"] for shown in result.displays] == [render_markdown(text)]
            assert 5 * len(text) < result.iopub_bytes <= 25 * len(text.encode())


def test_in_a_kernel_the_cell_keeps_what_else_was_printed(kernel: Kernel) -> None:
    source = "print('mine')\n" + CELL.format(text=SAMPLE * 6, sole=False, rate=400)
    result = kernel.run(source)
    assert result.stdout == "mine\n"
    assert len(result.displays) == 1


def test_under_capture_there_is_one_display(kernel: Kernel) -> None:
    kernel.run("%%capture got\n" + CELL.format(text=SAMPLE * 6, sole=False, rate=400))
    assert kernel.run("len(got.outputs)").displays == [{"text/plain": "1"}]


def test_a_cell_is_ours_alone_only_if_nothing_else_can_have_printed_in_it(kernel: Kernel) -> None:
    kernel.run(
        "from victor_nb.notebook.answers.publisher import IPythonPublisher\n"
        "def victor(line, cell): print(IPythonPublisher().alone)\n"
        "get_ipython().register_magic_function(victor, 'cell')"
    )
    assert kernel.run("%%victor -q\nWhat is {{ df }}?").stdout == "True\n"
    assert kernel.run("for _ in 'ab': get_ipython().run_cell_magic('victor', '', 'hi')").stdout == "False\n" * 2


@pytest.mark.parametrize("length", [1, 6])
def test_nbclient_saves_one_output(length: int) -> None:
    cell = nbformat.v4.new_code_cell(CELL.format(text=SAMPLE * length, sole=True, rate=400))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert sorted(output["data"]) == ["text/html", "text/plain"]
    assert output["data"]["text/html"] == render_markdown(SAMPLE * length)

"""An answer on its way to the front end: at once, not too often, in few bytes, and one output in the end."""

from __future__ import annotations

import io
import re
from itertools import pairwise

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbclient import NotebookClient
from support.kernels import Kernel

from victor_nb.messages import ChatChunk, ChatResponse, ToolCall, ToolResult, Usage
from victor_nb.notebook.blocks import cut_behind, split_blocks
from victor_nb.notebook.characters import clean
from victor_nb.notebook.footnotes import Definitions
from victor_nb.notebook.markdown import markdown_to_html
from victor_nb.notebook.render import render_markdown
from victor_nb.notebook.stream import AnswerDisplay
from victor_nb.notebook.terminal import TerminalDisplay

SAMPLE = """## Missing values

The column with the **most missing values** is `income`, with 1,204 of 5,000 rows. Step by step:

1. Check whether the values are missing at random.
2. Compare the distribution of `age` for rows with and without income.

```python
def missing_share(frame: pd.DataFrame) -> pd.Series:
    share = frame.isna().mean().sort_values(ascending=False)

    return share[share > 0]  # largest first
```

| column | missing |
|:-------|--------:|
| income | 1204 |

The estimator is $\\hat\\mu = \\frac{1}{n}\\sum_i x_i$. See [the docs](https://pandas.pydata.org/docs/).

"""
BLOCKS = st.sampled_from(
    [
        "A paragraph with *emphasis*\nand two lines.\n\n",
        "# Heading\n",
        "Setext\n======\n\n",
        "- one\n- two\n\n  still two\n\n",
        "1. first\n\n   ```\n   nested\n\n   fence\n   ```\n\n2. second\n",
        "```python\nx = 1\n\n\ny = 2\n```\n\n",
        "````\n```\nfence in a fence\n```\n````\n",
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
        "$$\na_1\n- b\n$$\n\n",
        "> quoted\nlazy\n\n",
        "    indented code\n\n",
        "***\n",
        "- - -\n\n",
        "word " * 150 + "\n\n",
        "```\nunclosed\n\n",
        "$$\nunclosed\n\n",
        "~~~ sql\nselect 1\n\n```\n~~~\n",
        "- item\n\n  ~~~\n  nested\n\n  # fence\n  ~~~\n- next\n",
        "\\begin{align}\na &= b\n- c\n\\end{align}\n\n",
        "<div onclick=x>\nlooks like HTML\n\n</div>\n\n",
        "Windows\r\nlines\r\n\r\n",
        "```r\r\nx <- 1\r\n\r\n```\r\n",
        "\n",
    ]
)
REFERENCES = st.sampled_from(
    [
        "see [the docs][d] and ![picture][p]\n\n",
        "[d]: https://a.example/\n\n",
        "[p]:\n  https://b.example/\n\n",
        "as shown[^1] before[^two], not [^0-9]\n\n",
        "| a[^two] |\n|---|\n| [d] |\n\n",
        "[^1]: A note.\n\n",
        "[^two]: A note\n\n    with more, and [d][^1].\n\n    ```\n    code\n    ```\n\n",
        "- [ ] open[^1]\n- [x] done\n",
    ]
)
DOCUMENTS = st.lists(BLOCKS | REFERENCES, max_size=12).map("".join)


class FrontEnd:
    """A cell's outputs, kept as JupyterLab keeps them."""

    live = True

    def __init__(self) -> None:
        self.outputs: list[tuple[str, dict[str, str]]] = []
        self.sent: list[str] = []
        self.updated: list[str] = []
        self._clear = False

    def show(self, bundle: dict[str, str], display_id: str) -> None:
        if self._clear:
            self.outputs.clear()
        self._clear = False
        self.sent.append("show")
        self.outputs.append((display_id, bundle))

    def update(self, bundle: dict[str, str], display_id: str) -> None:
        self.sent.append("update")
        self.updated.append(display_id)
        self.outputs = [(key, bundle if key == display_id else old) for key, old in self.outputs]

    def clear(self) -> None:
        self._clear = True

    @property
    def visible(self) -> list[dict[str, str]]:
        return [bundle for _, bundle in self.outputs if bundle]

    @property
    def html(self) -> str:
        return "".join(bundle.get("text/html", "") for bundle in self.visible)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def chunks_of(text: str, size: int) -> list[ChatChunk]:
    return [ChatChunk(content=text[start : start + size]) for start in range(0, len(text), size)]


def response(content: str = "", **changes: object) -> ChatResponse:
    values = {
        "content": content,
        "usage": Usage(3, 4),
        "model": "m",
        "provider": "p",
        "session_id": "s",
        "turn_id": "t",
    }
    return ChatResponse(**{**values, **changes})


def stream(text: str, size: int, characters_per_second: float, *, sole: bool = False) -> FrontEnd:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=sole, clock=clock)
    for chunk in chunks_of(text, size):
        display.feed(chunk)
        clock.now += len(chunk.content) / characters_per_second
    display.finish(response(text), footer=False)
    return front_end


def rendered(pieces: list[str]) -> str:
    """Pieces of one text, one by one, when all that they define is known."""
    known = Definitions()
    for piece in pieces:
        markdown_to_html(piece, known, last=False)
    shared = known.from_the_start()
    *first, last = pieces
    return "".join(markdown_to_html(piece, shared, last=False) for piece in first) + markdown_to_html(last, shared)


@given(DOCUMENTS)
def test_blocks_join_to_the_text_and_render_as_the_whole_does(text: str) -> None:
    text = clean(text)
    blocks, tail = split_blocks(text)
    assert "".join(blocks) + tail == text
    assert rendered([*blocks, tail]) == markdown_to_html(text)


@given(DOCUMENTS, st.data())
def test_a_finished_block_stays_as_it_is_whatever_follows(text: str, data: st.DataObject) -> None:
    text = clean(text)
    start = text[: data.draw(st.integers(0, len(text)))]
    early, _ = split_blocks(start)
    assert rendered([*early, text.removeprefix("".join(early))]) == markdown_to_html(text)


def test_a_formula_is_not_torn_while_it_is_written() -> None:
    text = "Before.\n\n$$\na\n- b\n# c\n= d\n$$\n\nAfter.\n"
    for end in range(len(text)):
        early = split_blocks(text[:end])[0]
        assert early == split_blocks(text)[0][: len(early)]


@pytest.mark.parametrize(
    "text", ["- a\n\n- b\n- c\n- d", "```python\n" + "x = 1\n" * 40 + "x =", "~~~\n" + "y\n" * 40 + "y"]
)
def test_a_long_list_or_fence_can_be_cut_inside(text: str) -> None:
    cut = cut_behind(text, len(text) - 5, long=6)
    assert cut
    words = [markdown_to_html(part).count(word) for word in ("<li>", "x", "y") for part in cut]
    whole = [markdown_to_html(text).count(word) for word in ("<li>", "x", "y")]
    assert [words[0] + words[1], words[2] + words[3], words[4] + words[5]] == whole


def test_nothing_is_cut_that_was_seen_together() -> None:
    text = "One paragraph.\n\nAnd the next"
    assert cut_behind(text, len("One paragraph.\n"), long=5) == ("One paragraph.\n\n", "And the next")
    assert cut_behind(text, len(text) - 3, long=5) is None


@given(DOCUMENTS, st.integers(1, 200), st.booleans(), st.sampled_from([50, 400, 10_000]))
def test_in_the_end_there_is_one_output_rendered_as_a_whole(text: str, size: int, sole: bool, rate: float) -> None:
    front_end = stream(text, size, rate, sole=sole)
    assert [bundle["text/html"] for bundle in front_end.visible] == [render_markdown(text)]
    assert len(front_end.outputs) == 1 or not sole


class Watched(FrontEnd):
    """Notes what a reader sees after each message, as letters only."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = [""]
        self.ending = False

    def show(self, bundle: dict[str, str], display_id: str) -> None:
        super().show(bundle, display_id)
        self._look()

    def update(self, bundle: dict[str, str], display_id: str) -> None:
        assert self.ending or display_id == self.outputs[-1][0], "a frozen display was updated"
        super().update(bundle, display_id)
        self._look()

    def _look(self) -> None:
        words = re.sub("<style>.*?</style>|<[^>]*>|&[a-z]+;", "", self.html)
        self.seen.append("".join(letter for letter in words if letter.isalpha()))


@given(st.lists(BLOCKS, max_size=12).map("".join), st.integers(1, 200), st.booleans(), st.sampled_from([50, 10_000]))
def test_nothing_that_was_shown_goes_or_moves(text: str, size: int, sole: bool, rate: float) -> None:
    front_end, clock = Watched(), Clock()
    display = AnswerDisplay(front_end, sole=sole, clock=clock)
    for chunk in chunks_of(text, size):
        display.feed(chunk)
        clock.now += len(chunk.content) / rate
    assert all(later.startswith(earlier) for earlier, later in pairwise(front_end.seen))


def test_a_frozen_reference_becomes_a_link_and_a_number_once_it_is_defined() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=True, clock=clock)
    for text in (
        "See [the docs][d], as said[^1].\n\n",
        "word " * 200 + "\n\n",
        "[^1]: By whom?\n\n[d]: https://a.",
        "",
    ):
        clock.now += 5
        display.feed(ChatChunk(content=text))
    assert "[the docs][d], as said<sup>1</sup>." in front_end.html
    assert front_end.html.endswith("By whom?</p>\n</li>\n</ol>\n</div>")
    clock.now += 5
    display.feed(ChatChunk(content="example\n"))
    assert '<a href="https://a.example"' in front_end.html
    assert front_end.html.count("By whom?") == 1


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
from victor_nb.notebook.stream import AnswerDisplay, IPythonPublisher
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
        "from victor_nb.notebook.publisher import IPythonPublisher\n"
        "def victor(line, cell): print(IPythonPublisher().alone)\n"
        "get_ipython().register_magic_function(victor, 'cell')"
    )
    assert kernel.run("%%victor -q\nWhat is {{ df }}?").stdout == "True\n"
    assert kernel.run("%%victor\nWhat is {{ noisy(df) }}?").stdout == "False\n"
    assert kernel.run("for _ in 'ab': get_ipython().run_cell_magic('victor', '', 'hi')").stdout == "False\n" * 2


@pytest.mark.parametrize("length", [1, 6])
def test_nbclient_saves_one_output(length: int) -> None:
    cell = nbformat.v4.new_code_cell(CELL.format(text=SAMPLE * length, sole=True, rate=400))
    notebook = nbformat.v4.new_notebook(cells=[cell])
    NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert sorted(output["data"]) == ["text/html", "text/plain"]
    assert output["data"]["text/html"] == render_markdown(SAMPLE * length)

"""How an answer is cut while it grows: nothing that was shown moves or goes, and in the end it is one rendering."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.front_end import Clock, FrontEnd, chunks_of, stream

from victor_nb.messages import ChatChunk, ToolCall, ToolResult
from victor_nb.notebook.answers.blocks import cut_behind, split_blocks, sure
from victor_nb.notebook.answers.characters import clean
from victor_nb.notebook.answers.footnotes import Definitions
from victor_nb.notebook.answers.markdown import markdown_to_html
from victor_nb.notebook.answers.render import render_markdown
from victor_nb.notebook.answers.stream import AnswerDisplay

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
        "See [the *docs*](https://a.example/x?y=1#z), or ask.\n\n",
        "[Docs](https://a.example/) stand first, x[0](1) not.\n\n",
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


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("See [the docs](https://a.exam", "See the docs"),
        ("See [the docs](https://a.example)", "See [the docs](https://a.example)"),
        ("f = x[0](12", "f = x[0](12"),
        ("Text.\n\n[1]: ", "Text.\n\n"),
        ("Text.\n\n[1]: https://a", "Text.\n\n[1]: https://a"),
        ("[a] is", "[a] is"),
    ],
)
def test_what_would_be_taken_back_is_not_shown(text: str, shown: str) -> None:
    assert sure(text) == shown


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


def test_thoughts_that_go_on_are_one_folded_line_with_their_length_and_their_end() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, sole=True, clock=clock)
    for number in range(300):
        display.feed(ChatChunk(reasoning=f"thought {number}, "))
        clock.now += 0.2
    assert re.search(r"<details><summary>Reasoning … 5\d\d words so far</summary>", front_end.html)
    assert "thought 0," not in front_end.html
    assert "thought 29" in front_end.html
    assert len(front_end.outputs) == 2  # the style sheet, and the line


def test_what_came_before_the_answer_is_not_sent_again_with_it() -> None:
    front_end, clock = FrontEnd(), Clock()
    display = AnswerDisplay(front_end, clock=clock)
    display.feed(ChatChunk(reasoning="long thoughts, " * 500))
    clock.now += 3
    call = ToolCall("1", "head", "{}")
    display.feed(ChatChunk(tool_started=call))
    display.feed(ChatChunk(tool_finished=ToolResult("1", "head", "{}", "row " * 500, "ok", 0.2)))
    for number in range(5):
        clock.now += 3
        display.feed(ChatChunk(content=f"Answer {number}. "))
    first, last = (bundle["text/html"] for bundle in front_end.visible)
    assert first.count("<details>") == 2
    assert "Reasoning</summary>" in first
    assert last.endswith("<p>Answer 0. Answer 1. Answer 2. Answer 3. Answer 4.</p>\n</div>")
    assert front_end.updated.count(front_end.outputs[0][0]) <= 3

"""While an answer streams in a browser, nothing that was shown goes: what is there only grows, to the end."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from support.front_end import SAMPLE
from support.lab import Lab

pytestmark = pytest.mark.browser

STREAM = """
import time
from victor_nb.messages import ChatChunk, ChatResponse, Usage
from victor_nb.notebook.answers.stream import AnswerDisplay, IPythonPublisher
text = {text!r}
display = AnswerDisplay(IPythonPublisher(), sole=True)
for start in range(0, len(text), 16):
    display.feed(ChatChunk(content=text[start:start + 16]))
    time.sleep(0.02)
display.finish(ChatResponse(text, Usage(3, 4), "m", "p", "s", "t"), footer=False)
"""
WATCH = """
const area = cell(0).node.querySelector('.jp-Cell-outputArea');
const letters = () => area.innerText.replace(/[^a-z]/gi, '').length;
window.seen = [];
window.watching = setInterval(() => window.seen.push([area.offsetHeight, letters()]), 8);
return true;
"""
TEXT = re.sub(r"\$.*?\$", "the mean", SAMPLE) * 3  # MathJax takes the words of a formula away
A_MARGIN = 8  # pixels: a block at the end of its display stands a little apart from the next one


def test_what_was_shown_stays(lab: Lab) -> None:
    page = lab.open(lab.notebook(STREAM.format(text=TEXT)))
    page.js(WATCH)
    page.run_cell(0)
    seen = [(height, letters) for height, letters in page.js("clearInterval(watching); return seen") if letters]
    assert len({letters for _, letters in seen}) > 5
    assert [pair for pair in pairwise(seen) if pair[1][1] < pair[0][1]] == []
    assert [pair for pair in pairwise(seen) if pair[1][0] < pair[0][0] - A_MARGIN] == []

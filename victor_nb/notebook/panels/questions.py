"""The HTML of one turn in a transcript: the question as it was typed, and the answer as a cell shows it."""

from __future__ import annotations

from html import escape
from typing import Final

from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.mathematics import without_formulas
from victor_nb.notebook.answers.render import render_segments, wrap
from victor_nb.notebook.conversations.turns import ReadTurn

_SHOWN: Final = 4_000


def question_html(question: str) -> str:
    """Plain text, cut where it is long: a question may bring a whole table."""
    text = show_bidi(clean(question))
    more = len(text) - _SHOWN
    shown = text if more <= 0 else f"{text[:_SHOWN]}… ({more:,} more characters)"
    return f'<div class="victor-nb-question">{without_formulas(escape(shown))}</div>'


def turn_html(turn: ReadTurn, below: str = "") -> str:
    """`below` is HTML that belongs under the answer."""
    if not turn.segments and not below:
        return question_html(turn.question)
    answer = wrap(render_segments(turn.segments) + below + _copy(turn.prose), styled=False)
    return f"{question_html(turn.question) if turn.question else ''}{answer}"


def _copy(text: str) -> str:
    """A kernel cannot reach the clipboard: the text as it was written, in a field where Ctrl+A and Ctrl+C take it. In
    one that is read-only JupyterLab would take the keys for its own."""
    if not text.strip():
        return ""
    field = f'<textarea rows="6" aria-label="The answer as text">{escape(show_bidi(clean(text)))}</textarea>'
    return f'<details class="victor-nb-copy"><summary>Copy</summary>{field}</details>'

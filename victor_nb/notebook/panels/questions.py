"""The HTML of one turn in a transcript: the question as it was typed, and the answer as a cell shows it."""

from __future__ import annotations

from html import escape
from typing import Final

from victor_nb.notebook.characters import clean, show_bidi
from victor_nb.notebook.render import render_segments, wrap
from victor_nb.notebook.turns import ReadTurn

_SHOWN: Final = 4_000


def question_html(question: str) -> str:
    """Plain text, cut where it is long: a question may bring a whole table."""
    text = show_bidi(clean(question))
    more = len(text) - _SHOWN
    shown = text if more <= 0 else f"{text[:_SHOWN]}… ({more:,} more characters)"
    return f'<div class="victor-nb-question">{escape(shown)}</div>'


def turn_html(turn: ReadTurn, footer: str = "") -> str:
    answer = wrap(render_segments(turn.segments) + footer, styled=False) if turn.segments else ""
    return f"{question_html(turn.question) if turn.question else ''}{answer}"

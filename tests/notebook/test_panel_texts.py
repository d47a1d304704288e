"""What panels show of hostile names and texts is text: no element, no attribute of theirs."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from hypothesis import given, settings
from hypothesis import strategies as st
from support.recorded_turns import store_of

from victor_nb.context.attempt import CompactionPreview
from victor_nb.context.compaction import CompactionRecord, Limits
from victor_nb.context.search import search
from victor_nb.frames import Analytics
from victor_nb.frames.turn_texts import TurnText
from victor_nb.messages import Message
from victor_nb.notebook.conversations.state import ConversationState, Share
from victor_nb.notebook.panels import context_lists
from victor_nb.notebook.panels.excerpts import excerpt
from victor_nb.notebook.panels.questions import question_html
from victor_nb.notebook.panels.turn_table import failed_first, turn_table
from victor_nb.notebook.panels.window_bar import window_bar

TAGS = {"x", "div", "span", "h4", "table", "tr", "th", "td", "i"}
TURNS = Analytics(lambda: store_of(*[{"status": status} for status in ("ok", "error", "ok", "error")])).dashboard()
HOSTILE = st.text(st.characters(exclude_categories=["Cs"])).map(
    lambda text: f"</div></style><script>alert(1)</script><img src=x onerror='a\"b'>{text}"
)


def is_text(html: str) -> bool:
    parts = list(ElementTree.fromstring(f"<x>{html}</x>").iter())
    names = {name for part in parts for name in part.attrib}
    return {part.tag for part in parts} <= TAGS and names <= {"class", "scope", "style", "title", "role", "aria-label"}


@given(HOSTILE)
@settings(max_examples=40)
def test_names_and_texts_stay_text(text):
    turns = [turn._replace(model=text, error_type=text) for turn in TURNS.facts.turns]
    assert is_text(turn_table(turns, {str(turn.turn_id): TurnText(text, text) for turn in turns}))
    log = [Message("user", text, id="1"), Message("assistant", text, id=text)]
    assert is_text(context_lists.not_sent(log, log[:1]))
    assert is_text(context_lists.hits(text, search("script", log, log[:1])))
    record = CompactionRecord(text, text, "manual", text, "completed", 9, 5, 1, True, text, None, text)
    assert is_text(context_lists.records([record, record]))
    for error in (None, text):
        found = CompactionPreview(text, "completed", 9, 5, None, (), tuple(log), tuple(log), note=text, error=error)
        assert is_text(context_lists.preview(found))
    shares = (Share(text, 1, 5), Share("user", 2, 10))
    assert is_text(window_bar(ConversationState(text, 3, 2, 15, shares, Limits(100, 90, 80, 40))))


@given(st.text(), st.integers(1, 50))
def test_an_excerpt_is_one_short_line(text, longest):
    import html

    shown = html.unescape(excerpt(text, longest))
    assert "\n" not in shown
    assert len(shown) <= max(longest, 1) * 8  # a bidirectional override is written out


def test_those_that_failed_come_first_and_the_latest_of_each_on_top():
    turns = TURNS.facts.turns
    assert [turn.turn_id for turn in failed_first(turns)] == ["s-4", "s-2", "s-3", "s-1"]
    assert "2 turns failed" in turn_table(turns, {})


def test_many_turns_are_a_bounded_list():
    turns = [turn._replace(status="error") for turn in TURNS.facts.turns] * 10 + list(TURNS.facts.turns) * 20
    shown = failed_first(turns)
    assert len(shown) == 25
    assert [turn.failed for turn in shown] == [True] * 15 + [False] * 10
    assert "95 more in vn.analytics.turns()" in turn_table(turns, {})


def test_a_question_is_not_typeset():
    shown = question_html(r"It costs $5 or $6, \(x\) and $\href{javascript:1}{y}$.")
    assert "<span>$</span>5 or <span>$</span>6" in shown
    assert not re.search(r"[$\\](?!</span>)", shown)

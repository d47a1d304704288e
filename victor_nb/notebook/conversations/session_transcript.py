"""A conversation once more, as display output: what was asked and what came, as it is kept. It is what is left to do
when a page was loaded again in mid-answer, or when a cell's output was cleared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Final

from victor_nb import clock
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.render import (
    footer_text,
    line_html,
    plain_text,
    render_footer,
    render_note,
    render_segments,
    wrap,
)
from victor_nb.notebook.answers.stream import INTERRUPTED
from victor_nb.notebook.answers.transcript import Prose, Segment
from victor_nb.notebook.conversations.turn_facts import TurnFacts
from victor_nb.notebook.conversations.turns import ReadTurn, turns_of

if TYPE_CHECKING:
    from victor_nb.context.conversation import Conversation
    from victor_nb.messages import ChatResponse
    from victor_nb.protocols import IEventStore

LAST: Final = 20
_EVENTS_A_TURN: Final = 20
_SHOWN_OF_QUESTION: Final = 4_000
_UNFOLDED: Final = 600


@dataclass(frozen=True)
class SessionTranscript:
    """The last turns of a session. `number` is that of the first of them; `answers` knows models and costs."""

    session_id: str
    turns: Sequence[ReadTurn]
    number: int
    answers: dict[str, ChatResponse]

    @classmethod
    def of(cls, conversation: Conversation, store: IEventStore, last: int | None = LAST) -> SessionTranscript:
        """With `last` of None all of them. Raises StoreError when the store cannot be read."""
        wanted = None if last is None else _EVENTS_A_TURN * last
        facts = TurnFacts.read(store, conversation.session_id, wanted)
        turns = turns_of(conversation.log, facts.calls)
        shown = turns if last is None else turns[max(0, len(turns) - last) :]
        return cls(conversation.session_id, shown, len(turns) - len(shown) + 1, facts.answers)

    @property
    def title(self) -> str:
        total = self.number + len(self.turns) - 1
        if len(self.turns) == total:
            return f"Session {self.session_id}: {total} turn{'' if total == 1 else 's'}."
        return (
            f"Session {self.session_id}: the last {len(self.turns)} of {total} turns. %victor transcript --all has all."
        )

    def _head(self, number: int, turn: ReadTurn) -> str:
        return f"{number}{_time_of(turn)}"

    def _repr_html_(self) -> str:
        parts = [f'<div class="footer">{line_html(self.title)}</div>']
        for number, turn in enumerate(self.turns, self.number):
            parts.append(f'<div class="footer">{escape(self._head(number, turn))}</div>')
            if turn.question:
                parts.append(_question_html(turn))
            segments, cut = _unmarked(turn.segments)
            parts.append(render_segments(segments) + (render_note(INTERRUPTED) if cut else ""))
            if answer := self.answers.get(turn.turn_id or ""):
                parts.append(render_footer(answer))
        return wrap("".join(parts))

    def __repr__(self) -> str:
        parts = [show_bidi(clean(self.title))]
        for number, turn in enumerate(self.turns, self.number):
            segments, cut = _unmarked(turn.segments)
            answer = self.answers.get(turn.turn_id or "")
            asked = "\n".join(f"> {line}" for line in _question(turn).splitlines())
            closing = [INTERRUPTED] if cut else []
            parts.append(self._head(number, turn) + (f"\n{asked}" if asked else ""))
            parts.append(plain_text(segments, *closing, footer_text(answer) if answer else ""))
        return "\n\n".join(part for part in parts if part)


def _question(turn: ReadTurn) -> str:
    text = show_bidi(clean(turn.question))
    more = len(text) - _SHOWN_OF_QUESTION
    return text if more <= 0 else f"{text[:_SHOWN_OF_QUESTION]}… ({more:,} more characters)"


def _question_html(turn: ReadTurn) -> str:
    """One that brings a table, or more, is folded to its first line."""
    text = _question(turn)
    shown = f"<pre>{escape(text)}</pre>"
    if len(text) <= _UNFOLDED:
        return shown
    first = text.strip().partition("\n")[0][:100]
    title = f"<code>{escape(first)}</code>… ({len(turn.question):,} characters)"
    return f"<details><summary>{title}</summary>{shown}</details>"


def _time_of(turn: ReadTurn) -> str:
    """When it began, by the local clock: its id begins with the milliseconds."""
    try:
        began = int((turn.turn_id or "").replace("-", "")[:12], 16) / 1000
        return f" · {clock.local(datetime.fromtimestamp(began, UTC)):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):  # an id of another make
        return ""


def _unmarked(segments: Sequence[Segment]) -> tuple[list[Segment], bool]:
    """Without the words that tell the model that its answer was interrupted; whether they were there."""
    from victor_nb.agent.turn import INTERRUPTED as told

    kept = list(segments)
    last = kept[-1] if kept else None
    if not isinstance(last, Prose) or not last.text.endswith(f"[{told}]"):
        return kept, False
    text = last.text.removesuffix(f"[{told}]").rstrip()
    return [*kept[:-1], *([Prose(text)] if text else [])], True

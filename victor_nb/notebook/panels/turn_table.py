"""The turns of the Analytics panel as a table: those that failed first, so that what needs a look is on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from victor_nb.frames.dashboard_facts import ShownTurn
from victor_nb.frames.dashboard_numbers import UNKNOWN, counted, seconds, usd, whole
from victor_nb.frames.dashboard_style import CLASSES
from victor_nb.frames.dashboard_tables import status
from victor_nb.frames.dashboard_view import table, text
from victor_nb.frames.turn_texts import TurnText
from victor_nb.notebook.panels.excerpts import excerpt

_MOST_FAILED: Final = 15
_MOST: Final = 25
_HEADS: Final = ["started, UTC", "status", "model", "question", "in", "out", "cost", "time"]


def failed_first(turns: Sequence[ShownTurn]) -> list[ShownTurn]:
    """As many as are shown: the latest that failed, then the latest of all others. `turns` are oldest first."""
    failed = [turn for turn in reversed(turns) if turn.failed][:_MOST_FAILED]
    others = [turn for turn in reversed(turns) if not turn.failed]
    return [*failed, *others[: _MOST - len(failed)]]


def turn_table(turns: Sequence[ShownTurn], texts: Mapping[str, TurnText]) -> str:
    """HTML. `texts` are those of the turns that are shown, by turn."""
    shown = failed_first(turns)
    if not shown:
        return ""
    rows = [_row(turn, texts.get(turn.turn_id or "", TurnText())) for turn in shown]
    failed = sum(turn.failed for turn in turns)
    told = f"{counted(failed, 'turn')} failed" if failed else "none failed"
    more = f"; {len(turns) - len(shown):,} more in vn.analytics.turns()" if len(turns) > len(shown) else ""
    note = f'<span class="quiet">{told}{more}</span>'
    return f'<div class="{CLASSES}"><h4>Turns {note}</h4><div class="wide">{table(_HEADS, rows, text=4)}</div></div>'


def _row(turn: ShownTurn, said: TurnText) -> list[str]:
    why = f'<div class="quiet">{excerpt(said.error, 120)}</div>' if turn.failed and said.error else ""
    at = turn.started_at
    return [
        f"{at.day} {at:%b %H:%M:%S}" if at else UNKNOWN,
        status(turn) + why,
        text(turn.model, 32),
        excerpt(said.prompt, 70),
        whole(turn.input_tokens),
        whole(turn.output_tokens),
        escape(usd(turn.cost_usd)),
        seconds(turn.duration_s),
    ]

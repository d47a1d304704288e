"""`%victor budget`: what this kernel run may spend, and what it has spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from victor_nb.agent.budget import BudgetState, dollars
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.notebook.words import Wait, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.session import Session


def budget(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: what follows is no amount of US dollars above 0, nor `off`.
    """
    refuse_more("budget", words[1:])
    kept, setting = session.orchestrator.budget, session.orchestrator.settings.budget_usd
    if words == ["off"]:
        kept.set_limit(None)
    elif words:
        kept.set_limit(_amount(words[0]))
    say(_told(kept.state(setting)))


def _amount(word: str) -> float:
    try:
        found = float(word.removeprefix("$"))
    except ValueError:
        found = 0.0
    if 0 < found < float("inf"):
        return found
    raise UsageError(
        f"%victor budget: {word!r} is no amount of US dollars above 0.{did_you_mean(word, ['off'])}",
        hint="as %victor budget 0.50, or %victor budget off",
    )


def _told(state: BudgetState) -> str:
    unknown = state.unknown_turns
    turns = f"; {unknown} turn{'' if unknown == 1 else 's'} of unknown price" if unknown else ""
    if state.limit_usd is None:
        return f"No budget. This kernel has spent about {dollars(state.total_usd)}{turns}."
    spent, left = dollars(state.spent_usd), dollars(state.left_usd)
    return f"Budget of this kernel: {dollars(state.limit_usd)}, about {spent} of it spent, {left} left{turns}."

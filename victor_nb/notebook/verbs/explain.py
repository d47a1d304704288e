"""`%victor explain`: asks the model about the last exception, as a turn of the conversation."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from victor_nb.errors import UsageError, VictorError
from victor_nb.notebook.asking import ask
from victor_nb.notebook.grammar.arguments import take_flags
from victor_nb.notebook.words import Wait

if TYPE_CHECKING:
    from victor_nb.session import Session

_asked_about: list[BaseException] = []
"""The one that was asked about and not explained: the error that came in between stands in its place in `sys`."""


def explain(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: nothing was raised yet, or a flag is wrong.
        VictorError: the turn failed.
    """
    options, rest = take_flags("%victor explain", words)
    error = _last()
    from victor_nb.notebook.verbs.mishap import question_about

    _asked_about[:] = [error]
    ask(question_about(error, " ".join(rest)), options)
    _asked_about.clear()


def _last() -> BaseException:
    """The user's last exception; our own say themselves what to do."""
    found: object = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
    if isinstance(found, VictorError) and _asked_about:
        return _asked_about[-1]
    if isinstance(found, VictorError):
        raise UsageError(
            f"%victor explain: the last error is one of victor_nb: {found.message}", hint=found.hint or "see above"
        )
    if not isinstance(found, Exception):
        raise UsageError("%victor explain: no exception was raised in this kernel.", hint="run the cell that fails")
    return found

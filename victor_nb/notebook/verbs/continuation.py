"""`%victor continue`: goes on with an answer that was interrupted, cut at its limit of tokens, or broke off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from victor_nb.errors import UsageError
from victor_nb.notebook.asking import ask
from victor_nb.notebook.grammar.arguments import take_flags
from victor_nb.notebook.words import Wait

if TYPE_CHECKING:
    from victor_nb.session import Session


def continue_answer(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: there is nothing to continue.
        VictorError: as a question's.
    """
    options, rest = take_flags("%victor continue", words)
    if rest:
        raise UsageError(f"%victor continue takes flags only, not {rest[0]!r}.", hint="as %victor continue -o answer")
    ask(wait(session.orchestrator.continuation(options.session)), options)

"""`%victor transcript`: the conversation once more, below the cell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from victor_nb.errors import UsageError
from victor_nb.notebook.grammar.arguments import parse_words
from victor_nb.notebook.words import Wait, whole_number

if TYPE_CHECKING:
    from victor_nb.notebook.conversations.session_transcript import SessionTranscript
    from victor_nb.session import Session

_HINT: Final = "as %victor transcript, %victor transcript 5 for the last five turns, or %victor transcript --all"


def transcript(session: Session, words: list[str], wait: Wait) -> SessionTranscript:
    """
    Raises:
        UsageError: the words are not what it takes.
        StoreError: the store cannot be read.
    """
    from victor_nb.notebook.conversations.session_transcript import LAST, SessionTranscript

    found = parse_words(
        "%victor transcript", words, _HINT, ("number", {"nargs": "?"}), ("--all", {"action": "store_true"})
    )
    number = LAST if found.number is None else whole_number(found.number) or 0
    if number < 1 or (found.all and found.number):
        raise UsageError(f"%victor transcript: {found.number!r} is no number of turns to show.", hint=_HINT)
    last = None if found.all else number
    return SessionTranscript.of(session.orchestrator.context_coordinator.conversation(), session.store, last)

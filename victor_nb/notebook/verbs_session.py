"""`%victor session` and `sessions`: which conversation this notebook is in, and what is done with kept ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from victor_nb.notebook.arguments import parse_words
from victor_nb.notebook.conversation import NotebookConversation
from victor_nb.notebook.words import Wait, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.session import Session


def session(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: the words are not what it takes.
        SessionError: there is no such session, or the store cannot do it.
        SessionInUseError: another kernel has it open.
    """
    if words and (action := _ACTIONS.get(words[0])):
        action(session, words[1:], wait)
        return
    found = parse_words(
        "%victor session",
        words,
        "as %victor session thesis, or %victor session thesis --fork thesis-2",
        ("name", {"nargs": "?"}),
        ("--fork", {"metavar": "NEW"}),
        ("--read-only", {"action": "store_true"}),
        ("--from", {"metavar": "NOTEBOOK", "dest": "notebook"}),
    )
    orchestrator = session.orchestrator
    if found.name:
        orchestrator.use_session(found.name)
    count = len(orchestrator.context_coordinator.get_context().messages)
    say(f"Session {orchestrator.session_id}: {count} messages.")


def sessions(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("sessions", words)
    return session.analytics.sessions()


def reset(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("reset", words)
    NotebookConversation(lambda: session.orchestrator).reset()
    say("The conversation is empty again. What was recorded is still in vn.analytics.")


_ACTIONS: Final[dict[str, Callable[[Session, list[str], Wait], None]]] = {}

"""`%victor session`, `sessions` and `reset`: which conversation this notebook is in, and what becomes of kept ones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from victor_nb.errors import SessionInUseError, UsageError, did_you_mean
from victor_nb.notebook.conversations.conversation import NotebookConversation
from victor_nb.notebook.conversations.held import choice
from victor_nb.notebook.conversations.session_table import joined
from victor_nb.notebook.grammar.arguments import parse_words
from victor_nb.notebook.kernel.questions import YES, ask
from victor_nb.notebook.words import Wait, confirm, path_of, refuse_more, say, whole_number

if TYPE_CHECKING:
    import argparse

    from victor_nb.agent.sessions import Sessions
    from victor_nb.session import Session

_HINT: Final = "as %victor session thesis, or %victor session thesis --fork thesis-2"


def session(session: Session, words: list[str], wait: Wait) -> None:
    """
    Raises:
        UsageError: the words are not what it takes.
        SessionError: there is no such session, or one that is in the way.
        SessionInUseError: another kernel has it open.
        StoreError: the store cannot be used.
    """
    if words and (action := _ACTIONS.get(words[0])):
        action(session, words[1:])
        return
    found = parse_words(
        "%victor session",
        words,
        _HINT,
        ("names", {"nargs": "*"}),
        ("--fork", {"metavar": "NEW"}),
        ("--read-only", {"action": "store_true"}),
        ("--from", {"metavar": "NOTEBOOK", "dest": "notebook"}),
    )
    if found.names:
        _go(session, found)
    elif found.fork or found.read_only or found.notebook:
        raise UsageError("%victor session needs the name of the session.", hint=_HINT)
    tell = partial(confirm, session) if found.names else say
    tell(f"Session {session.orchestrator.session_id}: {_size(session)}.{_only_looked_at(session, found.read_only)}")


def _go(session: Session, found: argparse.Namespace) -> None:
    name, *more = found.names
    if more:
        raise UsageError(
            f"%victor session takes one name.{did_you_mean(name, _ACTIONS)}",
            hint="put a name with spaces in quotation marks",
        )
    if found.read_only and (found.fork or found.notebook):
        raise UsageError("%victor session: --read-only looks at the session itself.", hint="leave out one of the two")
    sessions = session.orchestrator.sessions
    if found.fork or found.notebook:
        notebook = found.notebook and _notebook(sessions, found.notebook)
        name = sessions.fork(name, found.fork or name, notebook=notebook)
    try:
        sessions.open(name, read_only=found.read_only)
    except SessionInUseError as error:
        raise choice(error, name, sessions.list()["session_id"]) from None
    session.orchestrator.use_session(name)


def _notebook(sessions: Sessions, named: str) -> str:
    """The notebook that is meant by its path or its file's name."""
    known = [str(one) for one in sessions.list(every_notebook=True)["notebook"].dropna().unique()]
    path = str(path_of(named).absolute())
    found = [one for one in known if one in (named, path)] or [one for one in known if Path(one).name == named]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"there are {len(found)} notebooks {named!r} with sessions.", hint=f"name one: {found}")
    nearest = did_you_mean(named, [*known, *(Path(one).name for one in known)])
    raise UsageError(
        f"no session of a notebook {named!r} is kept.{nearest}", hint="vn.sessions.list(every_notebook=True)"
    )


def _fork(session: Session, words: list[str]) -> None:
    found = parse_words(
        "%victor session fork",
        words,
        "as %victor session fork thesis thesis-2, or with --at 3 behind its third turn",
        ("name", {}),
        ("new", {}),
        ("--at", {"metavar": "TURN"}),
    )
    number = whole_number(found.at or "")
    turn = found.at if number is None else number
    new = session.orchestrator.sessions.fork(found.name, found.new, at_turn=turn)
    confirm(session, f"Copied {found.name} to {new}. %victor session {new} goes there.")


def _rename(session: Session, words: list[str]) -> None:
    hint = "as %victor session rename thesis chapter-1"
    found = parse_words("%victor session rename", words, hint, ("old", {}), ("new", {}))
    session.orchestrator.sessions.rename(found.old, found.new)
    confirm(session, f"Renamed {found.old} to {found.new}.")


def _delete(session: Session, words: list[str]) -> None:
    hint = "as %victor session delete thesis"
    found = parse_words("%victor session delete", words, hint, ("name", {}), ("--yes", {"action": "store_true"}))
    sessions = session.orchestrator.sessions
    known = [*sessions.list()["session_id"], session.orchestrator.session_id]
    if found.name not in known:
        raise UsageError(
            f"there is no session {found.name!r}.{did_you_mean(found.name, known)}", hint="%victor sessions"
        )
    if not found.yes and not _is_sure(f"Delete the session {found.name!r} for good? [y/N] "):
        say("Nothing was deleted.")
    else:
        sessions.delete(found.name)
        confirm(session, f"Deleted {found.name}. What was recorded of its turns is still in vn.analytics.")


def _is_sure(question: str) -> bool:
    answer = ask(question)
    if answer is None:
        raise UsageError("%victor session delete asks before, and nobody can answer here.", hint="--yes does without")
    return answer in YES


def _export(session: Session, words: list[str]) -> None:
    hint = "as %victor session export thesis thesis.jsonl"
    found = parse_words("%victor session export", words, hint, ("name", {}), ("path", {}))
    path = session.orchestrator.sessions.export(found.name, path_of(found.path))
    confirm(session, f"Wrote {found.name} to {path}.")


def _import(session: Session, words: list[str]) -> None:
    hint = "as %victor session import thesis.jsonl"
    found = parse_words("%victor session import", words, hint, ("path", {}), ("name", {"nargs": "?"}))
    name = session.orchestrator.sessions.import_file(path_of(found.path), found.name)
    confirm(session, f"Read {found.path} into {name}. %victor session {name} goes there.")


def sessions(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("sessions", words)
    return joined(session.orchestrator.sessions.list(), session.analytics.sessions())


def reset(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("reset", words)
    NotebookConversation(lambda: session.orchestrator).reset()
    confirm(session, "The conversation is empty again. What was recorded is still in vn.analytics.")


def _only_looked_at(session: Session, asked_for: bool) -> str:
    """What came of `--read-only`."""
    if not asked_for:
        return ""
    found = session.orchestrator.sessions.list()
    elsewhere = found[~found["held_here"]].dropna(subset=["held_by"])
    holders = dict(zip(elsewhere["session_id"], elsewhere["held_by"], strict=True))
    if holder := holders.get(session.orchestrator.session_id):
        return f" It is open in {holder}, so it can only be looked at."
    return " No other kernel has it open, so it can be gone on with."


def _size(session: Session) -> str:
    conversation = NotebookConversation(lambda: session.orchestrator)
    return f"{len(conversation)} message{'' if len(conversation) == 1 else 's'}"


_ACTIONS: Final[dict[str, Callable[[Session, list[str]], None]]] = {
    "fork": _fork,
    "rename": _rename,
    "delete": _delete,
    "export": _export,
    "import": _import,
}

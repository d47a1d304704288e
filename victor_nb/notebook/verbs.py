"""What each `%victor` verb does. A verb prints a line or returns a DataFrame; it never sends anything to a model."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from victor_nb.errors import UsageError
from victor_nb.notebook.arguments import line_help

if TYPE_CHECKING:
    from victor_nb.protocols import IChatModel
    from victor_nb.session import Session

Wait = Callable[[Coroutine[Any, Any, Any]], Any]
Verb = Callable[["Session", list[str], Wait], Any]


def run_verb(verb: str, words: list[str], session: Session, wait: Wait) -> Any:
    """
    Raises:
        UsageError: the words after the verb are not what it takes.
        ModelError: the model cannot be used.
    """
    return _VERBS[verb](session, words, wait)


def _say(text: str) -> None:
    print(text)  # noqa: T201


def _named(model: IChatModel) -> str:
    return (
        "demo (not an AI; it shows how things work)" if model.provider == "demo" else f"{model.provider}:{model.name}"
    )


def _use(session: Session, words: list[str], wait: Wait) -> None:
    if len(words) != 1:
        raise UsageError("%victor use takes one model.", hint="as %victor use openai:gpt-5, or %victor use demo")
    _say(f"Using {_named(wait(session.orchestrator.use_model(words[0])))}.")


def _model(session: Session, words: list[str], wait: Wait) -> None:
    _none("model", words)
    _say(_named(wait(session.orchestrator.resolve_model())))


def _session(session: Session, words: list[str], wait: Wait) -> None:
    if len(words) > 1:
        raise UsageError("%victor session takes one name.", hint="put a name with spaces in quotation marks")
    orchestrator = session.orchestrator
    if words:
        orchestrator.use_session(words[0])
    count = len(orchestrator.context_coordinator.get_context().messages)
    _say(f"Session {orchestrator.session_id}: {count} messages.")


def _sessions(session: Session, words: list[str], wait: Wait) -> Any:
    _none("sessions", words)
    return session.analytics.sessions()


def _analytics(session: Session, words: list[str], wait: Wait) -> Any:
    return session.analytics.summary(by=words or "model")


def _reset(session: Session, words: list[str], wait: Wait) -> None:
    _none("reset", words)
    session.orchestrator.context_coordinator.reset()
    _say("The conversation is empty again. What was recorded is still in vn.analytics.")


def _help(session: Session, words: list[str], wait: Wait) -> None:
    _say(line_help())


def _none(verb: str, words: list[str]) -> None:
    if words:
        raise UsageError(f"%victor {verb} takes nothing more, but got {' '.join(words)!r}.", hint="see %victor help")


_VERBS: dict[str, Verb] = {
    "use": _use,
    "model": _model,
    "session": _session,
    "sessions": _sessions,
    "analytics": _analytics,
    "reset": _reset,
    "help": _help,
}

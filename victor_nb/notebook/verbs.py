"""What each `%victor` verb does. A verb prints a line or returns a DataFrame; it never sends anything to a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from victor_nb.agent.tags import parse_tags
from victor_nb.errors import UsageError, did_you_mean
from victor_nb.notebook.arguments import line_help
from victor_nb.notebook.doctor import examine
from victor_nb.notebook.verbs_analytics import analytics
from victor_nb.notebook.verbs_export import export
from victor_nb.notebook.words import Verb, Wait, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.protocols import IChatModel
    from victor_nb.session import Session


def run_verb(verb: str, words: list[str], session: Session, wait: Wait) -> Any:
    """
    Raises:
        UsageError: the words after the verb are not what it takes.
        ModelError: the model cannot be used.
        StoreError: the analytics store cannot be read or written.
    """
    return _VERBS[verb](session, words, wait)


def _named(model: IChatModel) -> str:
    return (
        "demo (not an AI; it shows how things work)" if model.provider == "demo" else f"{model.provider}:{model.name}"
    )


def _use(session: Session, words: list[str], wait: Wait) -> None:
    if len(words) != 1:
        raise UsageError("%victor use takes one model.", hint="as %victor use openai:gpt-5, or %victor use demo")
    say(f"Using {_named(wait(session.orchestrator.use_model(words[0])))}.")


def _model(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("model", words)
    say(_named(wait(session.orchestrator.resolve_model())))


def _session(session: Session, words: list[str], wait: Wait) -> None:
    if len(words) > 1:
        raise UsageError("%victor session takes one name.", hint="put a name with spaces in quotation marks")
    orchestrator = session.orchestrator
    if words:
        orchestrator.use_session(words[0])
    count = len(orchestrator.context_coordinator.get_context().messages)
    say(f"Session {orchestrator.session_id}: {count} messages.")


def _sessions(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("sessions", words)
    return session.analytics.sessions()


def _tags(session: Session, words: list[str], wait: Wait) -> None:
    if words == ["clear"]:
        session.tags.clear()
    for word in words if words != ["clear"] else []:
        if "=" not in word:
            raise UsageError(
                f"%victor tags: {word!r} has no value.{did_you_mean(word, ['clear'])}", hint="as %victor tags variant=A"
            )
    session.tags.update(parse_tags(word for word in words if "=" in word))
    told = " ".join(f"{name}={_as_text(value)}" for name, value in sorted(session.tags.items()))
    say(f"Every turn is tagged {told}." if told else "No tags.")


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _reset(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("reset", words)
    session.orchestrator.context_coordinator.reset()
    say("The conversation is empty again. What was recorded is still in vn.analytics.")


def _doctor(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("doctor", words)
    say(examine(session, wait))


def _help(session: Session, words: list[str], wait: Wait) -> None:
    say(line_help())


_VERBS: dict[str, Verb] = {
    "use": _use,
    "model": _model,
    "session": _session,
    "sessions": _sessions,
    "analytics": analytics,
    "export": export,
    "tags": _tags,
    "doctor": _doctor,
    "reset": _reset,
    "help": _help,
}

"""What each `%victor` verb does: it prints a line or returns a DataFrame. None of them sends anything to a model, but
for `continue` and `explain`, and for `compact` and `preview` with a strategy that asks one."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from victor_nb.agent.tags import parse_tags
from victor_nb.errors import SessionInUseError, UsageError, did_you_mean
from victor_nb.notebook.conversations.held import choice
from victor_nb.notebook.grammar.arguments import line_help
from victor_nb.notebook.grammar.line_secrets import refuse_random
from victor_nb.notebook.grammar.verb_table import VERBS
from victor_nb.notebook.verbs import context as verbs_context
from victor_nb.notebook.verbs import request as verbs_request
from victor_nb.notebook.verbs import session as verbs_session
from victor_nb.notebook.verbs.analytics import analytics
from victor_nb.notebook.verbs.budget import budget
from victor_nb.notebook.verbs.cassette import cassette
from victor_nb.notebook.verbs.code import paste
from victor_nb.notebook.verbs.continuation import continue_answer
from victor_nb.notebook.verbs.doctor import examine
from victor_nb.notebook.verbs.explain import explain
from victor_nb.notebook.verbs.export import export
from victor_nb.notebook.verbs.models import models
from victor_nb.notebook.verbs.panel import panel
from victor_nb.notebook.verbs.transcript import transcript
from victor_nb.notebook.words import Verb, Wait, confirm, refuse_more, say

if TYPE_CHECKING:
    from victor_nb.protocols import IChatModel
    from victor_nb.session import Session


def run_verb(verb: str, words: list[str], session: Session, wait: Wait) -> Any:
    """
    Raises:
        UsageError: the words after the verb are not what it takes.
        SessionInUseError: another kernel has this conversation open, and the verb would change it.
        ModelError: the model cannot be used.
        StoreError: the analytics store cannot be read or written.
    """
    try:
        return _VERBS[verb](session, words, wait)
    except SessionInUseError as error:
        if verb == "session":  # it says itself what can be done with the session that it names
            raise
        orchestrator = session.orchestrator
        raise choice(error, orchestrator.session_id, orchestrator.sessions.list()["session_id"]) from None


def _named(model: IChatModel) -> str:
    return (
        "demo (not an AI; it shows how things work)" if model.provider == "demo" else f"{model.provider}:{model.name}"
    )


def _use(session: Session, words: list[str], wait: Wait) -> None:
    refuse_random("%victor use", words)
    if len(words) != 1:
        raise UsageError("%victor use takes one model.", hint="as %victor use openai:gpt-5, or %victor use demo")
    confirm(session, f"Using {_named(wait(session.orchestrator.use_model(words[0])))}.")


def _model(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("model", words)
    say(_named(wait(session.orchestrator.resolve_model())))


def _tags(session: Session, words: list[str], wait: Wait) -> None:
    if words == ["clear"]:
        session.tags.clear()
    for word in words if words != ["clear"] else []:
        if word == "clear":
            raise UsageError("%victor tags: clear takes nothing more.", hint="%victor tags clear, then the new tags")
        if "=" not in word:
            raise UsageError(
                f"%victor tags: {word!r} has no value.{did_you_mean(word, ['clear'])}", hint="as %victor tags variant=A"
            )
    session.tags.update(parse_tags(word for word in words if "=" in word))
    told = " ".join(f"{name}={_as_text(value)}" for name, value in sorted(session.tags.items()))
    (partial(confirm, session) if words else say)(f"Every turn is tagged {told}." if told else "No tags.")


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _doctor(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("doctor", words)
    say(examine(session, wait))


def _help(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more(" ".join(["help", *words[:1]]), words[1:])
    if words and words[0] not in VERBS:
        raise UsageError(f"%victor: no verb {words[0]!r}.{did_you_mean(words[0], VERBS)}", hint="see %victor help")
    say(f"%victor {VERBS[words[0]]}" if words else line_help())


_VERBS: dict[str, Verb] = {
    "use": _use,
    "model": _model,
    "models": models,
    "session": verbs_session.session,
    "sessions": verbs_session.sessions,
    "reset": verbs_session.reset,
    "transcript": transcript,
    "context": verbs_context.context,
    "compact": verbs_context.compact,
    "undo": verbs_context.undo,
    "preview": verbs_context.preview,
    "pin": verbs_context.pin,
    "unpin": verbs_context.unpin,
    "search": verbs_context.search,
    "records": verbs_context.records,
    "budget": budget,
    "cassette": cassette,
    "continue": continue_answer,
    "tools": verbs_request.tools,
    "prompt": verbs_request.prompt,
    "config": verbs_request.config,
    "analytics": analytics,
    "export": export,
    "panel": panel,
    "tags": _tags,
    "explain": explain,
    "paste": paste,
    "doctor": _doctor,
    "help": _help,
}

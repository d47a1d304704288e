"""`%victor context` and its like: how large the conversation is, what of it is sent, and steering that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from victor_nb.errors import UsageError
from victor_nb.notebook.conversations.conversation import NotebookConversation
from victor_nb.notebook.conversations.listing import frame_of, said
from victor_nb.notebook.words import Wait, confirm, refuse, refuse_more, say, whole_number

if TYPE_CHECKING:
    from victor_nb.context.compaction import CompactionRecord
    from victor_nb.messages import Message
    from victor_nb.session import Session

_PREVIEW = {"change": "string", "role": "string", "text": "string", "message_id": "string"}


def context(session: Session, words: list[str], wait: Wait) -> Any:
    if not words:
        return _of(session).state
    if words != ["--last"]:
        refuse("context", words[-1], ["--last"])
    found = _of(session).last_question
    if found is None:
        say("Nothing has been asked in this conversation yet.")
    return found


def compact(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("compact", words)
    say(told(_of(session).compact()))


def undo(session: Session, words: list[str], wait: Wait) -> None:
    refuse_more("undo", words)
    record = _of(session).undo()
    if record is None:
        say("There is no compaction to undo.")
    else:
        confirm(session, f"Undone: the conversation takes about {_of(session).state.tokens:,} tokens again.")


def preview(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("preview", words)
    found = _of(session).preview()
    if found.error:
        say(f"The strategy {found.strategy} failed: {found.error}")
    elif found.outcome == "noop":
        say(f"%victor compact would do nothing now: {found.strategy} finds nothing to leave out.")
    else:
        say(f"%victor compact would bring it from about {found.tokens_before:,} tokens to {found.tokens_after:,}.")
    changes: list[tuple[str, Message]] = [("removed", one) for one in found.removed]
    changes += [("added", one) for one in found.added]
    rows = ({"change": change, "role": one.role, "text": said(one), "message_id": one.id} for change, one in changes)
    return frame_of(rows, _PREVIEW)


def pin(session: Session, words: list[str], wait: Wait) -> None:
    message = _of(session).pin(_target("pin", words))
    confirm(session, f"Pinned, so that it is always sent: {_excerpt(message)}")


def unpin(session: Session, words: list[str], wait: Wait) -> None:
    message = _of(session).unpin(_target("unpin", words))
    confirm(session, f"No longer pinned: {_excerpt(message)}")


def search(session: Session, words: list[str], wait: Wait) -> Any:
    return _of(session).search(" ".join(words))


def records(session: Session, words: list[str], wait: Wait) -> Any:
    refuse_more("records", words)
    return _of(session).records().to_dataframe()


def told(record: CompactionRecord) -> str:
    """What a compaction by hand has done."""
    if record.outcome == "failed":
        return f"The strategy {record.strategy} failed ({record.error_type}); nothing has changed."
    if record.outcome == "noop":
        return f"Nothing to do: {record.strategy} finds nothing to leave out of {record.tokens_before:,} tokens."
    return (
        f"Made smaller, from about {record.tokens_before:,} tokens to {record.tokens_after:,}; "
        f"{record.messages_removed} messages are no longer sent. %victor undo takes it back."
    )


def _of(session: Session) -> NotebookConversation:
    return NotebookConversation(lambda: session.orchestrator)


def _target(verb: str, words: list[str]) -> str | int:
    if not words:
        raise UsageError(
            f"%victor {verb} takes a message: its number, or words that only it holds.",
            hint="%victor search WORDS shows numbers",
        )
    text = " ".join(words)
    number = whole_number(text)
    return text if number is None else number


def _excerpt(message: Message) -> str:
    text = " ".join(said(message).split())
    return f"{message.role}: {text if len(text) <= 80 else text[:79] + '…'}"

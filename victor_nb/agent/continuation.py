"""Going on with an answer that stopped before its end: how that is seen in a conversation, and what the model is told.

Why an answer stopped stands in its message's metadata, so that it is known after a restart as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from victor_nb.errors import UsageError
from victor_nb.messages import Message, ModelReply

Cut: TypeAlias = Literal["interrupted", "length", "incomplete", "stopped"]

CUT: Final = "cut"
INTERRUPTED: Final = "interrupted by the user"
_TAIL: Final = 160
_WHY: Final[dict[str, str]] = {
    "interrupted": "I interrupted your last answer",
    "length": "Your last answer reached its limit of tokens",
    "incomplete": "Your last answer broke off",
    "stopped": "You were stopped before there was an answer",
}


@dataclass(frozen=True, slots=True)
class Stop:
    """Where an answer stopped. `tail` is its last words, empty when it had none."""

    why: Cut
    tail: str = ""


def cut_of(reply: ModelReply) -> Message:
    """The reply's message, marked where it is not whole."""
    why = "length" if reply.finish_reason == "length" else "" if reply.complete else "incomplete"
    return marked(reply.message, why) if why else reply.message


def marked(message: Message, why: str) -> Message:
    return replace(message, metadata={**message.metadata, CUT: why})


def stop_of(view: Sequence[Message]) -> Stop | None:
    """Where the last answer of these messages stopped; None when it is whole, or there is none."""
    last = view[-1] if view else None
    if last is None or last.role not in ("assistant", "tool"):
        return None
    note = f"[{INTERRUPTED}]"
    if last.role == "tool":
        return Stop("interrupted") if last.content == INTERRUPTED else None
    why, text = last.metadata.get(CUT), last.content.removesuffix(note).rstrip()
    if last.content.endswith(note):  # also in conversations that were kept before there were marks
        return Stop("interrupted", text[-_TAIL:])
    if why == "stopped":
        return Stop("stopped")
    return Stop(why, last.content[-_TAIL:]) if why in ("length", "incomplete") else None


def continuation(view: Sequence[Message]) -> str:
    """The message that lets the model go on.

    Raises:
        UsageError: there is nothing to go on with.
    """
    stop = stop_of(view)
    if stop is None:
        reason = "the last answer is whole" if view else "nothing was asked yet"
        raise UsageError(f"there is nothing to continue: {reason}.", hint="ask a question")
    if not stop.tail:
        return f"{_WHY[stop.why]}. Go on with the task from there; what was done by then need not be done again."
    return (
        f"{_WHY[stop.why]}. Go on exactly where it stops: write only what follows its last words, repeat nothing, do "
        f"not begin again, and say nothing of the interruption. Its last words are:\n\n{stop.tail}"
    )

"""Finding messages in a conversation: by text, over the whole log, or as somebody points at one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from victor_nb.errors import UsageError
from victor_nb.messages import Message


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message of the log that holds the text. `index` is its place in the log. `in_view` tells whether requests send
    it, `shortened` that they send it with a shorter text; what is not in the view has been folded."""

    index: int
    message: Message = field(repr=False)
    excerpt: str
    in_view: bool
    shortened: bool


def search(text: str, log: Sequence[Message], view: Sequence[Message]) -> list[SearchHit]:
    """The messages whose text or tool calls hold `text`, upper and lower case alike, oldest first."""
    if not isinstance(text, str) or not text.strip():  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"search() looks for text, not {text!r}.", hint='as in search("budget")')
    sent = {message.id: message for message in view}
    hits: list[SearchHit] = []
    for index, message in enumerate(log):
        words = "\n".join([message.content, *(f"{call.name} {call.arguments}" for call in message.tool_calls)])
        at = words.casefold().find(text.casefold())
        if at >= 0:
            shown = sent.get(message.id)
            short = shown is not None and shown.content != message.content
            hits.append(SearchHit(index, message, _excerpt(words, at, len(text)), shown is not None, short))
    return hits


def pointed_at(target: Message | str | int, log: Sequence[Message], view: Sequence[Message]) -> str:
    """The id of the message of the log that is meant: itself, its id, or its index in the view.

    Raises UsageError when there is none.
    """
    if isinstance(target, int):
        if not -len(view) <= target < len(view):
            raise UsageError(
                f"there is no message {target}: the view has {len(view)}.", hint="count from 0, or from -1 at the end"
            )
        target = view[target]
    wanted = target.id if isinstance(target, Message) else target
    if any(message.id == wanted for message in log):
        return wanted
    if any(message.id == wanted for message in view):
        raise UsageError(
            "this message was made by a compaction, it is no part of the log.",
            hint="pin what it was made of: search() finds folded messages too",
        )
    raise UsageError(f"the session has no message {wanted!r}.", hint="give a message of get_context(), its id or index")


def _excerpt(words: str, at: int, length: int) -> str:
    start, end = max(at - 40, 0), at + length + 40
    return f"{'…' if start else ''}{' '.join(words[start:end].split())}{'…' if end < len(words) else ''}"

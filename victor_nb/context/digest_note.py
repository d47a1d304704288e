"""A digest as a message: the user's, in the past tense, its entries also in its metadata, where they are read again.

Tool results that were shortened in their place begin with a line of their own, since they keep their metadata.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, cast

from victor_nb.context.digest_statements import Statement, shape_of
from victor_nb.messages import JsonValue, Message, Role

MARK: Final = "digest"
SHORTENED: Final = "[Shortened tool result. It had said, among other things:]"
_HEAD: Final = "[Digest of {} earlier messages. What had been said and found:]"
_SECTIONS: Final[dict[Role, str]] = {
    "user": "The user had said:",
    "assistant": "The assistant had said:",
    "tool": "Tools had returned:",
}


def is_digest(message: Message) -> bool:
    return message.role == "user" and MARK in message.metadata


def is_shortened(message: Message) -> bool:
    return message.role == "tool" and message.content.startswith(SHORTENED)


def digest_message(entries: Sequence[Statement], folded: int) -> Message:
    """The message that says `entries`; equal entries make an equal message, its id included."""
    data: dict[str, JsonValue] = {"folded": folded, "entries": [[s.role, s.text, round(s.worth, 3)] for s in entries]}
    text = render(entries, folded)
    name = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Message("user", text, id=f"digest-{name[:24]}", metadata={MARK: data})


def render(entries: Sequence[Statement], folded: int) -> str:
    lines = [_HEAD.format(folded)]
    for role, title in _SECTIONS.items():
        said = [f"- {s.text}" for s in entries if s.role == role]
        if said:
            lines += [title, *said]
    return "\n".join(lines)


def entries_of(message: Message) -> tuple[list[Statement], int]:
    """What a digest says, and how many messages it stands for."""
    data = message.metadata.get(MARK)
    if not isinstance(data, dict):
        return [], 0
    folded = data.get("folded")
    rows = cast("list[tuple[Role, str, float]]", data.get("entries") or [])
    return [entry(role, text, worth) for role, text, worth in rows], folded if isinstance(folded, int) else 0


def shortened(entries: Sequence[Statement]) -> str:
    return "\n".join([SHORTENED, *(f"- {s.text}" for s in entries)])


def lines_of(message: Message) -> list[str]:
    """What a shortened tool result still says."""
    return [line[2:] for line in message.content.splitlines()[1:] if line.startswith("- ")]


def entry(role: Role, text: str, worth: float) -> Statement:
    shape = shape_of(text)
    return Statement(role, text, shape.key, shape.value, worth, shape.corrects)

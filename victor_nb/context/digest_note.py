"""A digest as a message: the user's, in the past tense, its entries also in its metadata, where they are read again.

Entries there was no room for are in the metadata too, up to a number, so that they can come back when there is room.
Tool results that were shortened in their place begin with a line of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Final, cast

from victor_nb.context.digest_shapes import Shape
from victor_nb.context.digest_statements import Statement
from victor_nb.context.digest_wording import label_of
from victor_nb.context.steps import DIGEST_MARK
from victor_nb.messages import JsonValue, Message, Role

SHORTENED: Final = "[Shortened tool result; it had said:]"
_ENTRIES: Final = "digest"
_LINE: Final = 110  # characters of a line that several notes share
_HEAD: Final = "[Digest of {} earlier messages]"
_SECTIONS: Final[dict[Role, str]] = {
    "user": "The user had said:",
    "assistant": "The assistant had said:",
    "tool": "Tools had returned:",
}


def is_own_digest(message: Message) -> bool:
    """Whether it is a digest of this kind (a summary by a model is a digest of another)."""
    return message.metadata.get(DIGEST_MARK) is True and isinstance(message.metadata.get(_ENTRIES), dict)


def is_shortened(message: Message) -> bool:
    return message.role == "tool" and message.content.startswith(SHORTENED)


def digest_message(
    shown: Sequence[Statement], hidden: Sequence[Statement], folded: int, *, grouped: bool = False
) -> Message:
    """The message that says what is `shown`; equal entries make an equal message, its id included.

    `grouped` writes what several entries have in common once: "timeout: orders-db 430 ms, users-db 120 ms".
    """
    data: dict[str, JsonValue] = {"folded": folded, "shown": _rows(shown), "hidden": _rows(hidden)}
    name = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:24]
    text = render(shown, folded, grouped=grouped)
    return Message("user", text, id=f"digest-{name}", metadata={DIGEST_MARK: True, _ENTRIES: data})


def render(entries: Sequence[Statement], folded: int, *, grouped: bool = False) -> str:
    lines = [_HEAD.format(folded)]
    for role, title in _SECTIONS.items():
        said = [s.text for s in entries if s.role == role]
        lines += [title, *(_grouped(said) if grouped else said)] if said else []
    return "\n".join(lines)


def _grouped(said: Sequence[str]) -> list[str]:
    """Notes with a label or their first words in common on one line, as long as that stays short, where the first of
    them was."""
    lines: list[str] = []
    open_lines: dict[str, int] = {}
    beginnings = Counter(start for text in said for start in _beginnings(text))
    for text in said:
        label, rest = label_of(text)
        start = f"{label}: " if label else next((s for s in _beginnings(text) if beginnings[s] > 1), "")
        rest = rest if label else text[len(start) :]
        at = open_lines.get(start) if start else None
        if at is not None and len(lines[at]) + len(rest) < _LINE:
            lines[at] = f"{lines[at]}, {rest}"
            continue
        if start:
            open_lines[start] = len(lines)
        lines.append(f"{start}{rest}")
    return lines


def _beginnings(text: str) -> list[str]:
    """The first two words and the first, where a note says more of what it is about than these."""
    about, _, value = text.partition(": ")
    words = about.split(" ")
    if not value or ", " in text or len(text) >= _LINE:
        return []
    return [" ".join(words[:n]) + " " for n in (2, 1) if n < len(words)]


def read_digest(message: Message, source: int) -> tuple[list[Statement], list[Statement], int]:
    """What a digest shows, what it holds back, and how many messages it stands for."""
    data = cast("dict[str, JsonValue]", message.metadata[_ENTRIES])
    folded = data.get("folded")
    return _read(data, "shown", source), _read(data, "hidden", -1), folded if isinstance(folded, int) else 0


def shortened(entries: Sequence[Statement]) -> str:
    return "\n".join([SHORTENED, *(s.text for s in entries)])


def lines_of(message: Message) -> list[str]:
    """What a shortened tool result still says."""
    return message.content.splitlines()[1:]


def _rows(entries: Sequence[Statement]) -> list[JsonValue]:
    return [_row(s) for s in entries]


def _row(said: Statement) -> JsonValue:
    """A statement with what its shape told when it was said, since the text may have become shorter."""
    shape = said.shape
    key, names = " ".join(sorted(shape.key)), " ".join(sorted(shape.names))
    return [
        said.role,
        said.text,
        round(said.worth, 3),
        key,
        names,
        shape.value,
        shape.numeric,
        shape.rule,
        shape.corrects,
    ]


def _read(data: dict[str, JsonValue], name: str, source: int) -> list[Statement]:
    rows = cast("list[tuple[Role, str, float, str, str, str, bool, bool, bool]]", data.get(name) or [])
    return [
        Statement(
            role,
            Shape(text, frozenset(key.split()), frozenset(names.split()), value, numeric, rule=rule, corrects=corrects),
            worth,
            source,
        )
        for role, text, worth, key, names, value, numeric, rule, corrects in rows
    ]

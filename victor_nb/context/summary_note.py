"""A summary as a message: the user's, in the past tense, marked in its metadata, so that it is known again.

Whether what a model wrote may stand for what was said is decided here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Final

from victor_nb.context.steps import DIGEST_MARK
from victor_nb.messages import Message

MARK: Final = "summary"
_HEAD: Final = "[Summary of {} earlier messages. Later notes win over earlier ones.]"
_SENTENCE: Final = re.compile(r"(?<=[.!?。！？])\s+|\n+")
_REFUSAL: Final = re.compile(
    r"\W*(?:error\b|traceback\b|exception\b|internal server error|(?:i['’]?m|i am) (?:sorry|unable|not able)|sorry\b|"
    r"(?:i|we) (?:can['’]?t|cannot|could not|couldn['’]?t|am unable)|as an ai\b|unfortunately, i\b|null$|none$|n/?a$|"
    r"please provide\b|there is no (?:conversation|transcript)|no (?:conversation|transcript) (?:was|to)|"
    r"\d{3} (?:bad|unauthorized|forbidden|not found|too many|internal|service)|<!doctype|<html)"
    r'|\s*\{\s*"?(?:error|detail|message)"?\s*:',
    re.IGNORECASE,
)
LEAST_WORDS: Final = 5


def is_summary(message: Message) -> bool:
    return message.role == "user" and MARK in message.metadata


def summary_message(text: str, folded: Sequence[Message]) -> Message:
    """The message that stands for `folded`. The same text for the same messages makes the same message."""
    number = sum(stands_for(message) for message in folded)
    name = hashlib.sha256("\n".join([text, *(message.id for message in folded)]).encode("utf-8", "surrogatepass"))
    content = f"{_HEAD.format(number)}\n{text}"
    return Message(
        "user", content, id=f"summary-{name.hexdigest()[:24]}", metadata={DIGEST_MARK: True, MARK: {"folded": number}}
    )


def stands_for(message: Message) -> int:
    """How many messages of the log it is: more than one for a summary."""
    found = message.metadata.get(MARK)
    folded = found.get("folded") if isinstance(found, dict) else None
    return folded if isinstance(folded, int) else 1


def body_of(message: Message) -> str:
    """The text of a summary without its head line."""
    return message.content.partition("\n")[2] if is_summary(message) else message.content


def refusal(text: str) -> str | None:
    """Why `text` is no summary, or None when it may be one."""
    if not text.strip():
        return "it was empty"
    if _REFUSAL.match(text):
        return f"it looked like an error: {' '.join(text.split())[:60]!r}"
    if len(re.findall(r"\w+", text)) < LEAST_WORDS and not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]{4}", text):
        return f"it said nothing: {text.strip()[:60]!r}"
    return None


def without_known(text: str, known: str) -> str:
    """`text` without the lines and sentences that earlier summaries have word for word."""
    told = {_plain(sentence) for sentence in _SENTENCE.split(known)}
    lines = (
        " ".join(
            part for part in _SENTENCE.split(line) if part.strip() and not (_is_whole(part) and _plain(part) in told)
        )
        for line in text.strip().splitlines()
    )
    return "\n".join(line for line in lines if line)


def _is_whole(sentence: str) -> bool:
    """What stands behind an initial or an abbreviation is a fragment, which can only be judged with what is before."""
    return len(sentence.split()) > 2


def _plain(sentence: str) -> str:
    return sentence.strip(" \t-*•").casefold()

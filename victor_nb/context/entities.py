"""What a text is about, told by shape: names of things (identifiers, paths, errors, quoted terms) weigh more than plain
words. And what the task is: the goal, what is still to do, the errors being worked on, what the last turns are about.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from victor_nb.context.digest_words import word
from victor_nb.context.steps import user_positions
from victor_nb.messages import Message

_NAME: Final = 3.0
_WORD: Final = 1.0
_GOAL: Final = 0.6
_NOW: Final = 1.0
_LATELY: Final = 0.6
_OPEN: Final = 0.8
_ERROR: Final = 1.0
_RECENT: Final = 8
_TODO: Final = re.compile(
    r"\b(?:to-?do|fixme|next(?: step)?s?|still (?:to do|open|missing|has to|have to|need)|remaining|pending|open issue"
    r"|not yet|later we)\b|^\s*[-*]\s*\[ \]|待办|下一步",
    re.IGNORECASE,
)
_DONE: Final = re.compile(
    r"\b(?:done|fixed|solved|resolved|finished|completed?|works now|closed)\b|完成", re.IGNORECASE
)
_FAILED: Final = re.compile(
    r"\b(?:\w+(?:Error|Exception)|error|failed|failure|traceback|fatal|denied|not found|exit code [1-9])\b|错误|失败",
    re.IGNORECASE,
)


def entities(text: str) -> dict[str, float]:
    """What `text` names, with a weight: 3 for a name of something, 1 for a plain word."""
    found: dict[str, float] = {}
    for raw in text.split():
        seen = word(raw)
        if seen.kind == "name" or (seen.kind == "word" and len(seen.norm) > 2):
            found[seen.norm] = _NAME if seen.kind == "name" else _WORD
            if seen.kind == "name":
                found.update((part, _WORD) for part in re.findall(r"[^\W\d_]{3,}", seen.norm) if part != seen.norm)
    return found


def task_of(messages: Sequence[Message]) -> dict[str, float]:
    """What the current task is about, with weights."""
    task: Counter[str] = Counter()
    for weight, text in _sources(messages):
        for name, value in entities(text).items():
            task[name] = max(task[name], weight * value)  # type: ignore[assignment]
    return dict(task)


def shared(task: Mapping[str, float], texts: Sequence[str]) -> list[float]:
    """How much of the task is in each text, 0 to 1: rare names count most, and long texts gain nothing by length."""
    named = [entities(text) for text in texts]
    rarity = _rarity(named)
    scores = [
        sum(task[name] * rarity(name) for name in found if name in task) / math.sqrt(10 + len(found)) for found in named
    ]
    most = max(scores, default=0.0)
    return [score / most if most else 0.0 for score in scores]


def _rarity(named: Sequence[Iterable[str]]) -> Callable[[str], float]:
    texts_with = Counter(name for found in named for name in found)
    return lambda name: math.log(1 + len(named) / texts_with[name])


def _sources(messages: Sequence[Message]) -> list[tuple[float, str]]:
    users = user_positions(messages)
    found = [(_GOAL, messages[users[0]].content), (_NOW, messages[users[-1]].content)] if users else []
    recent = messages[-_RECENT:]
    found += [(_LATELY, m.content) for m in recent if m.role != "tool"]
    found += [(_LATELY, call.arguments) for m in recent for call in m.tool_calls]
    found += [(_ERROR, text) for text in _errors(recent)]
    return [*found, *((_OPEN, text) for text in _still_to_do(messages))]


def _errors(recent: Sequence[Message]) -> list[str]:
    """The lines that tell of errors in the last messages, unless a later one says that they are mended."""
    found: list[str] = []
    for message in recent:
        if message.role == "assistant" and _DONE.search(message.content) and not _FAILED.search(message.content):
            found.clear()
        found += [line for line in message.content.splitlines() if _FAILED.search(line)]
    return found


def _still_to_do(messages: Sequence[Message]) -> list[str]:
    """Sentences and lines that say what is still to do, in what people and the model wrote."""
    lines = (
        part
        for message in messages
        if message.role in ("user", "assistant")
        for part in re.split(r"\n|(?<=[.!?])\s", message.content)
    )
    return [line for line in lines if _TODO.search(line) and not _DONE.search(line)]

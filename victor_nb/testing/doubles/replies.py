"""What a `ScriptedModel` is told to answer: texts, tool calls, failures, and whole replies."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from victor_nb.errors import (
    AuthenticationError,
    ContextOverflowError,
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    RateLimitError,
    UsageError,
    VictorError,
    did_you_mean,
)
from victor_nb.messages import JsonValue, ModelRequest, ToolCall, Usage, new_id


class ScriptError(VictorError):
    """The script of a ScriptedModel has no answer for a request, or one that is none."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer told in full. With `error` the text is streamed first, then the error is raised: a broken stream.

    `usage` defaults to counts of words; `finish_reason` to `tool_call` or `stop`; `cost_usd` to what the model's price
    makes of the usage. `pieces` are streamed as they are, in place of `text`. Seconds pass before the answer begins
    (`first_s`) and before each piece (`delay_s`, the model's own unless given); all of them can be interrupted.
    """

    text: str = ""
    tool_calls: Sequence[ToolCall] = ()
    usage: Usage | None = None
    reasoning: str = ""
    finish_reason: str | None = None
    cost_usd: float | None = None
    error: Exception | None = None
    complete: bool = True
    pieces: Sequence[str] = ()
    first_s: float = 0.0
    delay_s: float | None = None

    @property
    def content(self) -> str:
        return "".join(self.pieces) or self.text


Answer: TypeAlias = "str | ToolCall | Sequence[ToolCall] | Exception | Reply"
Scripted: TypeAlias = "Answer | Callable[[ModelRequest], Answer] | When"


@dataclass(frozen=True, slots=True)
class When:
    """Answers to requests whose last message a pattern is found in."""

    pattern: re.Pattern[str]
    answers: tuple[Answer | Callable[[ModelRequest], Answer], ...]

    def fits(self, request: ModelRequest) -> bool:
        return bool(request.messages) and self.pattern.search(request.messages[-1].content) is not None


def when(pattern: str, *answers: Answer | Callable[[ModelRequest], Answer]) -> When:
    """Answer so where the regular expression `pattern` is found in the last message of a request: the question, or a
    tool's result. The `answers` are given in order, and the last of them from then on.

    Raises:
        UsageError: there is no answer, or the pattern is none.
    """
    if not answers:
        raise UsageError(f"when({pattern!r}) has no answer.", hint=f'write when({pattern!r}, "…")')
    try:
        return When(re.compile(pattern), answers)
    except re.error as error:
        raise UsageError(f"when({pattern!r}): {error}.", hint="give a regular expression") from None


def call(name: str, /, **arguments: JsonValue) -> ToolCall:
    """The answer that calls the tool `name`."""
    return ToolCall(f"call_{new_id('call')}", name, json.dumps(arguments, ensure_ascii=False))


def cut(text: str, error: Exception | None = None) -> Reply:
    """The answer that breaks off: `text` arrives, then `error` is raised, a lost connection unless told otherwise."""
    return Reply(text, error=fail("connection") if error is None else error)


def fail(kind: str, *, retry_after_s: float | None = None) -> ModelRequestError:
    """The error of a provider, as a real model raises it: `rate_limit`, `quota`, `overflow`, `auth`, `not_found`,
    `server`, `timeout`, `connection` or `unreadable`. `retry_after_s` is what the provider asks to wait.

    Raises:
        UsageError: there is no such kind.
    """
    if kind not in _FAILURES:
        known = ", ".join(_FAILURES)
        raise UsageError(f"there is no failure {kind!r}.{did_you_mean(kind, _FAILURES)}", hint=f"one of {known}")
    error, message, hint, status, retryable = _FAILURES[kind]
    return error(message, hint=hint, status_code=status, retryable=retryable, retry_after=retry_after_s)


_FAILURES: Final[dict[str, tuple[type[ModelRequestError], str, str, int | None, bool]]] = {
    "rate_limit": (RateLimitError, "scripted refused: too many requests", "Wait a little, then try again.", 429, True),
    "quota": (RateLimitError, "scripted refused: the account has no credit left", "See the billing page.", 429, False),
    "overflow": (ContextOverflowError, "The request is too large: prompt is too long", "Compact it.", 400, False),
    "auth": (AuthenticationError, "scripted refused the key: invalid x-api-key", "Check the key.", 401, False),
    "not_found": (ModelRequestError, "scripted knows no such model", "Check the model's name.", 404, False),
    "server": (ModelRequestError, "scripted failed with status 503: overloaded", "Try again in a while.", 503, True),
    "timeout": (ModelConnectionError, "scripted did not answer in time", "Set a longer timeout.", None, True),
    "connection": (ModelConnectionError, "The connection broke off", "Check the network.", None, True),
    "unreadable": (ModelResponseError, "The answer could not be understood", "Ask again.", None, False),
}


def as_reply(answer: object) -> Reply:
    """
    Raises:
        ScriptError: it is no answer.
    """
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, str):
        return Reply(answer)
    if isinstance(answer, Exception):
        return Reply(error=answer)
    calls: list[object] = list(cast("Sequence[object]", answer)) if isinstance(answer, list | tuple) else [answer]
    if calls and all(isinstance(item, ToolCall) for item in calls):
        return Reply(tool_calls=tuple(cast("list[ToolCall]", calls)))
    raise ScriptError(f"{answer!r} is no answer.", hint="Use a text, call(...), fail(...), an exception or a Reply.")


def shown(answer: object) -> str:
    """An answer in a few words, for people who look for it in their script."""
    if isinstance(answer, When):
        return f"when({answer.pattern.pattern!r})"
    if isinstance(answer, ToolCall):
        return f"call({answer.name!r})"
    text = answer.content if isinstance(answer, Reply) else answer
    line = repr(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


_LONGEST: Final = 60

"""The one exception tree. Every error a user can cause or meet is a `VictorError` with a message that
says what was wrong and a `hint` that says what to do; in a notebook it renders itself as two short lines.

    VictorError
    ├── ConfigError (ValueError)      a setting is unknown, or its value cannot be used
    ├── UsageError (ValueError)       a magic, or a call, was written wrongly
    ├── ModelError
    │   ├── UnknownModelError         no such provider or model name
    │   ├── MissingKeyError           the provider's API key is not in the environment
    │   ├── MissingExtraError         an optional dependency is not installed
    │   └── ModelRequestError         the provider refused or failed; carries `status_code`
    │       ├── AuthenticationError   the key was refused
    │       ├── RateLimitError        too many requests; carries `retry_after`
    │       ├── ContextOverflowError  the request does not fit the model's window
    │       ├── ModelConnectionError  no connection, or it broke off
    │       └── ModelResponseError    the answer could not be understood
    ├── ToolError
    │   ├── ToolDefinitionError       the function cannot be offered as a tool
    │   └── ToolLimitError            the model kept calling tools; carries the `response` so far
    ├── OutputError                   the answer does not fit the requested `output_type`; carries the raw `text`
    ├── BudgetError                   a request would cost more than may be spent; carries the amounts
    ├── PromptError                   a required prompt contributor failed
    ├── DeniedError                   a middleware refused a request or a tool call
    ├── MiddlewareError               a middleware called next() twice, or returned what is no answer
    ├── ContextError                  the conversation cannot be made to fit
    ├── SessionError                  a stored conversation cannot be used
    │   ├── SessionInUseError         another kernel that is alive has it open; carries `holder`
    │   └── SessionConflictError      somebody else has changed it since it was read
    ├── EventError (ValueError)       an analytics event is not JSON, or its type is not allowed
    ├── ExportError                   a destination refused or failed; carries `retryable`, `retry_after_s`
    └── StoreError                    the analytics store cannot be opened
        └── StoreVersionError         it was written by a newer victor_nb

`AnswerInterrupted` stands outside the tree: it is a `KeyboardInterrupt`, so that "Run All" stops.
This module imports nothing of the project.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'x'?` for the nearest of `known`, or an empty string."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" Did you mean {nearest[0]!r}?" if nearest else ""


def _one_line(text: str) -> str:
    """Without characters that drive a terminal, or break the kernel's message."""
    line = " ".join(text.split())
    return line if line.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in line)


class VictorError(Exception):
    """Base of every error that victor_nb raises on purpose.

    `str(error)` is the message and, after a space, the hint; `message` and `hint` hold them apart.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(f"{message} {hint}".strip())

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: what a failed cell shows in place of a traceback. A message may quote a model or a tool."""
        lines = [f"{type(self).__name__}: {_one_line(self.message)}"]
        return [*lines, f"  → {_one_line(self.hint)}"] if self.hint else lines


class ConfigError(VictorError, ValueError):
    """A setting is unknown, or its value cannot be used."""


class UsageError(VictorError, ValueError):
    """A magic line or a call was written wrongly; nothing was sent."""


class ModelError(VictorError):
    """Base of all that has to do with choosing or calling a model."""


class UnknownModelError(ModelError, ValueError):
    """No provider or model of that name."""


class MissingKeyError(ModelError):
    """The provider needs an API key and none is in the environment, or what is there cannot be one."""


class MissingExtraError(ModelError, ImportError):
    """An optional dependency is not installed; the hint is the pip command."""


class ModelRequestError(ModelError):
    """The provider refused the request, or failed while answering it.

    Attributes:
        status_code: HTTP status, or None when no response arrived.
        retryable: whether the same request may succeed when sent again.
        attempts: how often it was sent.
    """

    retryable_by_default = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status_code: int | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.status_code = status_code
        self.retryable = self.retryable_by_default if retryable is None else retryable
        self.retry_after = retry_after
        self.attempts = 1


class AuthenticationError(ModelRequestError):
    """The provider refused the API key."""


class RateLimitError(ModelRequestError):
    """Too many requests; `retry_after` holds the seconds the provider asked for, if it said."""

    retryable_by_default = True


class ContextOverflowError(ModelRequestError):
    """The request is larger than the model's context window."""


class ModelConnectionError(ModelRequestError):
    """The provider could not be reached, or the connection broke off."""

    retryable_by_default = True


class ModelResponseError(ModelRequestError):
    """The provider's answer could not be understood."""


class ToolError(VictorError):
    """Base of what goes wrong with tools outside of their own code."""


class ToolDefinitionError(ToolError, TypeError):
    """A function cannot be offered to a model as a tool."""


class ToolLimitError(ToolError):
    """The model went on calling tools beyond the allowed number of rounds.

    What it has done is kept: it is in the conversation, and `response` holds it (a `ChatResponse`, or None).
    """

    def __init__(self, message: str, *, hint: str = "", response: object = None) -> None:
        super().__init__(message, hint=hint)
        self.response = response


class OutputError(VictorError):
    """The model's answer does not validate against the requested `output_type`; `text` is what it wrote."""

    def __init__(self, message: str, *, hint: str = "", text: str = "") -> None:
        super().__init__(message, hint=hint)
        self.text = text


class BudgetError(VictorError):
    """A request was not sent, since it would cost more than may be spent, or since nobody knows what it costs.

    Attributes:
        scope: whose limit it is: `kernel` or `turn`.
        limit_usd, spent_usd: of that scope, in US dollars.
        estimated_usd: what the request was expected to cost; None when no price is known.
        response: what the turn had done by then, which is kept (a `ChatResponse`); None when it was the first request.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        scope: str = "kernel",
        limit_usd: float = 0.0,
        spent_usd: float = 0.0,
        estimated_usd: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.scope = scope
        self.limit_usd = limit_usd
        self.spent_usd = spent_usd
        self.estimated_usd = estimated_usd
        self.response: object = None


class PromptError(VictorError):
    """A prompt contributor marked `required` failed, so the turn was not sent."""


class DeniedError(VictorError):
    """A middleware refused a model request, which fails the turn, or a tool call, which the model is told."""


class MiddlewareError(VictorError):
    """A middleware did what none may: it called next() twice, or returned something that is no answer."""


class ContextError(VictorError):
    """The conversation cannot be made to fit the model's window."""


class SessionError(VictorError):
    """A stored conversation cannot be read, named or changed as asked."""


class SessionInUseError(SessionError):
    """Another kernel that is alive has the conversation open; `holder` says which, for people to read."""

    def __init__(self, message: str, *, hint: str = "", holder: str = "") -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class SessionConflictError(SessionError):
    """The stored conversation is no longer what it was when it was read."""


class EventError(VictorError, ValueError):
    """An analytics event cannot be recorded as it is."""


class ExportError(VictorError):
    """A destination did not take a batch of events.

    Attributes:
        retryable: whether the same batch may be taken later; False when the destination refuses these events for good.
        retry_after_s: seconds after which the destination asked to be tried again, if it said.
    """

    def __init__(
        self, message: str, *, hint: str = "", retryable: bool = True, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


class StoreError(VictorError):
    """The analytics store cannot be opened or read."""


class StoreVersionError(StoreError):
    """The analytics store was written by a newer version of victor_nb."""


class AnswerInterrupted(KeyboardInterrupt):
    """The user stopped the answer. The partial answer is kept, and cells queued after it do not run."""

    def __init__(self, message: str = "interrupted") -> None:
        self.message = message
        super().__init__(message)

    def _render_traceback_(self) -> list[str]:
        return [f"KeyboardInterrupt: {self.message}"]

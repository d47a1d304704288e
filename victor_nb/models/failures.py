"""What went wrong at a provider, as one of our errors: a status, whether to try again, and one line of text.

Errors of the model library and of the SDKs are read by their attributes and class names, never imported, so that
every version of them is understood. Texts are shortened, and keys and the secret parts of URLs are taken out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast
from urllib.parse import urlsplit, urlunsplit

from victor_nb.errors import (
    AuthenticationError,
    ContextOverflowError,
    MissingKeyError,
    ModelConnectionError,
    ModelError,
    ModelRequestError,
    ModelResponseError,
    RateLimitError,
)
from victor_nb.models.catalog import PROVIDERS

_LIBRARIES = frozenset(
    {"pydantic_ai", "openai", "anthropic", "google", "groq", "mistralai", "cohere", "httpx", "httpx2", "httpcore"}
    | {"httpcore2", "huggingface_hub", "botocore", "xai_sdk", "grpc", "pydantic_core", "json", "anyio", "ssl"}
)
_OVERFLOW = re.compile(
    r"context_length_exceeded|prompt is too long|maximum context length|context[ _](?:window|size)|exceeds? the context"
    r"|input token count.{0,40}exceeds|input is too long|exceed_context_size|too many (?:input )?tokens",
    re.IGNORECASE,
)
_CONNECTION = re.compile(r"Connection|Timeout|TransportError|ProtocolError|StreamError|^OSError$|EndOfStream")
_UNREADABLE = re.compile(r"JSONDecodeError|ValidationError|UnicodeDecodeError|UnexpectedModelBehavior")
_UNREADABLE_TEXT = re.compile(r"decode response|expected a json response|invalid response from", re.IGNORECASE)
_RETRYABLE_CODES = re.compile(r"overloaded|server_error|api_error|unavailable|timeout|internal", re.IGNORECASE)
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|ghp|pplx|r8|AIza)[-_]?[\w*-]{8,}|(?i:bearer|basic)\s+[\w.~+/=*-]{6,}"
    r"|(?i:x-)?(?i:api[-_]?key|authorization|(?:access|auth|refresh)[-_]?token|secret)"
    r"[\"']?\s*[:=]\s*[\"']?(?:(?i:bearer|basic)\s+)?[^\s\"',;}]{4,}"
)
_URL = re.compile(r"https?://[^\s\"'<>)\]}]+")
_LONGEST = 300
_MISFIT = re.compile(r"Cannot instantiate typing\.Union|create\(\) got an unexpected keyword argument")


@dataclass(frozen=True, slots=True)
class Target:
    """Whom a request went to, and the texts that must not show up in an error."""

    provider: str
    model: str
    base_url: str | None = None
    secrets: tuple[str, ...] = ()


def translate(error: Exception, target: Target) -> ModelError | None:
    """Our error for `error`, or None when it is no failure of a provider but a bug or one of our own."""
    if isinstance(error, TypeError) and target.provider == "anthropic" and _MISFIT.search(str(error)):
        # Older pydantic-ai (which a pin of openai<3 selects) allows anthropic 1 and 2 but works with 0.x only.
        hint = 'pip install -U pydantic-ai-slim, or pip install "anthropic<1"'
        return ModelError("The installed versions of pydantic-ai and anthropic do not fit together.", hint=hint)
    if isinstance(error, ModelError) or not _is_foreign(error):
        return None
    text = scrub(_text(error), target.secrets)
    status = _attribute(error, "status_code", int)
    if "UserError" in _names(error):
        return _wrong_use(text, target)
    if status is None and _matches(error, _UNREADABLE, _UNREADABLE_TEXT):
        hint = "The server may not speak this provider's protocol; check its URL, or ask again."
        return ModelResponseError(f"The answer of {_who(target)} could not be understood: {text}", hint=hint)
    if status is None and _matches(error, _CONNECTION):
        return _no_connection(error, text, target)
    return _refusal(error, text, status, target)


def scrub(text: str, secrets: tuple[str, ...] = ()) -> str:
    """`text` on one line and short, without keys, without the user, query and fragment of URLs, and without characters
    that drive a terminal or break a message."""
    for secret in secrets:
        text = text.replace(secret, "[secret]") if secret else text
    text = _SECRET.sub("[secret]", _URL.sub(lambda found: _bare_url(found[0]), text))
    line = "".join(one if one.isprintable() else "\ufffd" for one in " ".join(text.split()))
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _bare_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "[URL]"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _who(target: Target) -> str:
    provider = PROVIDERS.get(target.provider)
    label = provider.label if provider else target.provider
    return f"{label} at {_bare_url(target.base_url)}" if target.base_url and target.provider != "openai" else label


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(6):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def _names(error: BaseException) -> list[str]:
    return [cls.__name__ for link in _chain(error) for cls in type(link).__mro__]


def _matches(error: BaseException, names: re.Pattern[str], text: re.Pattern[str] | None = None) -> bool:
    if any(names.search(name) for name in _names(error)):
        return True
    return text is not None and bool(text.search(str(error)))


def _is_foreign(error: Exception) -> bool:
    module = type(error).__module__.partition(".")[0]
    return module in _LIBRARIES or isinstance(error, OSError | UnicodeDecodeError)


def _attribute(error: BaseException, name: str, kind: type[Any] | tuple[type[Any], ...]) -> Any:
    return next((value for link in _chain(error) if isinstance(value := getattr(link, name, None), kind)), None)


def _text(error: Exception) -> str:
    body = _attribute(error, "body", object)
    return _body_text(body) or next((str(link) for link in _chain(error) if str(link)), type(error).__name__)


def _body_text(body: Any) -> str:
    if isinstance(body, bytes | str):
        try:
            return _body_text(json.loads(body)) or str(body)
        except ValueError:
            return body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    if isinstance(body, list) and body:
        return _body_text(cast("list[Any]", body)[0])
    if not isinstance(body, Mapping):
        return ""
    parts = cast("Mapping[str, Any]", body)
    return next((found for key in ("error", "message", "detail") if (found := _body_text(parts.get(key)))), "")


def _codes(error: Exception) -> str:
    """The provider's error codes and types as one text, wherever they stand."""
    body: dict[str, Any] = dict(_attribute(error, "body", Mapping) or {})
    inner: Any = body.get("error")
    parts: dict[str, Any] = dict(cast("Mapping[str, Any]", inner)) if isinstance(inner, Mapping) else body
    found = [parts.get("code"), parts.get("type"), _attribute(error, "provider_error_code", str)]
    return " ".join(str(code) for code in found if code)


def _refusal(error: Exception, text: str, status: int | None, target: Target) -> ModelRequestError:
    who, codes = _who(target), _codes(error)
    if status in (400, 413, 422, None) and (_OVERFLOW.search(f"{codes} {text}") or status == 413):
        hint = "Compact the conversation with `%victor compact`, or choose a model with a larger window."
        return ContextOverflowError(
            f"The request is too large for {target.model}: {text}", hint=hint, status_code=status
        )
    if status in (401, 403):
        return AuthenticationError(f"{who} refused the key: {text}", hint=_key_hint(target), status_code=status)
    if status == 404:
        hint = _missing_model_hint(target)
        return ModelRequestError(f"{who} knows no model {target.model!r}: {text}", hint=hint, status_code=404)
    if status == 429 or "rate_limit" in codes:
        return _rate_limit(error, f"{who} refused: {text}", codes, status)
    retryable = (
        status in (408, 409) or (status or 0) >= 500 or (status is None and bool(_RETRYABLE_CODES.search(codes)))
    )
    hint = "The provider has a problem; try again in a while." if retryable else ""
    said = f" with status {status}" if status else ""
    return ModelRequestError(
        f"{who} failed{said}: {text}",
        hint=hint,
        status_code=status,
        retryable=retryable,
        retry_after=_retry_after(error),
    )


def _rate_limit(error: Exception, message: str, codes: str, status: int | None) -> RateLimitError:
    spent = "insufficient_quota" in codes or "billing" in codes
    hint = (
        "The account has no credit left; see the provider's billing page."
        if spent
        else "Wait a little, then try again."
    )
    return RateLimitError(message, hint=hint, status_code=status, retryable=not spent, retry_after=_retry_after(error))


def _no_connection(error: Exception, text: str, target: Target) -> ModelConnectionError:
    if any("Timeout" in name for name in _names(error)):
        return ModelConnectionError(
            f"{_who(target)} did not answer in time: {text}", hint="Try again, or set a longer timeout."
        )
    hint = "Check the network and the server's URL."
    if target.provider == "ollama":
        hint = "Is Ollama running? Start it with `ollama serve`."
    return ModelConnectionError(f"No connection to {_who(target)}, or it broke off: {text}", hint=hint)


def _wrong_use(text: str, target: Target) -> ModelError:
    if "environment variable" in text or "api_key" in text.lower():
        return MissingKeyError(f"{_who(target)} cannot be used: {text}", hint=_key_hint(target))
    return ModelError(f"{_who(target)} cannot be used: {text}")


def _key_hint(target: Target) -> str:
    provider = PROVIDERS.get(target.provider)
    names = " or ".join(provider.env_keys) if provider and provider.env_keys else "the provider's API key"
    return f"Check {names} in the environment or in .env, and that the key may use {target.model}."


def _missing_model_hint(target: Target) -> str:
    if target.provider == "ollama":
        return f"Fetch it with `ollama pull {target.model}`, or see `ollama list`."
    return "Check the model's name, and the URL if you gave one; choose another with `%victor use provider:model`."


def _retry_after(error: Exception) -> float | None:
    told = _attribute(error, "retry_after", (int, float))
    if told is not None:
        return float(told)
    for link in _chain(error):
        headers = getattr(link, "headers", None) or getattr(getattr(link, "response", None), "headers", None)
        if headers is not None and (found := headers.get("retry-after") or headers.get("Retry-After")):
            return _seconds(str(found))
    return None


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())

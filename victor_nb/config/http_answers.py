"""What a configuration server's answer means: a configuration, or an error that says whether to ask again and when."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import responses
from typing import Any, Final, cast

from victor_nb.config.merge import copied, dotted, look_up
from victor_nb.errors import ConfigError

_RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_HINTS: Final = {
    401: "Check `headers`, and user and password in the URL.",
    403: "Check `headers`, and user and password in the URL.",
    404: "Check the URL; with optional=True, no such page is no opinion.",
    407: "Check the proxy's credentials in HTTPS_PROXY or HTTP_PROXY.",
}
MAX_BYTES: Final = 4 * 2**20
_SESSIONS_KEPT: Final = 1000


class HTTPConfigError(ConfigError):
    """A configuration server did not give a configuration; `retryable` says whether it may if it is asked again, and
    `retry_after_s` when, if the server said so."""

    def __init__(
        self, message: str, *, hint: str = "", retryable: bool = False, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class LastAnswer:
    """The last good answer for a session. `etag` is None when the server gave none."""

    config: dict[str, Any]
    etag: str | None
    at: dt.datetime


class LastAnswers:
    """The last good answer of each of the latest sessions."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, LastAnswer] = OrderedDict()

    def get(self, session_id: str) -> LastAnswer | None:
        return self._kept.get(session_id)

    def keep(self, session_id: str, config: dict[str, Any], etag: str | None) -> None:
        self._kept[session_id] = LastAnswer(copied(config), etag, dt.datetime.now(dt.UTC))
        self._kept.move_to_end(session_id)
        while len(self._kept) > _SESSIONS_KEPT:
            self._kept.popitem(last=False)


def refusal(shown: str, status: int, headers: Mapping[str, str]) -> HTTPConfigError:
    """The error that a status other than 200, 204 and 304 stands for. The body is not shown: it may repeat a key."""
    if 300 <= status < 400:
        hint = "It redirects, and headers with keys are not sent on. Give the URL that it redirects to."
    else:
        hint = _HINTS.get(status, "")
    answered = f"{shown} answered {status} {responses.get(status, '')}".rstrip()
    wait = retry_after(headers.get("retry-after"), dt.datetime.now(dt.UTC))
    later = "" if wait is None else f" and asks to wait for {wait:.0f} s"
    return HTTPConfigError(f"{answered}{later}.", hint=hint, retryable=status in _RETRYABLE, retry_after_s=wait)


def retry_after(value: str | None, now: dt.datetime) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or an HTTP date; None when it says neither."""
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (moment.replace(tzinfo=moment.tzinfo or dt.UTC) - now).total_seconds())


def config_in(shown: str, body: bytes, path: tuple[str, ...]) -> dict[str, Any]:
    """The configuration under the keys of `path` in a JSON body; null there is no opinion.

    Raises:
        HTTPConfigError: there is none.
    """
    try:
        found: object = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPConfigError(f"{shown} did not answer with JSON.", hint="It must be an object: { … }.") from None
    try:
        found = look_up(cast("dict[str, Any]", found), path)
    except KeyError:
        raise HTTPConfigError(f"The answer of {shown} has nothing under {dotted(path)!r}.") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        where = f" under {dotted(path)!r}" if path else ""
        raise HTTPConfigError(
            f"The answer of {shown} is a {type(found).__name__}{where}.", hint="It must be an object: { … }."
        )
    return cast("dict[str, Any]", found)

"""What a webhook's answer means: taken, refused for good, or to be tried again; and when."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import responses

from victor_nb.errors import ExportError

_REFUSED = {400, 413, 422}
_HINTS = {
    401: "check `headers` and the credentials of the URL; the events are kept until they are right",
    403: "check `headers` and the credentials of the URL; the events are kept until they are right",
    404: "check the URL; the events are kept until it is right",
    405: "check the URL, it must take POST; the events are kept until it does",
    407: "check the proxy's credentials in HTTPS_PROXY or HTTP_PROXY",
    410: "the server wants nothing more from here; remove the exporter, or change its URL",
    413: "a smaller `batch_bytes` saves it from being asked with too much",
    415: "the server may not know gzip; try it without gzip=True",
}
_SHOWN_CHARS = 200


@dataclass(frozen=True)
class WebhookAnswer:
    """What arrived: `headers` with names in lower case, `body` its first KiB at least."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def confirms(self) -> bool:
        return 200 <= self.status < 300


def failure(shown: str, answer: WebhookAnswer, secrets: Iterable[str]) -> ExportError:
    """The error that an answer other than 2xx stands for. 400, 413 and 422 are about the events; anything else is
    about the address, the credentials or the server, so the same events may be taken later."""
    said = _excerpt(answer.body, secrets)
    answered = f"{shown} answered {answer.status} {responses.get(answer.status, '')}".rstrip()
    return ExportError(
        f"{answered}: {said}" if said else f"{answered}.",
        hint=_HINTS.get(answer.status, ""),
        retryable=answer.status not in _REFUSED,
        retry_after_s=retry_after(answer.headers.get("retry-after"), dt.datetime.now(dt.UTC)),
    )


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


def _excerpt(body: bytes, secrets: Iterable[str]) -> str:
    """The beginning of what the server said, on one line, and without what it may have repeated of our secrets."""
    text = body.decode("utf-8", "replace")
    for secret in sorted({s for s in secrets if len(s) >= 4}, key=len, reverse=True):
        text = text.replace(secret, "***")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"

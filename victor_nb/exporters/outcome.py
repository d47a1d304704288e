"""What came of one call of an exporter, read from whatever it returned or raised."""

from __future__ import annotations

import datetime as dt
import email.utils
import math
from dataclasses import dataclass
from typing import Any, cast

from victor_nb.errors import ExportError
from victor_nb.exporters.home import is_wrong_place
from victor_nb.protocols import ExportResult

LONGEST_WAIT_S = 15 * 60.0
_LONGEST_ERROR = 4_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """`error` is None when the events are delivered. `about_events` is False when the failure tells nothing about the
    events that were sent: they were not sent at all, or the destination asked to wait."""

    error: str | None = None
    retryable: bool = True
    retry_after_s: float | None = None
    about_events: bool = True
    wrong_place: bool = False

    @property
    def success(self) -> bool:
        return self.error is None


DELIVERED = Outcome()
CLOSED = Outcome("the delivery was closed", about_events=False)


def of_returned(returned: object) -> Outcome:
    """An exporter that returns nothing and does not raise has succeeded; anything but an `ExportResult` has not."""
    if returned is None:
        return DELIVERED
    if not hasattr(returned, "success"):
        return Outcome(f"export() returned {type(returned).__name__}, not an ExportResult")
    result = cast("ExportResult", returned)
    if result.success:
        return DELIVERED
    error = getattr(result, "error", None) or "the exporter said that it failed, and not why"
    return _failed(str(error), getattr(result, "retryable", True), getattr(result, "retry_after_s", None))


def of_error(error: BaseException) -> Outcome:
    """A failure as the exception tells it. Only an `ExportError` can say that events are refused for good."""
    retryable = error.retryable if isinstance(error, ExportError) else True
    text = str(error) if isinstance(error, ExportError) else f"{type(error).__name__}: {error}"
    outcome = _failed(text, retryable, _retry_after(error))
    return Outcome(outcome.error, wrong_place=True) if is_wrong_place(error) else outcome


def _failed(text: str, retryable: object, retry_after: object) -> Outcome:
    wait_s = _seconds(retry_after)
    return Outcome(text[:_LONGEST_ERROR], retryable is not False, wait_s, about_events=wait_s is None)


def _retry_after(error: BaseException) -> object:
    """Of the exception itself, or of the HTTP response that it carries (httpx, requests)."""
    for name in ("retry_after_s", "retry_after"):
        if (given := getattr(error, name, None)) is not None:
            return given
    headers: Any = getattr(getattr(error, "response", None), "headers", None)
    return headers.get("retry-after") if hasattr(headers, "get") else None


def _seconds(given: object) -> float | None:
    """Seconds, a `timedelta`, or what an HTTP header says (seconds or a date); at most 15 minutes. None: no wait."""
    if isinstance(given, dt.timedelta):
        given = given.total_seconds()
    if isinstance(given, str):
        given = _of_header(given)
    if not isinstance(given, int | float) or isinstance(given, bool) or not math.isfinite(given) or given <= 0:
        return None
    return min(float(given), LONGEST_WAIT_S)


def _of_header(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        then = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return (then.astimezone(dt.UTC) - dt.datetime.now(dt.UTC)).total_seconds()

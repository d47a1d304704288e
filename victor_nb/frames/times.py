"""Points in time as people write them: datetimes, dates, ISO text, "today", and times back from now such as "2h"."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final, TypeAlias

from victor_nb import clock
from victor_nb.errors import UsageError

When: TypeAlias = dt.datetime | dt.date | dt.timedelta | str

_UNITS: Final = {"s": 1, "sec": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
_LONG_UNITS: Final = {"d": 86_400, "day": 86_400, "w": 604_800, "week": 604_800}
_BACK: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+?)s?(?:\s+ago)?")
_DAYS_AGO: Final = {"today": 0, "yesterday": 1}
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def to_us(when: When, name: str) -> int:
    """Unix time in µs. A time without a zone is meant in the local one, a date is its midnight, a duration is back
    from now.

    Raises:
        UsageError: it is none of these; `name` is the argument's.
    """
    try:
        return (_datetime(when) - _EPOCH) // dt.timedelta(microseconds=1)
    except (ValueError, OverflowError, TypeError, OSError):
        raise UsageError(
            f"{name}={when!r} is not a time.",
            hint='use a datetime, a date, text such as "2026-11-22 14:30" or "yesterday", or "2h" back from now',
        ) from None


def from_us(us: int) -> dt.datetime:
    return _EPOCH + dt.timedelta(microseconds=us)


def _datetime(when: When) -> dt.datetime:
    if isinstance(when, str):
        when = _read(when.strip())
    if isinstance(when, dt.timedelta):
        return clock.now() - when
    if isinstance(when, dt.datetime):
        return when.astimezone(dt.UTC)
    if isinstance(when, dt.date):  # pyright: ignore[reportUnnecessaryIsInstance]
        return dt.datetime.combine(when, dt.time()).astimezone(dt.UTC)
    raise TypeError


def _read(text: str) -> dt.date | dt.timedelta:
    if (days := _DAYS_AGO.get(text.lower())) is not None:
        return clock.local(clock.now()).date() - dt.timedelta(days)
    if found := _BACK.fullmatch(text.lower()):
        amount, unit = found.groups()
        seconds = (_UNITS | _LONG_UNITS).get(unit, _UNITS.get(f"{unit}s"))
        if seconds is None:
            raise ValueError
        return dt.timedelta(seconds=float(amount) * seconds)
    return dt.datetime.fromisoformat(text)

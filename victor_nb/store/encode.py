"""Event payloads as JSON text that every destination takes: no NaN, no lone surrogates, no NUL.

PostgreSQL's jsonb refuses `\\u0000` and unpaired surrogates, and JSON has no NaN, so these are mended here, once,
instead of failing at some destination later.
"""

from __future__ import annotations

import datetime as dt
import enum
import json
import math
import pathlib
import re
import uuid
from collections.abc import Mapping
from typing import Any, cast

from victor_nb.errors import EventError

_SUSPECT = re.compile(r"\\u(?:0000|d[89a-f])")
_UNFIT = re.compile("[\x00\ud800-\udfff]")


def _plain(value: object) -> object:
    """What `json` cannot write by itself, as it would best read in a DataFrame."""
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, pathlib.PurePath | uuid.UUID):
        return str(value)
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    if isinstance(value, set | frozenset):
        return list(cast("set[object]", value))
    for method in ("tolist", "isoformat"):  # numpy and pandas values, without importing either
        if callable(convert := getattr(value, method, None)):
            return convert()
    raise TypeError(f"{type(value).__name__} is not JSON")


_encode = json.JSONEncoder(allow_nan=False, default=_plain, separators=(",", ":")).encode


def encode(data: Mapping[str, Any]) -> str:
    """`data` as JSON text (ASCII only).

    Raises:
        EventError: a value is not JSON and has no obvious JSON form.
    """
    try:
        text = _encode(data)
    except ValueError:
        text = _encode(_mended(data))
    except TypeError as error:
        raise EventError(
            f"an event's data cannot be recorded: {error}.",
            hint="use text, numbers, booleans, None, lists and dicts",
        ) from None
    return _encode(_mended(data)) if _SUSPECT.search(text) else text


def mended_text(text: str) -> str:
    """`text` without NUL and unpaired surrogates."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", text) if _UNFIT.search(text) else text


def _mended(value: object) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):
        return mended_text(value)
    if isinstance(value, Mapping):
        return {_mended(key): _mended(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mended(item) for item in cast("list[object]", value)]
    if value is None or isinstance(value, bool | int):
        return value
    return _mended(_plain(value))

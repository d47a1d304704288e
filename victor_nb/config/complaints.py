"""The one sentence about a value that cannot be used: which key, what it is, where it came from, what is allowed."""

from __future__ import annotations

import reprlib

from victor_nb.config.kinds import choices
from victor_nb.errors import ConfigError, did_you_mean

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60


def complaint(
    what: str, value: object, origin: str, reason: str, annotation: object = None, *, hidden: bool = False
) -> ConfigError:
    """`reason` goes on after the value, as "must be …". A `hidden` value, which may hold a password, is not shown."""
    words = [choice for choice in choices(annotation) if isinstance(choice, str)]
    nearest = did_you_mean(value.lower(), words) if isinstance(value, str) else ""
    if hidden:
        joined = f" {reason}" if reason.startswith("must ") else f": {reason}"
    else:
        joined = f" is {_SHORT.repr(value)}{'; it' if reason.startswith('must ') else ':'} {reason}"
    return ConfigError(f"{what} (from {origin}){joined}.{nearest}")

"""Whether what belongs to the person at this machine counts: a test must be the same on every one.

The environment says so, so that kernels and other processes that a test starts know it too. This module imports nothing
of the project.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

VARIABLE: Final = "VICTOR_TEST_ISOLATED"
"""`settings`: of the settings of `.env` and of the user's file only those count that say where models are. `asking`:
those that protect the person, too, since real models are asked. `all`: none, no keys of `.env` or the keyring either,
and no model is detected."""

PREFIX: Final = "VICTOR_"
OTHERS: Final = ("VICTOR_CASSETTE", "VICTOR_CONFIG_", "VICTOR_TEST")
"""Variables of recordings, of `EnvironmentConfigProvider`, and of tests: no settings."""

_PLACE: Final = frozenset({"base_url"})
_COUNTING: Final = {
    "settings": _PLACE,
    "asking": _PLACE | {"budget_usd", "capture_content", "redact_patterns"},
    "all": frozenset[str](),
}


def counting() -> frozenset[str] | None:
    """Which settings of the person's own count; None is all of them."""
    return _COUNTING.get(os.environ.get(VARIABLE, ""))


def hidden_variables(names: Iterable[str], how: str) -> list[str]:
    """Those of `names` that are settings, and do not count where `VARIABLE` says `how`."""
    found = [name for name in names if name.upper().startswith(PREFIX) and not name.upper().startswith(OTHERS)]
    return sorted(name for name in found if name.upper().removeprefix(PREFIX).lower() not in _COUNTING[how])


def is_on() -> bool:
    return counting() is not None


def hides_keys() -> bool:
    return os.environ.get(VARIABLE) == "all"

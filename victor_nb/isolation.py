"""Whether what belongs to the person at this machine counts: a test must be the same on every one.

The environment says so, so that kernels and other processes that a test starts know it too. This module imports nothing
of the project.
"""

from __future__ import annotations

import os
from typing import Final

VARIABLE: Final = "VICTOR_TEST_ISOLATED"
"""`settings`: neither the settings of `.env` nor the user's file are read. `all`: no keys of `.env` or the keyring
either, and no model is detected."""


def hides_settings() -> bool:
    return os.environ.get(VARIABLE) in ("settings", "all")


def hides_keys() -> bool:
    return os.environ.get(VARIABLE) == "all"

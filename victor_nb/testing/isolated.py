"""`isolated`: an environment in which a test is the same on every machine, whoever's settings and keys are there."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from victor_nb.isolation import VARIABLE, hidden_variables
from victor_nb.models.keys import KEY_NAMES
from victor_nb.store.registry import MEMORY, close_store

_CONFIGURED: Final = "VICTOR_CONFIG_"
"""What an `EnvironmentConfigProvider` reads."""


@contextmanager
def isolated(home: Path, *, keys: bool = False) -> Generator[None]:
    """In the block, and in processes started there, settings are those of code and of pyproject.toml: no `VICTOR_…`
    variable counts, nor `.env`, nor the user's file. The store is one in memory, and new. With `keys` those of the
    person stay, for recording, with the address of their server and what protects them (see `isolation`); without,
    there are none, and the model where none is named is `demo`."""
    before, how = dict(os.environ), "asking" if keys else "all"
    hidden = hidden_variables(before, how)
    for name in before:
        if name in hidden or name.startswith(_CONFIGURED) or (name in KEY_NAMES and not keys):
            del os.environ[name]
    os.environ |= {"VICTOR_HOME": str(home), "VICTOR_STORE": MEMORY}
    os.environ[VARIABLE] = how
    close_store(MEMORY)
    try:
        yield
    finally:
        close_store(MEMORY)
        _restore(before)


def _restore(before: dict[str, str]) -> None:
    """But for what a test has set that is nobody's here."""
    for name in {*before, *os.environ}:
        if not name.startswith("VICTOR_") and name not in KEY_NAMES:
            continue
        if name in before:
            os.environ[name] = before[name]
        else:
            del os.environ[name]

"""Where API keys come from: the environment, for those that it does not hold the `.env` file in the working directory,
and behind both the keyring of the operating system. Nothing is copied into the environment, from where other programs
would inherit it.

Only the variables of keys are read there: a `.env` that came with a folder must not send a person's key to an
address of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from victor_nb.isolation import hides_keys
from victor_nb.models.catalog import EMBEDDERS, PROVIDERS
from victor_nb.models.keyring_keys import KEYRING

KEY_NAMES = frozenset(key for provider in (*PROVIDERS.values(), *EMBEDDERS) for key in provider.env_keys)


class Environment(Mapping[str, str]):
    """The environment as the model layer sees it; its repr shows no values. The keyring is asked for a key when it is
    wanted and nowhere else, so that its names are not counted."""

    def __init__(self, env: Mapping[str, str], keys: Mapping[str, str]) -> None:
        self._env = env
        self._keys = keys

    def __getitem__(self, name: str) -> str:
        if found := self._env.get(name) or self._keys.get(name) or _in_keyring(name):
            return found
        return self._env[name]

    def place_of(self, name: str) -> str | None:
        """Where the key called `name` is: `environment`, `.env`, `keyring`, or None."""
        if self._env.get(name):
            return "environment"
        if name in self._keys:
            return ".env"
        return "keyring" if _in_keyring(name) else None

    def __iter__(self) -> Iterator[str]:
        return iter({**self._env, **self._keys})

    def __len__(self) -> int:
        return len({**self._env, **self._keys})

    def __repr__(self) -> str:
        return f"<Environment with {', '.join(sorted(self._keys)) or 'nothing'} from .env>"


def environment(folder: Path | None = None) -> Environment:
    """The environment now, with the keys of `.env` in `folder` (default: the working directory) behind it."""
    return Environment(os.environ, {} if hides_keys() else _keys_in((folder or Path()) / ".env"))


def _in_keyring(name: str) -> str | None:
    return KEYRING.get(name) if name in KEY_NAMES and not hides_keys() else None


def _keys_in(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        found = dotenv_values(path, encoding="utf-8") if path.is_file() else {}
    except (OSError, UnicodeDecodeError):  # settings are read from the same file, and say so
        return {}
    return {name: value for name, value in found.items() if name in KEY_NAMES and value}

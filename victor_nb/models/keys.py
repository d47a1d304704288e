"""Where API keys come from: the environment, and for those that it does not hold the `.env` file in the working
directory. Nothing is copied into the environment, from where other programs would inherit it.

Only the variables of keys are read there: a `.env` that came with a folder must not send a person's key to an
address of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from victor_nb.models.catalog import EMBEDDERS, PROVIDERS

KEY_NAMES = frozenset(key for provider in (*PROVIDERS.values(), *EMBEDDERS) for key in provider.env_keys)


class Environment(Mapping[str, str]):
    """The environment as the model layer sees it; its repr shows no values."""

    def __init__(self, env: Mapping[str, str], keys: Mapping[str, str]) -> None:
        self._env = env
        self._keys = keys

    def __getitem__(self, name: str) -> str:
        return self._keys[name] if not self._env.get(name) and name in self._keys else self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._env, **self._keys})

    def __len__(self) -> int:
        return len({**self._env, **self._keys})

    def __repr__(self) -> str:
        return f"<Environment with {', '.join(sorted(self._keys)) or 'nothing'} from .env>"


def environment(folder: Path | None = None) -> Environment:
    """The environment now, with the keys of `.env` in `folder` (default: the working directory) behind it."""
    return Environment(os.environ, _keys_in((folder or Path()) / ".env"))


def _keys_in(path: Path) -> dict[str, str]:
    from dotenv import dotenv_values

    try:
        found = dotenv_values(path, encoding="utf-8") if path.is_file() else {}
    except (OSError, UnicodeDecodeError):  # settings are read from the same file, and say so
        return {}
    return {name: value for name, value in found.items() if name in KEY_NAMES and value}

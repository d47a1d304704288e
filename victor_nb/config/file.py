"""Configuration from a TOML or JSON file, read again only when the file has changed."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any, cast

from victor_nb.config.merge import copied
from victor_nb.errors import ConfigError


def read_table(path: Path) -> dict[str, Any]:
    """The content of a `.toml` or `.json` file.

    Raises FileNotFoundError when it is not there, and ConfigError, with file and line, when it cannot be parsed.
    """
    try:
        text = path.read_text(encoding="utf-8")
        parsed: object = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}: not valid JSON: {error.msg}.", hint="Mend the file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.", hint="Mend the file.") from error
    if not isinstance(parsed, dict):
        raise ConfigError(f"{path} holds a {type(parsed).__name__}.", hint="It must hold an object: { … }.")
    return cast("dict[str, Any]", parsed)


class FileConfigProvider:
    """The content of one file (`.json`, or TOML under any other suffix).

    A missing file raises ConfigError, unless `optional`; then it is no opinion.
    """

    def __init__(self, path: str | os.PathLike[str], *, priority: int = 30, optional: bool = False) -> None:
        self._path = Path(path).expanduser()
        self._priority = priority
        self._optional = optional
        self._stamp: tuple[int, int] | None = None
        self._content: dict[str, Any] = {}

    def priority(self) -> int:
        return self._priority

    async def get_config(self, session_id: str) -> dict[str, Any]:
        try:
            status = self._path.stat()
            self._refresh((status.st_mtime_ns, status.st_size))
        except FileNotFoundError as error:
            if self._optional:
                return {}
            raise ConfigError(
                f"The configuration file {self._path} does not exist.", hint="Create it, or pass optional=True."
            ) from error
        except OSError as error:
            raise ConfigError(f"The configuration file {self._path} cannot be read: {error.strerror}.") from error
        return copied(self._content)

    def _refresh(self, stamp: tuple[int, int]) -> None:
        if stamp != self._stamp:
            self._content = read_table(self._path)
            self._stamp = stamp

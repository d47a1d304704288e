"""Configuration from environment variables: `VICTOR_CONFIG_STYLE__TONE=formal` is `{"style": {"tone": "formal"}}`."""

from __future__ import annotations

import json
import os
from typing import Any, NoReturn

from victor_nb.config.merge import put
from victor_nb.errors import ConfigError


class EnvironmentConfigProvider:
    """Reads the variables that start with `prefix`, anew at each load.

    Names are lower-cased and `__` separates nested keys. A value that is JSON (`3`, `true`, `["a"]`) is parsed, any
    other is text. Raises ConfigError when one variable sets a key and another sets something inside of it.
    """

    def __init__(self, prefix: str = "VICTOR_CONFIG_", *, priority: int = 70) -> None:
        self._prefix = prefix
        self._priority = priority

    def priority(self) -> int:
        return self._priority

    async def get_config(self, session_id: str) -> dict[str, Any]:
        config: dict[str, Any] = {}
        for name in sorted(name for name in os.environ if name.startswith(self._prefix)):
            if len(name) > len(self._prefix):
                _put(config, name, name.removeprefix(self._prefix).lower().split("__"), os.environ[name])
        return config


def _put(config: dict[str, Any], name: str, path: list[str], text: str) -> None:
    if inside := put(config, path, _parsed(text)):
        raise ConfigError(
            f"The environment variable {name} sets a key inside of {inside!r}, which another one sets.",
            hint="Unset one of the two.",
        )


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_not_json)
    except ValueError:
        return text


def _not_json(constant: str) -> NoReturn:
    raise ValueError(constant)

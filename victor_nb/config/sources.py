"""Where settings are written down: the environment, `.env`, the project's pyproject.toml, the user's file.

Each source gives the values it holds and can say where each came from. Nothing here knows which settings exist, other
than by the names it is given.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from victor_nb.config.file import read_table
from victor_nb.errors import ConfigError, did_you_mean
from victor_nb.isolation import OTHERS, PREFIX

_INTEGER = re.compile(r"[+-]?\d+")
_warned: set[str] = set()


@dataclass(frozen=True)
class Source:
    """The values of one source; `label` names it, or with `{name}` in it each of its variables."""

    label: str
    values: Mapping[str, Any]

    def origin(self, field: str) -> str:
        return self.label.format(name=f"{PREFIX}{field.upper()}")

    def only(self, names: Collection[str] | None) -> Source:
        """What it holds of these; None is all."""
        return Source(self.label, {name: self.values[name] for name in self.values if names is None or name in names})


def file_source(path: Path, table: Mapping[str, Any], known: Collection[str]) -> Source:
    """Raises ConfigError for a key that is no setting."""
    for key in table:
        if key not in known:
            raise ConfigError(
                f"{path}: unknown setting {key!r}.{did_you_mean(key, known)}", hint="See Settings.model_fields for all."
            )
    return Source(str(path).replace("{", "{{").replace("}", "}}"), table)


def pyproject_source(known: Collection[str]) -> Source:
    """`[tool.victor_nb]` of the nearest pyproject.toml, from the working directory upwards."""
    for folder in [Path.cwd(), *Path.cwd().parents]:
        path = folder / "pyproject.toml"
        if path.is_file():
            table: object = read_table(path).get("tool", {}).get("victor_nb", {})
            if not isinstance(table, dict):
                raise ConfigError(f"{path}: tool.victor_nb is no table.", hint="Write [tool.victor_nb].")
            return file_source(path, cast("dict[str, Any]", table), known)
    return Source("pyproject.toml", {})


def user_source(known: Collection[str]) -> Source:
    """`victor_nb/config.toml` in the user's configuration folder."""
    import platformdirs

    path = platformdirs.user_config_path("victor_nb", appauthor=False) / "config.toml"
    return file_source(path, read_table(path) if path.is_file() else {}, known)


def text_source(label: str, found: Mapping[str, Any], known: Collection[str], numbers: Collection[str]) -> Source:
    """Environment variables by setting name. Settings in `numbers` refuse text, so their text is read here."""
    values = {name: found[name] for name in known if name in found}
    return Source(label, {name: _number(text) if name in numbers else text for name, text in values.items()})


def warn_of_unknown(variables: Collection[str], known: Collection[str]) -> None:
    """One warning for each variable with our prefix that is no setting: another program may own it."""
    for variable in sorted(variable.upper() for variable in variables):
        name = variable.removeprefix(PREFIX).lower()
        ours = variable.startswith(PREFIX) and not variable.startswith(OTHERS) and name not in known
        if ours and variable not in _warned:
            _warned.add(variable)
            warnings.warn(
                f"The environment variable {variable} is no setting of victor_nb, and is ignored."
                + did_you_mean(name, known),
                UserWarning,
                stacklevel=4,
            )


def environment_names() -> list[str]:
    return list(os.environ)


def _number(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return int(text) if _INTEGER.fullmatch(text.strip()) else float(text)
    except ValueError:
        return text

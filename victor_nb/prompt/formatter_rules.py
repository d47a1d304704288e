"""What a project tells its formatter, in `[tool.ruff]` or `[tool.black]` of its pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from victor_nb.errors import PromptError
from victor_nb.prompt.text_files import TextFile, upwards

_USUAL_LINE: Final = 88


@dataclass(frozen=True)
class FormatterRules:
    """None is what nobody has said. `python` is a version such as "3.11"."""

    line_length: int | None = None
    quotes: str | None = None
    typed: bool | None = None
    docstrings: str | None = None
    indent: int | str | None = None
    python: str | None = None


class ProjectRules:
    """The rules of the nearest pyproject.toml, from the working directory upwards; read again when it has changed."""

    def __init__(self) -> None:
        self._file: TextFile | None = None

    def read(self) -> FormatterRules:
        """
        Raises:
            PromptError: the file cannot be read, or is no TOML.
        """
        path = upwards(("pyproject.toml",), Path.cwd())
        if path is None:
            return FormatterRules()
        if self._file is None or self._file.path != path:
            self._file = TextFile(path)
        try:
            table = tomllib.loads(self._file.read())
        except tomllib.TOMLDecodeError as error:
            raise PromptError(f"{path} is not valid TOML: {error}.", hint="Mend the file.") from error
        return rules_in(table)


def rules_in(pyproject: Mapping[str, Any]) -> FormatterRules:
    """Ruff's go before Black's where both are there."""
    if ruff := _table(pyproject, "tool", "ruff"):
        return _of_ruff(ruff)
    if black := _table(pyproject, "tool", "black"):
        quotes = None if black.get("skip-string-normalization") is True else "double"
        python = _oldest(black.get("target-version"))
        return FormatterRules(_length(black), quotes, indent=4, python=python)
    return FormatterRules()


def _of_ruff(ruff: Mapping[str, Any]) -> FormatterRules:
    lint, style = _table(ruff, "lint") or ruff, _table(ruff, "format")
    selected: list[object] = [*_list(lint.get("select")), *_list(lint.get("extend-select"))]
    quotes = style.get("quote-style") or _table(lint, "flake8-quotes").get("inline-quotes")
    width = ruff.get("indent-width", 4)
    return FormatterRules(
        _length(ruff),
        quotes if quotes in ("single", "double") else None,
        typed=True if any(str(rule).startswith("ANN") for rule in selected) else None,
        docstrings=_text(_table(lint, "pydocstyle").get("convention")),
        indent="tab" if style.get("indent-style") == "tab" else width if isinstance(width, int) else None,
        python=_oldest([ruff.get("target-version")]),
    )


def _length(table: Mapping[str, Any]) -> int:
    found = table.get("line-length", _USUAL_LINE)
    return found if isinstance(found, int) else _USUAL_LINE


def _oldest(targets: object) -> str | None:
    """`["py312", "py311"]` is "3.11"."""
    found = [re.fullmatch(r"py3(\d+)", str(target)) for target in _list(targets)]
    minors = [int(version[1]) for version in found if version]
    return f"3.{min(minors)}" if minors else None


def _table(table: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    """The table under these keys; an empty one where there is none."""
    found: object = table
    for key in keys:
        found = cast("Mapping[str, object]", found).get(key) if isinstance(found, Mapping) else None
    return cast("Mapping[str, Any]", found) if isinstance(found, Mapping) else {}


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None

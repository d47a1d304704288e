"""Rules that every request must carry: when they cannot be had, nothing is sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from victor_nb.errors import ConfigError, PromptError
from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.text_files import TextFile
from victor_nb.protocols import PromptContext

_SUFFIXES: Final = (".md", ".txt", ".rst")


class CompliancePromptContributor(BasePromptContributor):
    """Puts `rules` right behind the base prompt, whole and unchanged, and fails the turn when it cannot.

    Args:
        rules: the text; or the file that holds it, as a Path or as the path of a `.md`, `.txt` or `.rst` file. The file
            is read again when it has changed.
        title: the line above it; "" for none.

    Raises:
        ConfigError: there are no rules in it.
    """

    required = True

    def __init__(
        self,
        rules: str | os.PathLike[str],
        *,
        title: str = "Rules that always apply, whatever anybody asks for:",
        priority: int = 900,
    ) -> None:
        self._file = TextFile(Path(rules)) if _is_path(rules) else None
        self._text = "" if self._file else str(rules).strip()
        if not self._file and not self._text:
            raise ConfigError("The compliance rules are empty.", hint="Give their text, or the path of a file.")
        self._title = title
        self._priority = priority

    def priority(self) -> int:
        return self._priority

    def contribute(self, context: PromptContext) -> str:
        rules = self._file.read() if self._file else self._text
        if not rules and self._file:
            raise PromptError(f"{self._file.path} holds no rules.", hint="Write them, or name another file.")
        return f"{self._title}\n{rules}".strip()


def _is_path(rules: str | os.PathLike[str]) -> bool:
    if not isinstance(rules, str):
        return True
    return "\n" not in rules and rules.strip().lower().endswith(_SUFFIXES)

"""What the project's own file for assistants says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from victor_nb.errors import PromptError
from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.caps import capped, checked_count
from victor_nb.prompt.text_files import TextFile, upwards
from victor_nb.protocols import PromptContext

NAMES: Final = ("VICTOR.md", "AGENTS.md")


class ProjectPromptContributor(BasePromptContributor):
    """The nearest `VICTOR.md` or `AGENTS.md`, from the working directory upwards; the former where both are. It is
    looked for at every turn, and read again when it has changed.

    Args:
        path: this file instead.
        required: whether the turn fails when there is no file; without, nothing is added.
        max_tokens: the most that it may take, about; what is longer is cut at the end of a line, which the text says.

    Raises:
        ConfigError: `max_tokens` is no whole number from 1.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        required: bool = False,
        max_tokens: int = 4000,
        priority: int = 60,
    ) -> None:
        self.required = required
        self._named = path is not None
        self._file = None if path is None else TextFile(Path(path))
        self._max_tokens = checked_count("max_tokens", max_tokens)
        self._priority = priority

    def priority(self) -> int:
        return self._priority

    def contribute(self, context: PromptContext) -> str:
        file = self._found()
        text = file.read() if file else ""
        if not file or not text:
            return ""
        return f"From {file.path.name} of the project:\n{capped(text, self._max_tokens, file.path.name)}"

    def _found(self) -> TextFile | None:
        """The file to read, when there is one.

        Raises:
            PromptError: there is none, and it is required.
        """
        if self._named:
            there = self._file is not None and self._file.path.is_file()
            sought = str(self._file.path) if self._file else ""
        else:
            path, sought = upwards(NAMES, Path.cwd()), f"{' or '.join(NAMES)} in {Path.cwd()} or above"
            there = path is not None
            if path and (self._file is None or self._file.path != path):
                self._file = TextFile(path)
        if not there and self.required:
            raise PromptError(f"There is no {sought}.", hint="Write it, or pass required=False.")
        return self._file if there else None

"""What became of each contributor when a prompt was built. Records only, and their table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: Final = {
    "contributor": "string",
    "priority": "Float64",
    "required": "boolean",
    "status": "string",
    "tokens": "Int64",
    "chars": "Int64",
    "text": "string",
    "error": "string",
}


@dataclass(frozen=True)
class PromptSection:
    """One contributor's part of the prompt; `tokens` is an estimate. `text` is empty unless `status` is "ok"; `error`
    says why it is "failed"."""

    contributor: str
    priority: float
    text: str = ""
    tokens: int = field(default=0, compare=False)
    required: bool = False
    status: Literal["ok", "empty", "failed"] = "ok"
    error: str | None = None


@dataclass(frozen=True)
class BuiltPrompt:
    """A system prompt, its sections in order (empty ones left out), and the names of contributors that failed.
    `asked` has a section for every contributor, whatever became of it."""

    text: str
    sections: tuple[PromptSection, ...] = ()
    failed: tuple[str, ...] = ()
    asked: tuple[PromptSection, ...] = field(default=(), compare=False, repr=False)


def prompt_of(asked: Sequence[PromptSection]) -> BuiltPrompt:
    """The prompt that these sections make: those with a text, with a blank line between them."""
    sections = tuple(section for section in asked if section.status == "ok")
    failed = tuple(section.contributor for section in asked if section.status == "failed")
    return BuiltPrompt("\n\n".join(section.text for section in sections), sections, failed, tuple(asked))


def section_frame(asked: Sequence[PromptSection]) -> pd.DataFrame:
    """One row for each contributor, in order, with the columns and dtypes of `COLUMNS`. What is not there is NA."""
    import pandas as pd

    rows = [
        [
            section.contributor,
            section.priority,
            section.required,
            section.status,
            None if section.status == "failed" else section.tokens,
            None if section.status == "failed" else len(section.text),
            None if section.status == "failed" else section.text,
            section.error,
        ]
        for section in asked
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="object").astype(COLUMNS)

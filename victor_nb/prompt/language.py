"""The language of the answers."""

from __future__ import annotations

from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.languages import language_named
from victor_nb.protocols import PromptContext


class LanguagePromptContributor(BasePromptContributor):
    """Asks for answers in one language, whatever the question is written in.

    Args:
        language: its English name, its own (`Deutsch`), or its ISO 639-1 code, with a region or script after a dash
            where that matters (`pt-BR`, `zh-Hant`).

    Raises:
        ConfigError: there is no such language.
    """

    def __init__(self, language: str, *, priority: int = 70) -> None:
        self.language = language_named(language)
        self._priority = priority

    def priority(self) -> int:
        return self._priority

    async def get_contribution(self, context: PromptContext) -> str:
        return (
            f"Answer in {self.language}, whatever language the question is in. "
            "Leave code, names, quotations and error messages as they are."
        )

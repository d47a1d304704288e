"""The contributor that every prompt starts with unless it is told otherwise, and those that settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from victor_nb.errors import ConfigError
from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.code_style import CodeStylePromptContributor
from victor_nb.prompt.compliance import CompliancePromptContributor
from victor_nb.prompt.language import LanguagePromptContributor
from victor_nb.prompt.notebook import NotebookPromptContributor
from victor_nb.prompt.project import ProjectPromptContributor
from victor_nb.protocols import PromptContext

TEXT: Final = """\
You are an assistant in a Jupyter notebook. The person you talk to reads your answer below a cell, as Markdown.
Answer what was asked, briefly. Put code into fenced blocks with their language, ready to run in a cell.
You see only what this conversation holds. You cannot run code or read variables or files unless a tool does it.
When you do not know something or cannot do it, say so. Do not invent data, results or references."""


class BaseSystemPrompt(BasePromptContributor):
    """A short prompt for a notebook's assistant, replaced by `context["system_prompt"]` when that is set."""

    def priority(self) -> int:
        return 1000

    async def contribute(self, context: PromptContext) -> str:  # a plain method would be called in a thread
        own: object = context.get("system_prompt")
        return TEXT if own is None else str(own)


class TurnPrompt(BasePromptContributor):
    """What `chat(system=…)` adds for one turn, behind everything else: `context["turn_prompt"]`."""

    def priority(self) -> int:
        return 0

    async def contribute(self, context: PromptContext) -> str:
        added: object = context.get("turn_prompt")
        return "" if added is None else str(added)


def builtin_contributors(
    *,
    language: str | None = None,
    code_style: str | None = None,
    compliance: str | None = None,
    notebook: bool = False,
    project: bool = False,
) -> list[BasePromptContributor]:
    """The contributors that these settings ask for; `Settings.prompt_options()` has them under these names.

    Raises:
        ConfigError: a value cannot be used; it names the setting.
    """
    named: list[tuple[str, str | None, Callable[[str], BasePromptContributor]]] = [
        ("prompt_compliance", compliance, CompliancePromptContributor),
        ("prompt_code_style", code_style, CodeStylePromptContributor),
        ("prompt_language", language, LanguagePromptContributor),
    ]
    contributors = [_made(setting, value, make) for setting, value, make in named if value is not None]
    if project:
        contributors.append(ProjectPromptContributor())
    if notebook:
        contributors.append(NotebookPromptContributor())
    return contributors


def _made(setting: str, value: str, make: Callable[[str], BasePromptContributor]) -> BasePromptContributor:
    try:
        return make(value)
    except ConfigError as error:
        raise ConfigError(f"Setting {setting} is {value!r}: {error.message}", hint=error.hint) from None

"""The contributor that every prompt starts with unless it is told otherwise."""

from __future__ import annotations

from typing import Final

from victor_nb.prompt.base import BasePromptContributor
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

    def contribute(self, context: PromptContext) -> str:
        own: object = context.get("system_prompt")
        return TEXT if own is None else str(own)

"""Contributors to the system prompt: the base class, and those that are built in."""

from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.builtin import BaseSystemPrompt

__all__ = ["BasePromptContributor", "BaseSystemPrompt"]

"""Contributors to the system prompt: the base class, and those that are built in."""

from victor_nb.prompt.base import BasePromptContributor
from victor_nb.prompt.builtin import BaseSystemPrompt, builtin_contributors
from victor_nb.prompt.code_style import CodeStylePromptContributor
from victor_nb.prompt.compliance import CompliancePromptContributor
from victor_nb.prompt.language import LanguagePromptContributor
from victor_nb.prompt.notebook import NotebookPromptContributor
from victor_nb.prompt.project import ProjectPromptContributor

__all__ = [
    "BasePromptContributor",
    "BaseSystemPrompt",
    "CodeStylePromptContributor",
    "CompliancePromptContributor",
    "LanguagePromptContributor",
    "NotebookPromptContributor",
    "ProjectPromptContributor",
    "builtin_contributors",
]

"""The system prompt: asks every contributor for its section and joins them, highest priority first.

It knows neither the other coordinators nor the orchestrator: `build` records the sections and who failed.
"""

from __future__ import annotations

import asyncio
import inspect
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from victor_nb.config.merge import copied
from victor_nb.context.tokens import estimate_text
from victor_nb.errors import PromptError
from victor_nb.prompt.base import DEFAULT_PRIORITY, BasePromptContributor, contribution_method
from victor_nb.prompt.builtin import BaseSystemPrompt
from victor_nb.protocols import IPromptContributor, PromptContext

__all__ = ["BasePromptContributor", "BuiltPrompt", "PromptCoordinator", "PromptSection"]


@dataclass(frozen=True)
class PromptSection:
    """One contributor's part of the prompt; `tokens` is an estimate."""

    contributor: str
    priority: float
    text: str
    tokens: int = field(compare=False)


@dataclass(frozen=True)
class BuiltPrompt:
    """A system prompt, its sections in order (empty ones left out), and the names of contributors that failed."""

    text: str
    sections: tuple[PromptSection, ...] = ()
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Registered:
    name: str
    priority: float
    required: bool
    contribute: Callable[[PromptContext], object]


class PromptCoordinator:
    """Builds the system prompt from `contributors`, after this package's own short one unless `base` is False.

    A contributor has `get_contribution(context)` or `contribute(context)`, sync or async, and may have `priority()`
    (default 50, read once); among equals the order given stands. One that fails is warned of and left out; one with
    `required = True` raises PromptError. Raises TypeError at once for what is no contributor.
    """

    def __init__(self, contributors: Sequence[IPromptContributor] = (), *, base: bool = True) -> None:
        own = base and not any(isinstance(contributor, BaseSystemPrompt) for contributor in contributors)
        everyone = [BaseSystemPrompt(), *contributors] if own else list(contributors)
        self._contributors = sorted(map(_register, everyone), key=lambda contributor: -contributor.priority)
        self._last = BuiltPrompt("")

    async def build_system_prompt(self, context: PromptContext | None = None) -> str:
        """The sections that are not empty, with a blank line between them."""
        return (await self.build(context)).text

    async def build(self, context: PromptContext | None = None) -> BuiltPrompt:
        """As `build_system_prompt`, with the sections. Contributors see a copy of `context` each."""
        asked = [_ask(contributor, PromptContext(copied(dict(context or {})))) for contributor in self._contributors]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        sections: list[PromptSection] = []
        failed: list[str] = []
        for contributor, answer in zip(self._contributors, answers, strict=True):
            if isinstance(answer, BaseException):
                _judge(contributor, answer)
                failed.append(contributor.name)
            elif answer:
                sections.append(PromptSection(contributor.name, contributor.priority, answer, estimate_text(answer)))
        self._last = BuiltPrompt("\n\n".join(section.text for section in sections), tuple(sections), tuple(failed))
        return self._last

    def explain(self) -> tuple[PromptSection, ...]:
        """The sections of the last prompt that was built."""
        return self._last.sections


async def _ask(contributor: _Registered, context: PromptContext) -> str:
    found = contributor.contribute(context)
    if inspect.isawaitable(found):
        found = await found
    if found is not None and not isinstance(found, str):
        raise TypeError(f"it returned a {type(found).__name__}, not a str")
    return (found or "").strip()


def _judge(contributor: _Registered, error: BaseException) -> None:
    if not isinstance(error, Exception):
        raise error
    text = f"The prompt contributor {contributor.name} failed: {type(error).__name__}: {error}"
    if contributor.required:
        raise PromptError(text, hint="It is required, so nothing was sent. Mend it, or remove it.") from error
    warnings.warn(f"{text}. The prompt goes without its section.", UserWarning, stacklevel=4)


def _register(contributor: object) -> _Registered:
    contribute = contribution_method(contributor)
    name = type(contributor).__name__
    method = getattr(contributor, "priority", None)
    priority: object = method() if callable(method) else DEFAULT_PRIORITY
    if isinstance(priority, bool) or not isinstance(priority, int | float):
        raise TypeError(f"{name}.priority() must return a number, not {priority!r}.")
    return _Registered(name, priority, bool(getattr(contributor, "required", False)), contribute)

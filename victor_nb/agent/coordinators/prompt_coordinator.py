"""The system prompt: asks every contributor for its section and joins them, highest priority first.

It knows neither the other coordinators nor the orchestrator: `build` records the sections and who failed.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from victor_nb.background import all_answers
from victor_nb.config.fetch import checked_seconds
from victor_nb.config.merge import copied
from victor_nb.context.tokens import estimate_text
from victor_nb.errors import ConfigError, PromptError, UsageError, did_you_mean
from victor_nb.prompt.base import DEFAULT_PRIORITY, BasePromptContributor, contribution_method
from victor_nb.prompt.builtin import BaseSystemPrompt, TurnPrompt
from victor_nb.prompt.sections import BuiltPrompt, PromptSection, prompt_of, section_frame
from victor_nb.protocols import IPromptContributor, PromptContext

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BasePromptContributor", "BuiltPrompt", "PromptCoordinator", "PromptSection"]

_SESSIONS_KEPT: Final = 1000


@dataclass(frozen=True, eq=False)
class _Registered:
    contributor: object
    name: str
    priority: float
    required: bool
    timeout_s: float | None
    contribute: Callable[[PromptContext], object]


class PromptCoordinator:
    """Builds the system prompt from `contributors`, after this package's own short one unless `base` is False.

    A contributor has `get_contribution(context)` or `contribute(context)`, sync (it is called in a thread) or async,
    and may have `priority()` (default 50, read once); among equals the order given stands. One that fails is left out,
    with one warning until it works again; one with `required = True` raises PromptError.

    Args:
        timeout_s: seconds after which a contributor has failed; None waits for ever. A contributor's own attribute
            `timeout_s` goes first.

    Raises:
        TypeError: something is no contributor.
        ConfigError: a number of seconds cannot be used.
    """

    def __init__(
        self,
        contributors: Sequence[IPromptContributor] = (),
        *,
        base: bool = True,
        timeout_s: float | None = 10.0,
    ) -> None:
        self._timeout_s = checked_seconds("timeout_s", timeout_s, None)
        self._contributors: tuple[_Registered, ...] = ()
        self._built: OrderedDict[str | None, BuiltPrompt] = OrderedDict()
        self._last: str | None = None
        self._warned: dict[_Registered, str] = {}
        if base and not any(isinstance(contributor, BaseSystemPrompt) for contributor in contributors):
            self.add(BaseSystemPrompt())
        for contributor in contributors:
            self.add(contributor)

    @property
    def contributors(self) -> tuple[object, ...]:
        """All of them, the highest priority first."""
        return tuple(registered.contributor for registered in self._contributors)

    def add(self, contributor: IPromptContributor) -> None:
        """From the next prompt on. Raises TypeError for what is no contributor."""
        everyone = [*self._contributors, _register(contributor, self._timeout_s)]
        self._contributors = tuple(sorted(everyone, key=lambda registered: -registered.priority))

    def remove(self, contributor: object) -> None:
        """The contributor itself, or all with that class name.

        Raises:
            UsageError: it is not there.
        """
        left = tuple(
            one for one in self._contributors if contributor is not one.contributor and contributor != one.name
        )
        if len(left) == len(self._contributors):
            names = [one.name for one in left]
            word = contributor if isinstance(contributor, str) else type(contributor).__name__
            raise UsageError(
                f"there is no contributor {word!r} to remove.{did_you_mean(word, names)}",
                hint=f"there are {', '.join(names) or 'none'}",
            )
        self._contributors = left

    async def build_system_prompt(self, context: PromptContext | None = None) -> str:
        """The sections that are not empty, with a blank line between them."""
        return (await self.build(context)).text

    async def build(self, context: PromptContext | None = None) -> BuiltPrompt:
        """As `build_system_prompt`, with the sections. Contributors see a copy of `context` each. What it has as
        `turn_prompt` is the last section.

        Raises:
            PromptError: a required contributor failed.
        """
        everyone = self._contributors
        if context and context.get("turn_prompt"):
            everyone = (*everyone, _register(TurnPrompt(), None))
        asked = [_ask(contributor, PromptContext(copied(dict(context or {})))) for contributor in everyone]
        answers = await all_answers(asked)
        sections = [_section(one, answer) for one, answer in zip(everyone, answers, strict=True)]
        built = prompt_of(sections)
        self._remember(context.get("session_id") if context else None, built)
        self._judge(everyone, sections, answers)
        return built

    def explain(self, session_id: str | None = None) -> pd.DataFrame:
        """Every contributor and what became of it in the last prompt that was built (for `session_id`, if given).

        Returns:
            One row a contributor, in the order of the prompt: `contributor`, `priority`, `required`, `status` (ok,
            empty, failed), `tokens` (an estimate), `chars`, `text`, `error`. No rows before the first prompt.
        """
        built = self._built.get(self._last if session_id is None else session_id)
        return section_frame(built.asked if built else ())

    def rehearsal(self) -> PromptCoordinator:
        """One that builds the same, of which nothing here is changed: for a prompt that is not sent."""
        twin = copy(self)
        twin._built, twin._warned = OrderedDict(self._built), dict(self._warned)
        twin._contributors = tuple(map(_twin, self._contributors))
        return twin

    def _remember(self, session_id: object, built: BuiltPrompt) -> None:
        self._last = session_id if isinstance(session_id, str) else None
        self._built[self._last] = built
        self._built.move_to_end(self._last)
        while len(self._built) > _SESSIONS_KEPT:
            self._built.popitem(last=False)

    def _judge(
        self, everyone: Sequence[_Registered], sections: Sequence[PromptSection], answers: Sequence[str | BaseException]
    ) -> None:
        failures: dict[_Registered, str] = {}
        for contributor, section, answer in zip(everyone, sections, answers, strict=True):
            if not isinstance(answer, BaseException):
                continue
            failures[contributor] = f"The prompt contributor {contributor.name} failed: {section.error}"
            if contributor.required:
                hint = "It is required, so nothing was sent. Mend it, or remove it."
                raise PromptError(failures[contributor], hint=hint) from answer
        news = [failures[contributor] for contributor in failures.keys() - self._warned.keys()]
        self._warned = failures
        for text in sorted(news):
            warnings.warn(f"{text}. The prompt goes without its section.", UserWarning, stacklevel=4)


async def _ask(contributor: _Registered, context: PromptContext) -> str:
    deadline = asyncio.timeout(contributor.timeout_s)
    try:
        async with deadline:
            found = await _answer(contributor.contribute, context)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise ConfigError(f"it gave no answer in {contributor.timeout_s:g} s") from None
    if found is not None and not isinstance(found, str):
        raise TypeError(f"it returned a {type(found).__name__}, not a str")
    return (found or "").strip()


async def _answer(contribute: Callable[[PromptContext], object], context: PromptContext) -> object:
    if inspect.iscoroutinefunction(contribute):
        return await contribute(context)
    found = await asyncio.to_thread(contribute, context)
    return await found if inspect.isawaitable(found) else found


def _section(contributor: _Registered, answer: str | BaseException) -> PromptSection:
    who = (contributor.name, contributor.priority)
    if isinstance(answer, str):
        status = "ok" if answer else "empty"
        return PromptSection(*who, answer, estimate_text(answer), contributor.required, status)
    if not isinstance(answer, Exception | asyncio.CancelledError):
        raise answer
    error = f"{type(answer).__name__}: {answer}".removesuffix(": ")
    return PromptSection(*who, required=contributor.required, status="failed", error=error)


def _twin(one: _Registered) -> _Registered:
    """A contributor may remember the last turn, as the one that lists the latest variables first."""
    try:
        contributor = copy(one.contributor)
    except TypeError:  # it cannot be copied
        return one
    return replace(one, contributor=contributor, contribute=contribution_method(contributor))


def _register(contributor: object, timeout_s: float | None) -> _Registered:
    contribute = contribution_method(contributor)
    name = type(contributor).__name__
    method = getattr(contributor, "priority", None)
    priority: object = method() if callable(method) else DEFAULT_PRIORITY
    if isinstance(priority, bool) or not isinstance(priority, int | float) or math.isnan(priority):
        raise TypeError(f"{name}.priority() must return a number, not {priority!r}.")
    seconds = checked_seconds(f"{name}.timeout_s", getattr(contributor, "timeout_s", None), timeout_s)
    required = bool(getattr(contributor, "required", False))
    return _Registered(contributor, name, priority, required, seconds, contribute)

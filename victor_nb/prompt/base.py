"""What a prompt contributor is, and how any object that looks like one is called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Final, cast

from victor_nb.protocols import PromptContext

DEFAULT_PRIORITY: Final = 50


class BasePromptContributor:
    """A section of the system prompt. Override `get_contribution` (or `contribute`), sync or async.

    It returns the section's text; an empty string or None adds nothing. With `required = True` a failure fails the
    turn with PromptError; without, the turn goes on and the failure is recorded. `super().__init__()` is not needed.
    """

    required: bool = False

    def priority(self) -> int:
        """Higher comes first."""
        return DEFAULT_PRIORITY

    async def get_contribution(self, context: PromptContext) -> str:
        contribute = cast("Callable[[PromptContext], object]", getattr(self, "contribute", _missing))
        found = contribute(context)
        return cast("str | None", await found if inspect.isawaitable(found) else found) or ""


def contribution_method(contributor: object) -> Callable[[PromptContext], object]:
    """The method to call. Raises TypeError when `contributor` has none."""
    name = getattr(contributor, "__name__", type(contributor).__name__)
    own = getattr(type(contributor), "get_contribution", None)
    for method in ("get_contribution", "contribute"):
        found = getattr(contributor, method, None)
        inherited = method == "get_contribution" and own is BasePromptContributor.get_contribution
        if callable(found) and not inherited and not isinstance(contributor, type):
            return found
    raise TypeError(
        f"{name} is no prompt contributor: it needs a method get_contribution(context) or contribute(context) that "
        "returns a str" + (", and it must be an instance." if isinstance(contributor, type) else ".")
    )


def _missing(context: PromptContext) -> object:
    raise NotImplementedError("override get_contribution(context) or contribute(context)")

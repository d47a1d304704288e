"""What a compaction strategy is, and how any object that looks like one is called."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from victor_nb.errors import ContextError
from victor_nb.messages import Message
from victor_nb.protocols import CompactionBudget, Context


class BaseCompactionStrategy:
    """Makes a conversation smaller. Override `compact(context)`, or `compact(context, budget)`, sync or async.

    `context.messages` is a copy, oldest first, without the system message. Return a `Context` (or a
    `CompactionResult`) with those of the messages that stay, in their order, and new ones where something is summed up;
    new messages are sent as the user's. What may not be missing (first and last user message, pinned ones, the step in
    progress, a tool result beside its call) is put back afterwards. `super().__init__()` is not needed.
    """

    async def compact(self, context: Context) -> Any:
        raise NotImplementedError("override compact(context)")


@dataclass(frozen=True)
class Compactor:
    """A strategy made ready to be called. `name` is its class; what it awaits may take `timeout_s` seconds in all."""

    name: str
    method: Callable[..., object]
    takes_budget: bool
    timeout_s: float | None = None

    async def __call__(self, context: Context, budget: CompactionBudget) -> Context:
        """What the strategy makes of a copy of `context`; its note is in the metadata.

        Raises what it raises, TypeError for a wrong result, ContextError when it takes too long.
        """
        given = Context([_copy(message) for message in context.messages], dict(context.metadata))
        found = self.method(given, budget) if self.takes_budget else self.method(given)
        if inspect.isawaitable(found):
            found = await self._in_time(cast("Awaitable[object]", found))
        messages: object = getattr(found, "messages", None)
        if not isinstance(messages, Sequence) or not all(_is_message(m) for m in cast("Sequence[object]", messages)):
            raise TypeError(
                f"{self.name}.compact must return a Context of Message objects, not {type(found).__name__}."
            )
        metadata: dict[str, Any] = getattr(found, "metadata", given.metadata)
        note: object = getattr(found, "note", "")
        return Context(list(cast("Sequence[Message]", messages)), {**metadata, "note": note} if note else metadata)

    async def _in_time(self, found: Awaitable[object]) -> object:
        limit = asyncio.timeout(self.timeout_s)
        try:
            async with limit:
                return await found
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise ContextError(
                f"{self.name}.compact took longer than {self.timeout_s:g} s.",
                hint="Give ContextCoordinator a larger timeout_s, or a strategy that takes less.",
            ) from error


def compactor(strategy: object, timeout_s: float | None = None) -> Compactor:
    """Raises TypeError when `strategy` is none."""
    method: object = getattr(strategy, "compact", None)
    name = type(strategy).__name__
    inherited = getattr(type(strategy), "compact", None) is BaseCompactionStrategy.compact
    if isinstance(strategy, type) or inherited or not callable(method):
        raise TypeError(f"{strategy!r} is no compaction strategy: it needs a method compact(context) on an instance.")
    takes_budget = _takes_budget(method)
    try:
        inspect.signature(method).bind(*([None, None] if takes_budget else [None]))
    except TypeError as error:
        raise TypeError(f"{name}.compact must take (context) or (context, budget): {error}.") from None
    return Compactor(name, method, takes_budget, timeout_s)


def _takes_budget(method: Callable[..., object]) -> bool:
    signature = inspect.signature(method)
    if "budget" in signature.parameters:
        return True
    try:
        signature.bind(None)
    except TypeError:
        return True
    return False


def _is_message(found: object) -> bool:
    return isinstance(found, Message) and isinstance(cast("object", found.content), str)


def _copy(message: Message) -> Message:
    return replace(message, metadata=dict(message.metadata), wire=None)

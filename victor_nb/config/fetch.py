"""One provider: asked at most once at a time for a session, given up after a while, its answers kept as long as wanted.

Whoever asks gets a copy, so that neither the provider nor another caller can change what was answered. It knows
nothing of other providers.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from victor_nb.config.merge import copied
from victor_nb.errors import ConfigError
from victor_nb.protocols import Config

DEFAULT_PRIORITY: Final = 50
SESSIONS_KEPT: Final = 1000


@dataclass(eq=False)
class _Flight:
    """A question that is under way, and how many wait for its answer."""

    task: asyncio.Task[Config]
    waiting: int = 0


class ProviderSource:
    """A provider as the coordinator asks it. `ttl_s` and `timeout_s` are the provider's own where it has them.

    Raises:
        TypeError: it is no provider, or its priority is no number.
        ConfigError: its `ttl_s` or `timeout_s` cannot be used.
    """

    def __init__(self, provider: object, *, ttl_s: float = 0.0, timeout_s: float | None = None) -> None:
        kind = type(provider).__name__
        get_config = getattr(provider, "get_config", None)
        if isinstance(provider, type) or not callable(get_config):
            raise TypeError(
                f"{provider!r} is no config provider: it needs a method get_config(session_id) that returns a dict."
            )
        self.provider = provider
        self.name = kind
        self.priority = _priority(provider, kind)
        self._get_config = cast("Callable[[str], Any]", get_config)
        self._ttl_s = checked_seconds(f"{kind}.ttl_s", getattr(provider, "ttl_s", None), ttl_s, least=0)
        self._timeout_s = checked_seconds(f"{kind}.timeout_s", getattr(provider, "timeout_s", None), timeout_s)
        self._kept: OrderedDict[str, tuple[float, Config]] = OrderedDict()
        self._flights: dict[tuple[str, asyncio.AbstractEventLoop], _Flight] = {}

    async def fetch(self, session_id: str) -> Config:
        """A copy of its answer: one that is kept, one that is under way, or a new one.

        Raises whatever the provider does, and ConfigError when it answers too late or with something else than a dict.
        """
        kept = self._kept.get(session_id)
        if kept and time.monotonic() < kept[0]:
            return copied(kept[1])
        flight = self._joined((session_id, asyncio.get_running_loop()))
        flight.waiting += 1
        try:
            return copied(await asyncio.shield(flight.task))
        finally:
            flight.waiting -= 1
            if not flight.waiting:
                flight.task.cancel()  # nobody wants the answer any more; without effect when it is there

    def invalidate(self, session_id: str | None = None) -> None:
        """Forget the answers of a session, or all. One that is under way reaches those who wait, and is not kept."""
        for session in [session_id] if session_id is not None else list(self._kept):
            self._kept.pop(session, None)
        for key in list(self._flights):
            if session_id in (None, key[0]):
                self._flights.pop(key, None)

    def _joined(self, key: tuple[str, asyncio.AbstractEventLoop]) -> _Flight:
        flight = self._flights.get(key)
        if flight is None or flight.task.done() or flight.task.cancelling():
            flight = self._flights[key] = _Flight(asyncio.create_task(self._ask(key[0])))
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        return flight

    def _landed(self, key: tuple[str, asyncio.AbstractEventLoop], task: asyncio.Task[Config]) -> None:
        flight = self._flights.get(key)
        if flight is None or flight.task is not task:  # invalidated meanwhile
            return
        del self._flights[key]
        if self._ttl_s and not task.cancelled() and task.exception() is None:
            self._kept[key[0]] = (time.monotonic() + self._ttl_s, task.result())
            while len(self._kept) > SESSIONS_KEPT:
                self._kept.popitem(last=False)

    async def _ask(self, session_id: str) -> Config:
        deadline = asyncio.timeout(self._timeout_s)
        try:
            async with deadline:
                answer = await self._answer(session_id)
        except TimeoutError:
            if not deadline.expired():
                raise
            raise ConfigError(f"{self.name} gave no answer in {self._timeout_s:g} s.") from None
        if not isinstance(answer, dict):
            raise ConfigError(f"{self.name}.get_config returned a {type(answer).__name__}.", hint="Return a dict.")
        return copied(cast("Config", answer))

    async def _answer(self, session_id: str) -> object:
        if inspect.iscoroutinefunction(self._get_config):
            return await self._get_config(session_id)
        answer: object = await asyncio.to_thread(self._get_config, session_id)
        return await answer if inspect.isawaitable(answer) else answer


def checked_seconds(what: str, own: object, otherwise: float | None, *, least: float | None = None) -> float | None:
    """`own` if given, else `otherwise`: seconds above 0, or from `least`.

    Raises:
        ConfigError: it is none.
    """
    seconds = otherwise if own is None else own
    if seconds is None:
        return None
    number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and not math.isnan(seconds)
    if not number or (cast("float", seconds) <= 0 if least is None else cast("float", seconds) < least):
        allowed = "above 0, or None" if least is None else f"from {least:g}"
        raise ConfigError(f"{what} is {seconds!r}, and must be a number of seconds {allowed}.")
    return float(cast("float", seconds))


def _priority(provider: object, name: str) -> float:
    method = getattr(provider, "priority", None)
    found: object = method() if callable(method) else DEFAULT_PRIORITY
    if isinstance(found, bool) or not isinstance(found, int | float) or math.isnan(found):
        raise TypeError(f"{name}.priority() must return a number, not {found!r}.")
    return found

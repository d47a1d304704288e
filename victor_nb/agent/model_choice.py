"""Which model an orchestrator asks: the one that a call names, or its own. Each is made once."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from victor_nb import isolation
from victor_nb.config.settings import Settings
from victor_nb.errors import MissingExtraError, MissingKeyError
from victor_nb.models import taping, wire_guard
from victor_nb.models.factory import build_model
from victor_nb.protocols import IChatModel
from victor_nb.store.redaction import redact_of


class ModelChoice:
    """Of one orchestrator, which was given `model` and `provider`; with neither, the settings have it."""

    def __init__(self, settings: Settings, model: Any, provider: Any) -> None:
        self._settings = settings
        self._default = (model, provider)
        self._made: dict[Any, IChatModel] = {}
        self._tape = taping.tape()

    async def resolve(self, wanted: Any = None, *, keyless: bool = False) -> IChatModel:
        """As `AgentOrchestrator.resolve_model`. A model is made in a thread: importing an SDK takes seconds."""
        name, provider = (wanted, None) if wanted is not None else self._default
        if name is None and provider is None:
            name = self._settings.model
        try:
            return await self._made_of(name, provider)
        except (MissingKeyError, MissingExtraError):
            if not keyless:
                raise
            base_url = self._base_url(named=name is not None or provider is not None)
            return build_model(name, provider=provider, base_url=base_url, keyless=True)

    async def _made_of(self, name: Any, provider: Any) -> IChatModel:
        guarded = wire_guard.is_forbidden()  # then who asks is refused for that, and not for a key that is missing
        key = (guarded, *(given if isinstance(given, str | None) else id(given) for given in (name, provider)))
        if (tape := taping.tape()) is not self._tape:
            self._made, self._tape = {}, tape  # another one answers to the same name
        if key not in self._made:
            base_url = self._base_url(named=name is not None or provider is not None)
            build = partial(build_model, name, provider=provider, base_url=base_url, keyless=guarded)
            in_thread = partial(asyncio.to_thread, build)
            self._made[key] = await taping.through_tape(name, provider, in_thread, self._redact())
        return self._made[key]

    def _base_url(self, *, named: bool) -> str | None:
        """Under test the person's own server is for models that are named; it makes nothing of one that is not."""
        return self._settings.base_url if named or not isolation.is_on() else None

    def _redact(self) -> taping.Redact | None:
        """What takes the user's personal data out of what is written down; None when that is not wanted."""
        return redact_of(self._settings)

    async def use(self, model: Any) -> IChatModel:
        resolved = await self.resolve(model)
        self._default = (model, None)
        return resolved

    def forget(self) -> None:
        """Make all of them anew, with the keys that there are then."""
        self._made.clear()

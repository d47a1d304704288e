"""A store with the methods of `IEventStore` and no others, as a user's own may be."""

from __future__ import annotations

from typing import Any

from victor_nb.protocols import IEventStore

_METHODS = {name for name in vars(IEventStore) if not name.startswith("_")}


class Bare:
    """Passes on what `IEventStore` names; of any other method nothing is known here."""

    def __init__(self, store: IEventStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        if name not in _METHODS:
            raise AttributeError(name)
        return getattr(self._store, name)

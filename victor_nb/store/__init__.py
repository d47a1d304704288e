"""Where events become durable. `SQLiteStore` is the default; anything with the methods of `IEventStore` works."""

from victor_nb.store.memory import InMemoryStore
from victor_nb.store.registry import open_store
from victor_nb.store.sqlite import SQLiteStore

__all__ = ["InMemoryStore", "SQLiteStore", "open_store"]

"""Where the events of an orchestrator go that names no store: to the user's own, and in a replay to that of the
replay. A second run would otherwise go on with what the first one left.
"""

from __future__ import annotations

from victor_nb.clock import REAL, IClock
from victor_nb.config.settings import Settings
from victor_nb.models import taping
from victor_nb.protocols import IEventStore
from victor_nb.store import open_store
from victor_nb.store.registry import MEMORY


def store_of(settings: Settings) -> IEventStore:
    """The store that `settings` mean. In a replay only what code says counts (`Settings(store=…)`, `Settings(home=…)`),
    not the environment or a file."""
    named = any(settings.origin_of(name) == "argument" for name in ("store", "home")) and settings.store != MEMORY
    if (replayed := taping.replayed()) and not named:
        return replayed.store
    return open_store(settings.store_location, home=settings.home)


def clock_of(store: IEventStore) -> IClock:
    """Whose times and ids are in it: where it lasts longer than a replay they are real ones, since the next replay has
    the same."""
    return getattr(store, "clock", REAL)

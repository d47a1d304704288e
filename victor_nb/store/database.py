"""The seam between the writing thread and a database: what one has to do so that a store can be built on it.

`Writer` and `RecordingStore` know nothing but this. All methods are called in the writer's thread, one at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from victor_nb.records import DeadLetter, KernelRun, Outbox, SessionEntry
from victor_nb.store.kept import KeptEntries, SessionName

Row: TypeAlias = tuple[str, int, str, str, int, str | None, str, str | None, int]
"""An event to write: id, seq, session_id, type, timestamp_us, turn_id, data, content, channel."""


class DatabaseUnusableError(Exception):
    """The database takes nothing more: go on in memory. The message says why."""


class DatabaseLostError(Exception):
    """The connection leads nowhere now: `reopen()`, then do the same again. The message is for the user, or empty."""


class Database(Protocol):
    """An open database in which the kernel run is registered.

    Every method but `close` may raise `DatabaseUnusableError` or `DatabaseLostError`, and has then changed nothing
    that doing it again would repeat.
    """

    def write(self, rows: Sequence[Row], changes: Sequence[Change]) -> None:
        """Store rows, then call each change with this database, all in one durable transaction."""
        ...

    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter]) -> None:
        """A change: move an outbox forward, never back, and set letters aside."""
        ...

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        """A change: letters that were delivered after all are dead no more."""
        ...

    def append_entries(self, kept: KeptEntries) -> None:
        """A change: entries of a conversation, unless they do not follow what is there; sets `kept.outcome`."""
        ...

    def release_session(self, name: SessionName) -> None:
        """A change: the run has the session no longer."""
        ...

    def end_run(self, at_us: int) -> None:
        """A change: the run has ended cleanly, and has no session any more."""
        ...

    def claim(self, exporter: str, channel: int) -> list[Outbox]:
        """In a transaction of its own that no other kernel's claim can overlap; see `IEventStore`."""
        ...

    def hold_session(self, name: SessionName) -> KernelRun | None:
        """As `claim`; see `ISessionStore`."""
        ...

    def shorten_entries(self, name: SessionName, entries: Sequence[SessionEntry]) -> bool:
        """As `claim`; see `ISessionStore`."""
        ...

    def rename_session(self, name: SessionName, new: str) -> None:
        """As `claim`. May raise SessionError."""
        ...

    def delete_session(self, name: SessionName) -> bool:
        """As `claim`. May raise SessionError."""
        ...

    def reopen(self) -> None:
        """Connect again, as the same run."""
        ...

    def close(self) -> None: ...


Change: TypeAlias = Callable[[Database], None]

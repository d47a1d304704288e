"""What a store that keeps conversations can do. A store may lack it: conversations then end with their kernel."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol, runtime_checkable

from victor_nb.records import KernelRun, SavedSession, SessionEntry


@runtime_checkable
class ISessionStore(Protocol):
    """What a store that keeps conversations can do. A session belongs to the store's notebook, but where `notebook`
    names another. `hold` makes it this kernel's, or gives the live kernel whose it is. Methods block until they are
    done; `append_entries` gives what to await, which raises SessionConflictError when such a number is there already.
    `summary`, any JSON text, takes the place of the one given before, and comes back with `saved_sessions`.
    `shorten_entries` puts entries that mean the same in the place of all; numbers and time of the last stay.
    """

    def hold(self, session_id: str) -> KernelRun | None: ...
    def release(self, session_id: str) -> None: ...
    def read_entries(self, session_id: str, *, after: int = 0, notebook: str | None = None) -> list[SessionEntry]: ...
    def append_entries(
        self, session_id: str, entries: Sequence[SessionEntry], *, summary: str | None = None
    ) -> Awaitable[None]: ...
    def shorten_entries(self, session_id: str, entries: Sequence[SessionEntry]) -> bool: ...
    def saved_sessions(self, *, every_notebook: bool = False) -> list[SavedSession]: ...
    def rename_session(self, session_id: str, new: str) -> None: ...
    def delete_session(self, session_id: str, *, notebook: str | None = None) -> bool: ...

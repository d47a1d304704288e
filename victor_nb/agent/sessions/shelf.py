"""All stored sessions, whoever has them open: listed, read, made, renamed and deleted. What is in them is JSON here."""

from __future__ import annotations

from collections.abc import Sequence

from victor_nb.agent.sessions.archive import ConversationArchive
from victor_nb.agent.sessions.journal import Operation, decoded, journal_of, wait
from victor_nb.errors import SessionError
from victor_nb.records import SavedSession


class SessionShelf:
    """The sessions of an archive's store. Where nothing is kept there are none. Methods block; each raises StoreError
    when the store cannot be used."""

    def __init__(self, archive: ConversationArchive) -> None:
        self._archive = archive
        self._store = archive.store

    @property
    def run_id(self) -> str:
        """The kernel run that writes here."""
        return str(getattr(self._store, "kernel_run_id", ""))

    def saved(self, *, every_notebook: bool = False) -> list[SavedSession]:
        """Those of this notebook, or of all; the one changed last comes first."""
        return self._store.saved_sessions(every_notebook=every_notebook) if self._store else []

    def names(self) -> list[str]:
        return [saved.session_id for saved in self.saved()]

    def operations(self, session_id: str, *, notebook: str | None = None) -> list[Operation]:
        """What is stored of a session; empty when there is none.

        Raises:
            SessionError: it cannot be understood.
        """
        if self._store is None:
            return []
        name = self._archive.stored_name(session_id) if notebook is None else session_id
        return decoded(session_id, self._store.read_entries(name, notebook=notebook))

    def create(self, session_id: str, operations: Sequence[Operation]) -> None:
        """Keep a new session, all of it or nothing.

        Raises:
            SessionError: there is one of that name.
        """
        if self._store is None:
            return
        if self._store.hold(session_id) or self._store.read_entries(session_id):
            raise taken(session_id, self.names())
        journal = journal_of(self._store, self.run_id, session_id)
        with journal.lock:
            journal.read()
            wait(journal.append([self._archive.as_kept(operation) for operation in operations]))
            if not journal.users:
                self._store.release(session_id)

    def rename(self, session_id: str, new: str) -> None:
        """
        Raises:
            SessionError: there is no such session, or there is one of the new name.
            SessionInUseError: another kernel has it open.
        """
        if self._store:
            self._store.rename_session(self._archive.stored_name(session_id), new)
        self._archive.forget(session_id)

    def delete(self, session_id: str, *, notebook: str | None = None) -> bool:
        """Whether there was one. Raises SessionInUseError when another kernel has it open."""
        if self._store is None:
            return False
        if notebook is not None:
            return self._store.delete_session(session_id, notebook=notebook)
        deleted = self._store.delete_session(self._archive.stored_name(session_id))
        self._archive.forget(session_id)
        return deleted


def taken(session_id: str, names: Sequence[str]) -> SessionError:
    return SessionError(
        f"there is a session {session_id!r} already.", hint=f"call it {free_name(session_id, names)!r}, or delete that"
    )


def free_name(session_id: str, names: Sequence[str]) -> str:
    """`name-2`, `name-3`, …: the first that is free."""
    number = 2
    while f"{session_id}-{number}" in names:
        number += 1
    return f"{session_id}-{number}"

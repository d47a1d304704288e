"""The journals of conversations as every store with a writing thread keeps them: they are queued behind events, and
committed with them. It knows no kind of database, and nothing of what entries mean."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TypeVar

from victor_nb.errors import StoreError
from victor_nb.records import KernelRun, SavedSession, SessionEntry
from victor_nb.store.database import Database
from victor_nb.store.encode import mended_text
from victor_nb.store.kept import EntriesReceipt, KeptEntries, SessionName, checked
from victor_nb.store.recording import RecordingStore
from victor_nb.store.scrub import Scrubber

T = TypeVar("T")


class JournalStore(RecordingStore):
    """An `ISessionStore`. Names that hold a secret are scrubbed as texts are, wherever they are given."""

    def _begin_run(self) -> None:
        super()._begin_run()
        self._last: dict[SessionName, SessionEntry] = {}

    def _entries(self, name: SessionName, after: int) -> list[SessionEntry]:
        raise NotImplementedError

    def _saved(self, notebook: str | None) -> list[SavedSession]:
        raise NotImplementedError

    def hold(self, session_id: str) -> KernelRun | None:
        """Make the session this kernel run's, if no other run that is alive has it; that run otherwise.

        It is held until `release`, or until the run ends, however it does. Blocks until it is durable.

        Raises:
            StoreError: PostgreSQL is away.
        """
        name = self._name(session_id)
        return self._ask(lambda database: database.hold_session(name))

    def release(self, session_id: str) -> None:
        """Let others have it. Does nothing when this run does not hold it."""
        name = self._name(session_id)
        with self._lock:
            if (writer := self._writer) is None:
                return
            answer = writer.note_with_answer(lambda database: database.release_session(name))
        writer.urge()
        answer.result()

    def append_entries(
        self, session_id: str, entries: Sequence[SessionEntry], *, summary: str | None = None
    ) -> EntriesReceipt:
        """Queue entries of a conversation, to be committed with the events around them. Await the result to know that
        they are durable. Secrets are taken out of `data` and `summary`; an entry without a time gets one.

        Raises:
            UsageError: there are none, or their numbers do not count on by one.
        """
        kept = KeptEntries(self._name(session_id), checked(entries, self.clock.now_us()), summary)
        with self._lock:
            writer = self._writer or self._start()
            last = self._last.get(kept.name)
            kept.follows = last.timestamp_us if last and last.number == kept.first - 1 else None
            self._last[kept.name] = kept.entries[-1]
            answer = writer.note_with_answer(lambda database: database.append_entries(_scrubbed(kept)))
        if self._at_exit:
            self.close()
        if writer.news:
            self._warn(writer)
        return EntriesReceipt(kept, answer, writer.urge, lambda: self._forget(kept.name))

    def read_entries(self, session_id: str, *, after: int = 0, notebook: str | None = None) -> list[SessionEntry]:
        """The entries of a session with numbers above `after`, in order, those appended just now included.

        Raises:
            StoreError: the store cannot be read.
        """
        name = self._name(session_id, notebook)
        self._settled()
        found = self._entries(name, after)
        with self._lock:
            known = self._last.get(name)
            if found and (known is None or known.number <= found[-1].number):
                self._last[name] = found[-1]
        return found

    def shorten_entries(self, session_id: str, entries: Sequence[SessionEntry]) -> bool:
        """Put `entries`, which mean the same, in the place of all that a session has, in one transaction. The last one
        has the number and the time of the last that is there, so that nobody who appends has to know. False when that
        is another by now, or another kernel that is alive has the session: then nothing has changed.

        Raises:
            UsageError: there are none, or their numbers do not count on by one.
            StoreError: the store cannot be written.
        """
        name, scrubber = self._name(session_id), Scrubber()
        clean = [dataclasses.replace(entry, data=scrubber.document(entry.data)) for entry in checked(entries, 0)]
        return self._change(lambda database: database.shorten_entries(name, clean))

    def saved_sessions(self, *, every_notebook: bool = False) -> list[SavedSession]:
        """The sessions of this notebook that have entries, or those of all; the one changed last comes first.

        Raises:
            StoreError: the store cannot be read.
        """
        self._settled()
        return self._saved(None if every_notebook else self._notebook or "")

    def rename_session(self, session_id: str, new: str) -> None:
        """
        Raises:
            SessionError: there is no such session, or there is one of the new name.
            SessionInUseError: another kernel that is alive has it open.
            StoreError: the store cannot be written.
        """
        name, new_name = self._name(session_id), self._name(new).session_id
        self._change(lambda database: database.rename_session(name, new_name))
        self._forget(name)

    def delete_session(self, session_id: str, *, notebook: str | None = None) -> bool:
        """Delete a session and its entries for good; whether there was one.

        Raises:
            SessionInUseError: another kernel that is alive has it open.
            StoreError: the store cannot be written.
        """
        name = self._name(session_id, notebook)
        deleted = self._change(lambda database: database.delete_session(name))
        self._forget(name)
        return deleted

    def _change(self, job: Callable[[Database], T]) -> T:
        """What only happened in memory, behind a file that cannot be written, has not happened."""
        done = self._ask(job)
        if self.degraded:
            raise StoreError(f"{self._place} cannot be written ({self.degraded}).")
        return done

    def _forget(self, name: SessionName) -> None:
        """What the last entry was is not known any more."""
        with self._lock:
            self._last.pop(name, None)

    def _name(self, session_id: str, notebook: str | None = None) -> SessionName:
        own = self._notebook or ""
        return SessionName(own if notebook is None else mended_text(notebook), Scrubber().message(session_id))


def _scrubbed(kept: KeptEntries) -> KeptEntries:
    """In the writer's thread; perhaps twice."""
    scrubber = Scrubber()
    kept.entries = tuple(dataclasses.replace(entry, data=scrubber.document(entry.data)) for entry in kept.entries)
    kept.summary = kept.summary and scrubber.document(kept.summary)
    return kept

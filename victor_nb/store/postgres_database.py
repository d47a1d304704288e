"""PostgreSQL as the writing thread's database: rows go to the server, or wait in a spool while there is none.

A spool that exists takes all that comes, so that the server gets it in order; it is emptied in pieces, between the
writer's groups. Nothing here ever waits for a server that is away.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar, cast

from victor_nb.errors import StoreError
from victor_nb.records import DeadLetter, KernelRun, Outbox, SessionEntry
from victor_nb.store import postgres_journals as journals
from victor_nb.store.database import Change, Database, Row
from victor_nb.store.kept import KeptEntries, SessionName
from victor_nb.store.postgres_keeper import Keeper
from victor_nb.store.postgres_link import LinkLostError, WritingLink
from victor_nb.store.postgres_server import Connection, Server
from victor_nb.store.postgres_spool import Ended, Kept, Note, Released, Resumed, Saved, Settled, Spool, left_behind
from victor_nb.store.runs import host, process_stamp
from victor_nb.store.sqlite_database import Registration

log = logging.getLogger(__name__)
T = TypeVar("T")

_FIRST_WAIT_S: Final = 1.5
_SLICE_ROWS: Final = 5_000
_SLICE_BYTES: Final = 8 * 1024 * 1024


class PostgresDatabase:
    """`folder` is where spools are; None keeps them in memory. `nudge` has `tend` called in the writer's thread, soon;
    `warn` tells the user, at the next event; with nothing it takes back what he was not told yet."""

    def __init__(
        self,
        server: Server,
        registration: Registration,
        *,
        folder: Path | None,
        nudge: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self.degraded: str | None = None
        self._server = server
        self._registration = registration
        self._folder = folder
        self._nudge = nudge
        self._warn = warn
        self._spool = self._unfinished()
        self._link: WritingLink | None = None
        self._keeper = Keeper(lambda: WritingLink.open(server, registration), nudge, self._failed)
        self._link = self._keeper.first(_FIRST_WAIT_S)
        self._others = left_behind(folder, server.fingerprint)

    @property
    def is_behind(self) -> bool:
        """Whether events wait that the server could take by now."""
        return self._spool is not None and self.degraded is None

    def write(self, rows: Sequence[Row], changes: Sequence[Change]) -> None:
        notes = _noted(changes, self._registration.kernel_run_id)
        if self._link and not self._spool:
            try:
                self._link.write(rows, notes)
            except LinkLostError as lost:
                self._lose(lost)
            else:
                return
        self._keep(rows, notes)

    def _keep(self, rows: Sequence[Row], notes: Sequence[Note]) -> None:
        """In memory when the disk takes it no better than the server."""
        try:
            self._current_spool().add(rows, notes)
        except (sqlite3.Error, OSError) as error:
            self._warn(
                f"{self._folder} cannot be written ({error}): analytics wait in memory, and are lost if this process "
                f"ends before {self._server.place} can be used again."
            )
            self._folder, before = None, self._spool
            self._spool = self._new_spool()
            if before:
                _move(before, self._spool)
            self._spool.add(rows, notes)
        for note in notes:
            if isinstance(note, Kept):
                note.kept.outcome = "kept"

    def _current_spool(self) -> Spool:
        if self._spool is None:
            self._spool = self._new_spool()
        return self._spool

    def _new_spool(self) -> Spool:
        pid = os.getpid()
        begin = (
            self._server.fingerprint,
            self._registration,
            (host(), pid, process_stamp(pid), time.time_ns() // 1_000),
        )
        try:
            return Spool.begin(self._folder, *begin)
        except sqlite3.OperationalError:  # another kernel looked into it before it was locked
            return Spool.begin(self._folder, *begin)

    def _unfinished(self) -> Spool | None:
        """What this run has left when it was closed before."""
        for path in left_behind(self._folder, self._server.fingerprint, self._registration.kernel_run_id):
            with contextlib.suppress(sqlite3.Error, OSError):
                spool = Spool(path)
                spool.add([], [Resumed()])
                return spool
        return None

    def tend(self) -> None:
        """Take the link that is ready, empty a bit of the spool, look whether the server is still there."""
        self._link = self._link or self._keeper.take()
        if self._link is None:
            return
        if self.degraded:
            self.degraded = None
            self._warn("")
        try:
            more = self._tended(self._link)
        except LinkLostError as lost:
            self._lose(lost)
        except (sqlite3.Error, OSError):
            log.exception("what waits for %s cannot be read", self._server.place)
        else:
            if more:
                self._nudge()

    def _tended(self, link: WritingLink) -> bool:
        if self._spool:
            _upload(self._spool, link, None)
            if self._spool.is_empty():
                self._spool.close()
                self._spool = None
            return True
        if self._others:
            self._bring(self._others.pop(0), link)
            return True
        link.ping()
        return False

    def _bring(self, path: Path, link: WritingLink) -> None:
        """What a kernel that is gone could not bring to the server itself."""
        try:
            spool = Spool(path)
        except (sqlite3.Error, OSError):  # it is there still
            return
        with contextlib.closing(spool):
            if owner := spool.owner:
                run = link.enter_other(owner)
                while not spool.is_empty():
                    _upload(spool, link, run)

    def _lose(self, lost: LinkLostError) -> None:
        """It may be nothing: the user is told when there is no other link to be had."""
        log.info("the connection to %s is lost: %s", self._server.place, lost)
        self._link = None
        self._others = left_behind(self._folder, self._server.fingerprint)
        self._keeper.want()

    def _failed(self, error: StoreError) -> None:
        """In the keeper's thread."""
        if self.degraded is None:
            self.degraded = error.message
            where = f"wait in {self._folder}" if self._folder else "wait in memory, and are lost if this process ends,"
            hint = f" {error.hint[0].upper()}{error.hint[1:]}." if error.hint else ""
            self._warn(f"{error.message} Analytics {where} until it can be used again.{hint}")

    def claim(self, exporter: str, channel: int) -> list[Outbox]:
        return self._asked(lambda link: link.claim(exporter, channel))

    def hold_session(self, name: SessionName) -> KernelRun | None:
        owner = self._registration.kernel_run_id
        return self._up_to_date(lambda there, locks: journals.hold(there, locks, name, owner))

    def shorten_entries(self, name: SessionName, entries: Sequence[SessionEntry]) -> bool:
        owner = self._registration.kernel_run_id
        return self._up_to_date(lambda there, locks: journals.shorten(there, locks, name, entries, owner))

    def rename_session(self, name: SessionName, new: str) -> None:
        owner = self._registration.kernel_run_id
        self._up_to_date(lambda there, locks: journals.rename(there, locks, name, new, owner))

    def delete_session(self, name: SessionName) -> bool:
        owner = self._registration.kernel_run_id
        return self._up_to_date(lambda there, locks: journals.delete(there, locks, name, owner))

    def _up_to_date(self, work: Callable[[Connection, int], T]) -> T:
        """Behind all that waits for the server, of kernels that are gone too: it may be the rest of the session."""

        def job(link: WritingLink) -> T:
            while self._spool or self._others:
                self._tended(link)
            return link.apart(work)

        return self._asked(job)

    def _asked(self, job: Callable[[WritingLink], T]) -> T:
        self._link = self._link or self._keeper.take()
        try:
            if self._link:
                return job(self._link)
        except LinkLostError as lost:
            self._lose(lost)
        raise StoreError(self.degraded or f"{self._server.place} cannot be reached for the moment.")

    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter]) -> None:
        self.write([], [lambda there: there.save_outbox(outbox, dead)])

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        self.write([], [lambda there: there.settle(delivered)])

    def end_run(self, at_us: int) -> None:
        self.write([], [lambda there: there.end_run(at_us)])

    def append_entries(self, kept: KeptEntries) -> None:
        self.write([], [lambda there: there.append_entries(kept)])

    def release_session(self, name: SessionName) -> None:
        self.write([], [lambda there: there.release_session(name)])

    def reopen(self) -> None:
        """The keeper does that."""

    def hurry(self, patience_s: float) -> None:
        """From any thread: the process ends, and a server that hangs must not keep it."""
        if link := self._link:
            link.hurry(patience_s)

    def close(self) -> None:
        self._link = self._link or self._keeper.take()
        self._keeper.stop()
        if self._spool:
            self._bring_the_rest(self._spool)
            if not self._spool.path and len(self._spool):
                log.error("%d analytics entries never reached %s", len(self._spool), self._server.place)
            self._spool.close()
        if self._link:
            self._link.close()

    def _bring_the_rest(self, spool: Spool) -> None:
        """What the server takes within a second; the next kernel brings what then is left."""
        give_up_at = time.monotonic() + 1.0
        with contextlib.suppress(LinkLostError, sqlite3.Error, OSError):
            while self._link and not spool.is_empty() and time.monotonic() < give_up_at:
                _upload(spool, self._link, None)


class _Notebook:
    """Writes down what changes want to be done."""

    def __init__(self, owner: str) -> None:
        self.notes: list[Note] = []
        self._owner = owner

    def save_outbox(self, outbox: Outbox, dead: Sequence[DeadLetter]) -> None:
        self.notes.append(Saved(outbox, dead))

    def settle(self, delivered: Sequence[DeadLetter]) -> None:
        self.notes.append(Settled(delivered))

    def end_run(self, at_us: int) -> None:
        self.notes.append(Ended(at_us))

    def append_entries(self, kept: KeptEntries) -> None:
        self.notes.append(Kept(kept, self._owner))

    def release_session(self, name: SessionName) -> None:
        self.notes.append(Released(name, self._owner))


def _noted(changes: Sequence[Change], owner: str) -> list[Note]:
    notebook = _Notebook(owner)
    for change in changes:
        change(cast("Database", notebook))
    return notebook.notes


def _upload(spool: Spool, link: WritingLink, run: int | None) -> None:
    rows, notes, end = spool.first(_SLICE_ROWS, _SLICE_BYTES)
    link.write(rows, notes, run)
    spool.drop(end)


def _move(source: Spool, target: Spool) -> None:
    """As far as the source can still be read."""
    with contextlib.suppress(sqlite3.Error, OSError):
        while not source.is_empty():
            rows, notes, end = source.first(_SLICE_ROWS, _SLICE_BYTES)
            target.add(rows, notes)
            source.drop(end)
    with contextlib.suppress(sqlite3.Error, OSError):
        source.close()

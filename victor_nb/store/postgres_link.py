"""The writing connection of a kernel: its run is registered and locked, rows and notes go in by transactions.

Whatever goes wrong ends the link, because nobody knows what the server still does with it; only rows that the server
refuses do not.
"""

# ruff: noqa: TID253 (imported by the first PostgresStore)
from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Generator, Sequence
from typing import Final, TypeVar

import psycopg

from victor_nb.records import Outbox
from victor_nb.store import postgres_journals as journals
from victor_nb.store import postgres_ledger as ledger
from victor_nb.store import postgres_runs as runs
from victor_nb.store.database import Row
from victor_nb.store.postgres_schema import prepare
from victor_nb.store.postgres_server import REFUSED, Connection, Server, cut, limited
from victor_nb.store.postgres_spool import Ended, Kept, Life, Note, Released, Resumed, Saved
from victor_nb.store.sqlite_database import Registration

log = logging.getLogger(__name__)
T = TypeVar("T")

_PIECE_BYTES: Final = 4 * 1024 * 1024
_SLOWEST_BYTES_S: Final = 100_000
# All rows as one JSON text: 1.4 times the time of a COPY, which would neither skip what is there nor be one round trip;
# arrays take 2.2 times. Within a run the rows get their positions in the order of `seq`: the server numbers them so.
_INSERT: Final = """
INSERT INTO events (run, id, seq, session_id, type, timestamp_us, turn_id, data, content, channel)
SELECT %s, id, seq, session_id, type, timestamp_us, turn_id, data::json, content::json, channel
FROM json_to_recordset(%s::json) AS e(id uuid, seq bigint, session_id text, type text, timestamp_us bigint,
    turn_id text, data text, content text, channel integer)
ORDER BY seq
ON CONFLICT (run, seq) DO NOTHING
"""
_COLUMNS: Final = ("id", "seq", "session_id", "type", "timestamp_us", "turn_id", "data", "content", "channel")


class LinkLostError(Exception):
    """The link is of no use any more. The message says why."""


class WritingLink:
    """A server that does not answer in time is given up: there is a time for every transaction, one for its bytes, and
    one for the ledger, which counts."""

    def __init__(self, connection: Connection, server: Server, registration: Registration, run: int) -> None:
        self._patience_s = 5.0
        self._counting_s = 25.0
        self._connection = connection
        self._server = server
        self._registration = registration
        self._run = run
        self._done = 0

    @classmethod
    def open(cls, server: Server, registration: Registration) -> WritingLink:
        """
        Raises:
            StoreError: the server cannot be reached, or the store there cannot be used.
        """
        connection = server.connect()
        try:
            prepare(connection, server)
            with server.explained("cannot be written"), limited(connection, 10.0):
                run = runs.register(connection, registration, server.locks)
        except BaseException:
            connection.close()
            raise
        return cls(connection, server, registration, run)

    def write(self, rows: Sequence[Row], notes: Sequence[Note], run: int | None = None) -> None:
        """All in one durable transaction. What is there already, because a commit succeeded unseen, stays as it is.

        Raises:
            LinkLostError: it may be there, or not: write it again.
        """
        number = self._run if run is None else run
        with self._reported(_size(rows, notes) / _SLOWEST_BYTES_S + self._counting_s * bool(notes)):
            try:
                self._write(number, rows, notes)
            except REFUSED:
                self._write_one_by_one(number, rows, notes)

    def _write(self, run: int, rows: Sequence[Row], notes: Sequence[Note]) -> None:
        pieces = list(_pieces(rows))
        if len(pieces) == 1 and not notes:  # one statement is a transaction, in one round trip
            self._insert(run, pieces[0])
            return
        with self._connection.transaction():
            for piece in pieces:
                self._insert(run, piece)
            for note in notes:
                self._apply(run, note)

    def _write_one_by_one(self, run: int, rows: Sequence[Row], notes: Sequence[Note]) -> None:
        """The server refuses some: those are lost, and said so."""
        with self._connection.transaction():
            for row in rows:
                with self._skipped_if_refused(f"event {row[0]}"), self._connection.transaction():
                    self._insert(run, [row])
            for note in notes:
                with self._skipped_if_refused(f"a note of {type(note).__name__}"), self._connection.transaction():
                    self._apply(run, note)

    @contextlib.contextmanager
    def _skipped_if_refused(self, what: str) -> Generator[None]:
        try:
            yield
        except REFUSED as error:
            log.error("%s refuses %s: %s", self._server.place, what, self._server.reason(error))  # noqa: TRY400

    def _insert(self, run: int, rows: Sequence[Row]) -> None:
        text = json.dumps([dict(zip(_COLUMNS, row, strict=True)) for row in rows])
        self._connection.execute(_INSERT, (run, text))

    def _apply(self, run: int, note: Note) -> None:
        if isinstance(note, Ended | Resumed):
            ended_at_us = note.at_us if isinstance(note, Ended) else None
            self._connection.execute("UPDATE runs SET ended_at_us = %s WHERE number = %s", (ended_at_us, run))
            if ended_at_us:
                journals.release_all(self._connection, run)
        elif isinstance(note, Saved):
            ledger.save(self._connection, note.outbox, note.dead, self._registration.kernel_run_id)
        elif isinstance(note, Kept):
            append = journals.append_late if note.late else journals.append
            append(self._connection, self._server.locks, note.kept, note.owner)
        elif isinstance(note, Released):
            journals.release(self._connection, note.name, note.owner)
        else:
            ledger.settle(self._connection, note.delivered)

    def claim(self, exporter: str, channel: int) -> list[Outbox]:
        """
        Raises:
            LinkLostError: claim again when there is another link.
        """
        owner = self._registration.kernel_run_id
        return self.apart(lambda there, locks: ledger.claim(there, locks, exporter, self._run, owner, channel))

    def apart(self, work: Callable[[Connection, int], T]) -> T:
        """In a transaction of its own; `work` is given the store's locks.

        Raises:
            LinkLostError: do it again when there is another link.
        """
        with self._reported(self._counting_s), self._connection.transaction():
            return work(self._connection, self._server.locks)

    def ping(self) -> None:
        """
        Raises:
            LinkLostError: the server does not answer any more.
        """
        with self._reported():
            self._connection.execute("SELECT 1")

    def enter_other(self, owner: tuple[Registration, Life]) -> int:
        """The number of another run, which is over."""
        with self._reported():
            return runs.enter_other(self._connection, *owner)

    @contextlib.contextmanager
    def _reported(self, more_s: float = 0.0) -> Generator[None]:
        try:
            with limited(self._connection, self._patience_s + more_s):
                yield
            self._done += 1
        except (psycopg.Error, OSError) as error:
            self.close()
            raise LinkLostError(self._server.reason(error)) from None

    def hurry(self, patience_s: float) -> None:
        """From any thread: what is being done now, and what comes, may take so long and no longer."""
        self._patience_s, self._counting_s = patience_s, 0.0
        timer = threading.Timer(patience_s, self._cut_unless_beyond, [self._done])
        timer.daemon = True
        with contextlib.suppress(RuntimeError):  # no new threads while the interpreter ends
            timer.start()

    def _cut_unless_beyond(self, done: int) -> None:
        if self._done == done:
            cut(self._connection)

    def close(self) -> None:
        with contextlib.suppress(psycopg.Error, OSError):
            self._connection.close()


def _size(rows: Sequence[Row], notes: Sequence[Note] = ()) -> int:
    kept = sum(note.kept.size_bytes for note in notes if isinstance(note, Kept))
    return kept + sum(len(row[6]) + len(row[7] or "") for row in rows)


def _pieces(rows: Sequence[Row]) -> Generator[Sequence[Row]]:
    """Statements of a few megabytes, whatever the rows hold."""
    first = size = 0
    for place, row in enumerate(rows):
        if place > first and size >= _PIECE_BYTES:
            yield rows[first:place]
            first, size = place, 0
        size += len(row[6]) + len(row[7] or "")
    if first < len(rows):
        yield rows[first:]

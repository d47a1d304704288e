"""The store's one writing thread: rows are queued in microseconds and committed in groups.

A row's ticket is the `seq` that it was given. `committed` is the highest ticket on disk, so waiting for a row means
waiting for that number to pass its ticket. When the file fails (disk full, read-only), the thread goes on in memory
and says why in `degraded`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Generator
from typing import Any, TypeAlias

from victor_nb.errors import StoreError

log = logging.getLogger(__name__)

Row: TypeAlias = tuple[str, int, str, str, int, str | None, str, str | None]
Statement: TypeAlias = tuple[str, tuple[Any, ...]]
_INSERT = (
    "INSERT INTO events (run, id, seq, session_id, type, timestamp_us, turn_id, data, content) "
    "VALUES ({run}, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_GROUP = 5_000
# Events that nobody waits for are gathered for so long; a wait for one of them ends the gathering at once.
_LINGER_S = 0.025
_STOP = object()
_UNWRITABLE = (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError)


class Receipt:
    """Awaiting it returns once the event is durable; not awaiting it is fine as well."""

    __slots__ = ("_ticket", "_writer")

    def __init__(self, writer: Writer, ticket: int) -> None:
        self._writer = writer
        self._ticket = ticket

    def __await__(self) -> Generator[Any, None, None]:
        return self._writer.wait(self._ticket).__await__()


class Writer:
    """Owns the writing connection. `open_run` returns a connection and the run's number in that database."""

    def __init__(
        self,
        open_run: Callable[[], tuple[sqlite3.Connection, int]],
        open_memory: Callable[[], tuple[sqlite3.Connection, int]],
    ) -> None:
        self._open_run = open_run
        self._open_memory = open_memory
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._urgent = threading.Event()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self.committed = 0
        self.degraded: str | None = None
        self._thread = threading.Thread(target=self._run, name="victor-nb-store", daemon=True)
        self._thread.start()

    def put(self, row: Row) -> None:
        """Queue an event; the caller keeps tickets in queue order."""
        self._queue.put(row)

    def execute(self, sql: str, parameters: tuple[Any, ...]) -> None:
        """Queue a statement behind the events queued so far; `{run}` in it is the run's number."""
        self._queue.put((sql, parameters))

    async def wait(self, ticket: int) -> None:
        if self.committed >= ticket:
            return
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        with self._changed:
            if self.committed >= ticket:
                return
            self._waiters.append((ticket, done))
        self._urgent.set()
        await done

    def wait_blocking(self, ticket: int, timeout_s: float | None) -> bool:
        self._urgent.set()
        with self._changed:
            return self._changed.wait_for(lambda: self.committed >= ticket, timeout_s)

    def close(self, timeout_s: float) -> None:
        self._queue.put(_STOP)
        self._urgent.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        connection, run = self._opened()
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            try:
                self._write(connection, run, group)
            except _UNWRITABLE as error:
                connection.close()
                connection, run = self._rescued(group, error)
            self._announce(group)
        connection.close()

    def _opened(self) -> tuple[sqlite3.Connection, int]:
        try:
            return self._open_run()
        except (OSError, StoreError, *_UNWRITABLE) as error:
            return self._fall_back(error)

    def _rescued(self, group: list[Any], error: Exception) -> tuple[sqlite3.Connection, int]:
        """Go on in memory with a group that the file did not take. What memory does not take either is lost, and said
        so: a wait must never outlive this thread's work."""
        connection, run = self._fall_back(error)
        try:
            self._write(connection, run, group)
        except _UNWRITABLE:
            log.exception("%d analytics events could not be stored", len(group))
        return connection, run

    def _fall_back(self, error: Exception) -> tuple[sqlite3.Connection, int]:
        self.degraded = f"{type(error).__name__}: {error}"
        return self._open_memory()

    def _next_group(self) -> tuple[list[Any], bool]:
        group = [self._queue.get()]
        self._urgent.wait(_LINGER_S)
        self._urgent.clear()
        with contextlib.suppress(queue.Empty):
            while group[-1] is not _STOP and len(group) < _GROUP:
                group.append(self._queue.get_nowait())
        stopping = group[-1] is _STOP
        return (group[:-1] if stopping else group), stopping

    def _write(self, connection: sqlite3.Connection, run: int, group: list[Any]) -> None:
        if not group:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(_INSERT.format(run=run), [item for item in group if len(item) > 2])
            for sql, parameters in [item for item in group if len(item) == 2]:
                connection.execute(sql.format(run=run), parameters)
            connection.execute("COMMIT")
        except _UNWRITABLE:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _announce(self, group: list[Any]) -> None:
        tickets = [item[1] for item in group if len(item) > 2]
        if not tickets:
            return
        with self._changed:
            self.committed = tickets[-1]
            ready = [done for ticket, done in self._waiters if ticket <= self.committed]
            self._waiters = [waiter for waiter in self._waiters if waiter[0] > self.committed]
            self._changed.notify_all()
        for done in ready:
            with contextlib.suppress(RuntimeError):  # the waiter's loop is closed: nobody waits any more
                done.get_loop().call_soon_threadsafe(_resolve, done)


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)

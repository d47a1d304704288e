"""The store's one writing thread: rows are queued in microseconds and committed in groups.

A row's ticket is the `seq` that it was given. `committed` is the highest ticket on disk, so waiting for a row means
waiting for that number to pass its ticket. When the database fails (disk full, read-only), the thread goes on in
memory and says why in `degraded`. It knows no kind of database, only `Database`.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar, cast

from victor_nb.errors import StoreError
from victor_nb.store.database import Change, Database, DatabaseLostError, DatabaseUnusableError, Row

log = logging.getLogger(__name__)
T = TypeVar("T")

_GROUP = 5_000
# Events that nobody waits for are gathered for so long; a wait for one of them ends the gathering at once.
_LINGER_S = 0.025
_STOP = object()


class Receipt:
    """Awaiting it returns once the event is durable; not awaiting it is fine as well."""

    __slots__ = ("_ticket", "_writer")

    def __init__(self, writer: Writer, ticket: int) -> None:
        self._writer = writer
        self._ticket = ticket

    def __await__(self) -> Generator[Any, None, None]:
        return self._writer.wait(self._ticket).__await__()


@dataclass(frozen=True, slots=True)
class _Noted:
    """A change, in the transaction of the rows around it. `answer` tells who may wait for it when that is durable."""

    change: Change
    answer: concurrent.futures.Future[None] | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Something to do between two groups, whose answer is waited for."""

    job: Callable[[Database], object]
    answer: concurrent.futures.Future[Any]


Item: TypeAlias = Row | _Noted | _Asked


@dataclass
class Group:
    """What is done in one transaction, and what is asked behind it."""

    rows: list[Row] = field(default_factory=list[Row])
    changes: list[Change] = field(default_factory=list[Change])
    answers: list[concurrent.futures.Future[None]] = field(default_factory=list[concurrent.futures.Future[None]])
    asked: list[_Asked] = field(default_factory=list[_Asked])

    def add(self, item: Item) -> None:
        if isinstance(item, _Noted):
            self.changes.append(item.change)
            if item.answer:
                self.answers.append(item.answer)
        elif isinstance(item, _Asked):
            self.asked.append(item)
        else:
            self.rows.append(item)


class Writer:
    """Owns the database. `open_database` registers the run in it; `open_memory` never fails.

    `clean` is applied to rows before they are written. Tickets up to `committed` are none of its business. A writer
    that comes `after` another one waits for its end.
    """

    def __init__(
        self,
        open_database: Callable[[], Database],
        open_memory: Callable[[], Database],
        *,
        clean: Callable[[list[Row]], list[Row]],
        committed: int = 0,
        after: Writer | None = None,
    ) -> None:
        self._open_database = open_database
        self._open_memory = open_memory
        self._clean = clean
        self._after = after
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._urgent = threading.Event()
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._queued = self._done = 0
        self.committed = committed
        self.degraded: str | None = None
        self.news: str | None = None
        """What the user should be warned of, once."""
        self._thread = threading.Thread(target=self._run, name="victor-nb-store", daemon=True)

    def start(self) -> bool:
        """False when the interpreter is too far gone for a thread: `close` does the work in its own then."""
        try:
            self._thread.start()
        except RuntimeError:
            return False
        return True

    @property
    def is_idle(self) -> bool:
        """Whether all that was queued is done. Whoever queues, holds one lock for it, and for asking this."""
        return self._queued == self._done

    def _put(self, item: Item) -> None:
        self._queued += 1
        self._queue.put(item)

    def put(self, row: Row) -> None:
        """Queue an event; the caller keeps tickets in queue order."""
        self._put(row)

    def note(self, change: Change) -> None:
        """Queue a change behind the events queued so far."""
        self._put(_Noted(change))

    def note_with_answer(self, change: Change) -> concurrent.futures.Future[None]:
        """The same, for who may wait for it, and calls `urge()` then."""
        answer: concurrent.futures.Future[None] = concurrent.futures.Future()
        answer.set_running_or_notify_cancel()  # who waits for it may be cancelled; it may not
        self._put(_Noted(change, answer))
        return answer

    def urge(self) -> None:
        """Somebody waits for what is queued."""
        self._urgent.set()

    def ask(self, job: Callable[[Database], T]) -> concurrent.futures.Future[T]:
        """Do `job` behind all that is queued; the future has its answer."""
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()
        self._put(_Asked(job, answer))
        self._urgent.set()
        return answer

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
        """Write what is queued and end; give up when nothing gets done for `timeout_s`."""
        self._queue.put(_STOP)
        self._urgent.set()
        if self._thread.ident is None:
            self._run()
            return
        before = -1
        while self._thread.is_alive() and before != self.committed:
            before = self.committed
            self._thread.join(timeout_s)

    def _run(self) -> None:
        if self._after and self._after._thread.is_alive():
            self._after._thread.join()
        self._after = None
        self._database = self._opened()
        stopping = False
        while not stopping:
            group, stopping = self._next_group()
            self._work(group)
        self._database.close()

    def _work(self, group: Group) -> None:
        if group.rows or group.changes:
            self._write(group)
            self._done += len(group.rows) + len(group.changes)
            self._announce(group.rows)
        for asked in group.asked:
            self._reply(asked)

    def _opened(self) -> Database:
        try:
            return self._open_database()
        except (OSError, StoreError, DatabaseUnusableError, DatabaseLostError) as error:
            return self._fall_back(error)

    def _write(self, group: Group) -> None:
        """What memory does not take either is lost, and said so: a wait must never outlive this thread's work."""
        try:
            rows = self._clean(group.rows)
            self._insist(lambda there: there.write(rows, group.changes))
        except Exception:
            log.exception("%d analytics events could not be stored", len(group.rows))
        for answer in group.answers:
            answer.set_result(None)

    def _reply(self, asked: _Asked) -> None:
        def job(there: Database) -> None:
            found = asked.job(there)
            self._done += 1
            asked.answer.set_result(found)

        try:
            self._insist(job)
        except Exception as error:  # noqa: BLE001 (it belongs to whoever asked)
            self._done += 1
            asked.answer.set_exception(error)

    def _insist(self, job: Callable[[Database], None]) -> None:
        """Do `job` in the database, in the one that has taken its place, or else in memory, where all goes on then,
        even if it fails there too."""
        error: Exception
        try:
            return job(self._database)
        except DatabaseLostError as lost:
            self.news, error = str(lost) or self.news, lost
            with contextlib.suppress(DatabaseUnusableError, DatabaseLostError, StoreError, OSError):
                self._database.reopen()
                return job(self._database)
        except DatabaseUnusableError as unusable:
            error = unusable
        if self.degraded:
            raise DatabaseUnusableError(str(error)) from error
        self._database.close()
        self._database = self._fall_back(error)
        job(self._database)

    def _fall_back(self, error: Exception) -> Database:
        memory = self._open_memory()
        self.degraded = self.news = _reason(error)
        return memory

    def _next_group(self) -> tuple[Group, bool]:
        group = Group()
        item = self._queue.get()
        self._urgent.wait(_LINGER_S)
        self._urgent.clear()
        with contextlib.suppress(queue.Empty):
            while item is not _STOP:
                group.add(cast("Item", item))
                if len(group.rows) >= _GROUP:
                    break
                item = self._queue.get_nowait()
        return group, item is _STOP

    def _announce(self, rows: list[Row]) -> None:
        if not rows:
            return
        with self._changed:
            self.committed = rows[-1][1]
            ready = [done for ticket, done in self._waiters if ticket <= self.committed]
            self._waiters = [waiter for waiter in self._waiters if waiter[0] > self.committed]
            self._changed.notify_all()
        for done in ready:
            with contextlib.suppress(RuntimeError):  # the waiter's loop is closed: nobody waits any more
                done.get_loop().call_soon_threadsafe(_resolve, done)


def _reason(error: Exception) -> str:
    return error.message if isinstance(error, StoreError) else str(error) or type(error).__name__


def _resolve(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)

"""What this process knows of the sessions that it has open in a store: one number after the other, whichever
orchestrators of the process append to them.
"""

from __future__ import annotations

import asyncio
import json
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, TypeVar

from victor_nb.agent.sessions.tally import Tally
from victor_nb.errors import SessionConflictError, SessionError
from victor_nb.messages import JsonValue
from victor_nb.records import SessionEntry
from victor_nb.store.encode import encode
from victor_nb.store.sessions import ISessionStore

T = TypeVar("T")
Operation: TypeAlias = dict[str, JsonValue]


@dataclass(slots=True)
class Queued:
    """An operation given to the store; `kept` once it is known to be durable."""

    operation: Operation
    receipt: Awaitable[None]
    kept: bool = False


@dataclass
class Journal:
    """A session of the store, open in this process. `first` is the number of the first entry there, `number` the last
    one that was given out, `users` are those who have it open. Hold `lock` for all that reads or changes these. Who
    shortens it holds `upkeep`, and lets it be until the number `try_at`."""

    store: ISessionStore
    name: str
    lock: threading.RLock = field(default_factory=threading.RLock)
    upkeep: threading.Lock = field(default_factory=threading.Lock)
    first: int = 1
    number: int = 0
    try_at: int = 0
    users: set[int] = field(default_factory=set[int])
    tally: Tally = field(default_factory=Tally)
    queued: list[Queued] = field(default_factory=list[Queued])

    def read(self) -> list[Operation]:
        """All operations that the store has, those appended just now included.

        Raises:
            StoreError: the store cannot be read.
            SessionError: what it has cannot be understood.
        """
        entries = self.store.read_entries(self.name)
        operations = decoded(self.name, entries)
        self.first, self.number = (entries[0].number, entries[-1].number) if entries else (1, 0)
        self.tally = tallied(operations)
        self.queued.clear()
        return operations

    def append(self, operations: Sequence[Operation]) -> list[Queued]:
        """Queue them in the store, as one."""
        if not operations:
            return []
        entries = [
            SessionEntry(number, str(operation["kind"]), encode(operation))
            for number, operation in enumerate(operations, self.number + 1)
        ]
        for operation in operations:
            self.tally.add(operation)
        self.number += len(entries)
        receipt = self.store.append_entries(self.name, entries, summary=self.tally.to_json())
        added = [Queued(operation, receipt) for operation in operations]
        self.queued = [*(one for one in self.queued if not one.kept), *added]
        return added

    def refused(self) -> list[Operation]:
        """Those that the store did not take, in order. Blocks.

        Raises:
            StoreError: they could not be kept.
        """

        async def look() -> list[Operation]:
            return [one.operation for one in self.queued if not await _is_kept(one)]

        return _blocking(look)


def wait(queued: Iterable[Queued]) -> None:
    """Blocks until they are durable.

    Raises:
        SessionConflictError: there are such entries already.
        StoreError: they could not be kept.
    """

    async def all_kept() -> None:
        for one in queued:
            await one.receipt
            one.kept = True

    _blocking(all_kept)


async def _is_kept(queued: Queued) -> bool:
    if not queued.kept:
        try:
            await queued.receipt
        except SessionConflictError:
            return False
        queued.kept = True
    return True


def _blocking(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """In a thread of its own: in a notebook an event loop runs in the main thread."""
    with ThreadPoolExecutor(1, "victor-nb-sessions") as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def tallied(operations: Iterable[Mapping[str, Any]]) -> Tally:
    tally = Tally()
    for operation in operations:
        tally.add(operation)
    return tally


def decoded(name: str, entries: Sequence[SessionEntry]) -> list[Operation]:
    """
    Raises:
        SessionError: an entry is missing, or is no JSON object.
    """
    first = entries[0].number if entries and entries[0].kind == "reset" else 1
    if [entry.number for entry in entries] != list(range(first, first + len(entries))):
        raise _unreadable(name, "entries are missing")
    try:
        found: list[Any] = [json.loads(entry.data) for entry in entries]
    except ValueError as error:
        raise _unreadable(name, str(error)) from None
    if not all(isinstance(one, dict) for one in found):
        raise _unreadable(name, "an entry is no JSON object")
    return found


def _unreadable(name: str, why: str) -> SessionError:
    return SessionError(f"the stored session {name!r} cannot be read: {why}.", hint="go on under another name")


_open: Final[weakref.WeakKeyDictionary[ISessionStore, dict[tuple[str, str], Journal]]] = weakref.WeakKeyDictionary()


def journal_of(store: ISessionStore, run_id: str, name: str) -> Journal:
    """The journal of a session, the same for all of one kernel run; a forked child is another run, and must not wait
    for a lock that its parent had."""
    return _open.setdefault(store, {}).setdefault((run_id, name), Journal(store, name))

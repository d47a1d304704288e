"""Entries of a conversation on their way into a database, what became of them, and the errors about sessions."""

from __future__ import annotations

import asyncio
import concurrent.futures
import datetime as dt
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from victor_nb import clock
from victor_nb.errors import SessionConflictError, SessionError, SessionInUseError, StoreError, UsageError
from victor_nb.records import KernelRun, SessionEntry


class SessionName(NamedTuple):
    """What names a session in a store."""

    notebook: str
    session_id: str

    def renamed(self, session_id: str) -> SessionName:
        return SessionName(self.notebook, session_id)


@dataclass
class KeptEntries:
    """`follows` is the time of the entry before them, as far as this kernel knows it: another one of that number is
    somebody else's. `outcome` is set by the database that took them, or refused them because it has `stored` entries of
    the session, or others, or because another kernel has the session."""

    name: SessionName
    entries: tuple[SessionEntry, ...]
    summary: str | None = None
    follows: int | None = None
    outcome: Literal["waiting", "kept", "conflict"] = "waiting"
    stored: int = 0

    @property
    def first(self) -> int:
        return self.entries[0].number

    @property
    def last(self) -> int:
        return self.entries[-1].number

    @property
    def size_bytes(self) -> int:
        return sum(len(entry.data.encode()) for entry in self.entries)

    @property
    def began_at_us(self) -> int:
        return self.entries[0].timestamp_us

    @property
    def ended_at_us(self) -> int:
        return self.entries[-1].timestamp_us


class EntriesReceipt:
    """Awaiting it returns once the entries are durable; not awaiting it is fine as well.

    Raises:
        SessionConflictError: the session has such entries already, or is another kernel's; none of these was kept.
        StoreError: they could not be kept.
    """

    __slots__ = ("_answer", "_forget", "_kept", "_urge")

    def __init__(
        self,
        kept: KeptEntries,
        answer: concurrent.futures.Future[None],
        urge: Callable[[], None],
        forget: Callable[[], None],
    ) -> None:
        self._kept = kept
        self._answer = answer
        self._urge = urge
        self._forget = forget

    def __await__(self) -> Generator[Any, None, None]:
        return self._wait().__await__()

    async def _wait(self) -> None:
        if not self._answer.done():
            self._urge()
            await asyncio.wrap_future(self._answer)
        self.check()

    def result(self) -> None:
        """Blocks, and raises as awaiting it does."""
        if not self._answer.done():
            self._urge()
        self._answer.result()
        self.check()

    def check(self) -> None:
        self._answer.result()
        kept = self._kept
        if kept.outcome != "kept":
            self._forget()
        if kept.outcome == "conflict":
            raise SessionConflictError(
                f"the session {kept.name.session_id!r} has {kept.stored:,} entries in the store, or others, or is "
                f"another kernel's: entry {kept.first:,} was not kept.",
                hint="read it again, or go on under another name",
            )
        if kept.outcome != "kept":
            raise StoreError(f"the session {kept.name.session_id!r} could not be kept.", hint="see the log")


def checked(entries: Sequence[SessionEntry], now_us: int) -> tuple[SessionEntry, ...]:
    """
    Raises:
        UsageError: there are none, or their numbers do not count on by one from 1 or more.
    """
    numbers = [entry.number for entry in entries]
    if not numbers or numbers[0] < 1 or numbers != list(range(numbers[0], numbers[0] + len(numbers))):
        raise UsageError(f"these are no entries that follow: {numbers[:10]}.", hint="entries count 1, 2, 3, …")
    return tuple(entry if entry.timestamp_us else replace(entry, timestamp_us=now_us) for entry in entries)


def unknown_session(name: SessionName) -> SessionError:
    where = f" of {name.notebook}" if name.notebook else ""
    return SessionError(f"there is no session {name.session_id!r}{where} in the store.", hint="list() shows all")


def described(holder: KernelRun) -> str:
    """For people to read."""
    since = clock.local(dt.datetime.fromtimestamp(holder.started_at_us / 1e6, dt.UTC))
    return f"the kernel of {holder.notebook or 'no notebook'} (since {since:%Y-%m-%d %H:%M})"


def in_use(name: SessionName, holder: KernelRun) -> SessionInUseError:
    return SessionInUseError(
        f"the session {name.session_id!r} is open in {described(holder)}.",
        hint="close it there, or fork it here under another name",
        holder=described(holder),
    )

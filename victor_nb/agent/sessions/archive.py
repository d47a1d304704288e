"""Conversations in a store: opened by one kernel at a time, kept operation by operation, and put right when the store
is not as it was left.

It knows operations as JSON and nothing of what they do. Where the store fails, a conversation goes on in memory; one
warning says so.
"""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from victor_nb.agent.capture import Capture
from victor_nb.agent.receipts import NothingRecorded
from victor_nb.agent.sessions.journal import Journal, Operation, Queued, journal_of, wait
from victor_nb.agent.sessions.privacy import redacted, without_views
from victor_nb.agent.sessions.upkeep import shorten_at_once, shorten_in_time
from victor_nb.errors import SessionConflictError, SessionError, SessionInUseError, StoreError
from victor_nb.records import KernelRun
from victor_nb.store.kept import described
from victor_nb.store.sessions import ISessionStore

Snapshot = Callable[[str], Sequence[Operation]]


@dataclass
class _Opened:
    """A session as this archive has it open. `seen` is the last number that its orchestrator knows of; `apart` says why
    the conversation is in memory only, `unread` that it could not be read and nothing was said since; `released` ones
    are held no longer."""

    journal: Journal
    run_id: str
    seen: int = 0
    read_only: KernelRun | None = None
    apart: str | None = None
    unread: bool = False
    released: bool = False
    behind: bool = False


class ConversationArchive:
    """What of conversations is kept, and where.

    Args:
        store: an `ISessionStore`; with any other nothing is kept.
        capture: with the policy `off` nothing is kept; with `redacted`, texts without personal data, and no pictures.
        keep: whether anything is to be kept.
        snapshot: the shortest list of operations that makes a session's conversation as it is in memory. It is written
            down anew when the store has lost the session, or another kernel has it.

    Methods block, but for `save`, and may be called from any thread.
    """

    def __init__(
        self, store: object, *, capture: Capture | None = None, keep: bool = True, snapshot: Snapshot | None = None
    ) -> None:
        self._capture = capture or Capture()
        wanted = keep and self._capture.policy != "off" and isinstance(store, ISessionStore)
        self._store = cast("ISessionStore", store) if wanted else None
        self._snapshot = snapshot
        self._opened: dict[str, _Opened] = {}

    @property
    def store(self) -> ISessionStore | None:
        """Where conversations are kept; None when they are not."""
        return self._store

    def load(self, session_id: str) -> list[Operation]:
        """Open a session: make it this kernel's, and read it. Empty when it is new, or cannot be read or held.

        Raises:
            SessionInUseError: another kernel that is alive has it open.
            SessionError: what is stored cannot be understood.
        """
        store = self._store
        opened = self._of(session_id)
        if store is None or opened is None or self._is_inherited(opened):
            return []
        journal = opened.journal
        with journal.lock:
            try:
                if holder := None if opened.read_only else store.hold(journal.name):
                    self._opened.pop(session_id, None)
                    raise _in_use(session_id, holder)
                operations = journal.read()
            except StoreError as error:
                self._put_apart(session_id, opened, error, begins=not opened.seen)
                opened.unread = True
                return []
            journal.users.add(id(self))
            opened.seen, opened.apart, opened.unread = journal.number, None, False
            opened.released = opened.behind = False
            if any(operation.get("kind") == "reset" for operation in operations[1:]):
                shorten_at_once(journal)  # the kernel that was told to forget did not come to it
            else:
                shorten_in_time(journal)
        return operations

    def look_at(self, session_id: str) -> None:
        """Let the next `load` read a session that another kernel has open, without making it this one's.

        Raises:
            StoreError: the store cannot be read.
        """
        opened = self._of(session_id)
        found = self._store.saved_sessions() if self._store else []
        holder = next((saved.holder for saved in found if saved.session_id == session_id), None)
        if opened and holder and holder.id != opened.run_id:
            opened.read_only = holder

    def changed(self, session_id: str) -> bool:
        """Whether somebody else, such as another orchestrator of this process, has appended since it was read or saved
        here; or it could not be read, and may be now. Costs no look into the store, but for a session that was opened
        to look at.

        Raises:
            SessionInUseError: it was opened to look at, and another kernel still has it.
        """
        opened = self._opened.get(session_id)
        if self._store is None or opened is None or self._is_inherited(opened) or opened.apart:
            return opened is not None and opened.unread
        if opened.read_only:
            if holder := self._store.hold(opened.journal.name):
                raise _in_use(session_id, holder)
            opened.read_only = None
            return True
        return opened.released or opened.seen != opened.journal.number

    def is_stale(self, session_id: str) -> bool:
        """Whether the store may have more of a session than this archive's orchestrator. Never looks into the store."""
        opened = self._opened.get(session_id)
        if self._store is None or opened is None or opened.apart or self._is_inherited(opened):
            return False
        return opened.read_only is not None or opened.seen != opened.journal.number

    def save(self, session_id: str, operation: Operation) -> Awaitable[None]:
        """Queue an operation, behind all that were. What is returned need not be awaited; awaiting it puts right what
        can be, and never raises.

        Raises:
            SessionInUseError: the session was opened to look at, or has become another kernel's since it was released.
        """
        opened = self._opened.get(session_id)
        if opened is None or self._is_inherited(opened):
            return NothingRecorded()
        if opened.read_only:
            raise _in_use(session_id, opened.read_only)
        if opened.released:
            self._take_up(session_id, opened)
        operation = self.as_kept(operation)
        with opened.journal.lock:
            opened.unread = False
            if opened.apart:
                return _Saved(self, session_id, None)
            if opened.seen != opened.journal.number:
                operation = self._put_behind(session_id, opened, operation)
            (queued,) = opened.journal.append([operation])
            if not opened.behind:
                opened.seen = opened.journal.number
            if operation.get("kind") == "reset":
                shorten_at_once(opened.journal)
            else:
                shorten_in_time(opened.journal)
        return _Saved(self, session_id, queued)

    def release(self, session_id: str) -> None:
        """Let others have the session; what was queued is kept. It is opened again by `load`."""
        opened = self._opened.get(session_id)
        if opened is None or self._store is None or self._is_inherited(opened):
            return
        journal = opened.journal
        with journal.upkeep, journal.lock:
            journal.users.discard(id(self))
            if not opened.read_only and not journal.users and not opened.apart:
                self._store.release(journal.name)
        opened.released = True

    def close(self) -> None:
        """Release all sessions."""
        for session_id in list(self._opened):
            self.release(session_id)

    def forget(self, session_id: str) -> None:
        """It was renamed or deleted: whoever else has it open in this process reads it anew."""
        if opened := self._opened.pop(session_id, None):
            opened.journal.number = -1

    def stored_name(self, session_id: str) -> str:
        """Under which name it is kept: another one when another kernel went on with that."""
        opened = self._opened.get(session_id)
        return opened.journal.name if opened else session_id

    def as_kept(self, operation: Operation) -> Operation:
        """What may be kept of it."""
        return redacted(operation, self._capture.redact) if self._capture.policy == "redacted" else operation

    def _of(self, session_id: str) -> _Opened | None:
        if self._store is None:
            return None
        if session_id not in self._opened:
            run_id = self._run_id()
            self._opened[session_id] = _Opened(journal_of(self._store, run_id, session_id), run_id)
        return self._opened[session_id]

    def _run_id(self) -> str:
        return str(getattr(self._store, "kernel_run_id", ""))

    def _is_inherited(self, opened: _Opened) -> bool:
        """In a forked child the session is its parent's still; its locks may never be let go."""
        if opened.run_id == self._run_id():
            return False
        if opened.apart is None:
            opened.apart = "this process was forked"
            _warn(f"the session {opened.journal.name!r} is its parent process's: what is said here is not kept.")
        return True

    def _put_apart(self, session_id: str, opened: _Opened, error: StoreError, *, begins: bool = False) -> None:
        if opened.apart is None and begins:
            _warn(
                f"the session {session_id!r} begins empty and is kept in memory only, because the store cannot be "
                f"read: {error} What it has of this session stays there; what is said here before that can be read is "
                "kept as another session."
            )
        elif opened.apart is None:
            _warn(f"the session {session_id!r} is kept in memory only: {error}")
        opened.apart = error.message

    def _take_up(self, session_id: str, opened: _Opened) -> None:
        """It was released, and is used again."""
        before = opened.seen
        self.load(session_id)
        opened.seen = before

    def _put_behind(self, session_id: str, opened: _Opened, operation: Operation) -> Operation:
        if not opened.behind:
            _warn(f"the session {session_id!r} went on elsewhere in this process meanwhile: this turn comes behind.")
        opened.behind = True
        return without_views(operation)

    async def _settle(self, session_id: str, queued: Queued | None) -> None:
        """Wait for what was saved; put right what the store refused."""
        try:
            if queued is not None:
                await queued.receipt
                queued.kept = True
                return
        except SessionConflictError:
            pass
        except StoreError as error:
            self._put_apart(session_id, self._opened[session_id], error)
            return
        operations = [self.as_kept(one) for one in self._snapshot(session_id)] if self._snapshot else None
        await asyncio.to_thread(self._mend, session_id, operations)

    def _mend(self, session_id: str, snapshot: Sequence[Operation] | None) -> None:
        opened = self._opened.get(session_id)
        if opened is None or self._store is None:
            return
        with opened.journal.lock:
            try:
                self._put_right(session_id, opened, snapshot)
            except (StoreError, SessionError) as error:
                if opened.apart is None:
                    _warn(f"the session {session_id!r} is kept in memory only: {error}")
                opened.apart = error.message

    def _put_right(self, session_id: str, opened: _Opened, snapshot: Sequence[Operation] | None) -> None:
        """By what the store has now. Nothing: all of it is written again. More than was known: what it refused goes
        behind that. Another kernel has it, or it is another conversation: it is kept under a name of its own."""
        assert self._store
        journal, store = opened.journal, self._store
        refused = [] if opened.apart else journal.refused()
        if not refused and not opened.apart:
            return  # another turn has seen to it
        holder = store.hold(journal.name)
        stored = [] if holder else journal.read()
        if holder is None and not stored and snapshot is not None:
            wait(journal.append(snapshot))
            opened.seen = journal.number
        elif holder is None and not opened.apart:
            wait(journal.append([without_views(operation) for operation in refused]))
            opened.seen, opened.behind = -1, True
            _warn(f"the session {session_id!r} was changed by another kernel: this turn comes behind what it said.")
        elif snapshot is not None:
            self._branch(session_id, opened, snapshot, holder)
        else:
            raise StoreError(f"{described(holder)} has it." if holder else "it is another conversation.")
        opened.apart = None

    def _branch(
        self, session_id: str, opened: _Opened, snapshot: Sequence[Operation], holder: KernelRun | None
    ) -> None:
        assert self._store
        name = f"{session_id} (kept by {opened.run_id[-8:]})"
        if self._store.hold(name) or self._store.read_entries(name):
            raise StoreError(f"{name!r} is there already.")
        journal = journal_of(self._store, opened.run_id, name)
        wait(journal.append(snapshot))
        journal.users.add(id(self))
        opened.journal.users.discard(id(self))
        opened.journal, opened.seen, opened.apart = journal, journal.number, None
        who = f" went on in {described(holder)}" if holder else " is another one in the store"
        _warn(f"the session {session_id!r}{who}: what was said here is kept as {name!r}.")


class _Saved:
    """What `save` returns: to be awaited or not, any number of times."""

    def __init__(self, archive: ConversationArchive, session_id: str, queued: Queued | None) -> None:
        self._parts = (archive, session_id, queued)

    def __await__(self) -> Generator[Any, None, None]:
        archive, session_id, queued = self._parts
        return archive._settle(session_id, queued).__await__()  # pyright: ignore[reportPrivateUsage]


def _in_use(session_id: str, holder: KernelRun) -> SessionInUseError:
    return SessionInUseError(
        f"the session {session_id!r} is open in {described(holder)}, and two histories must not be mixed.",
        hint=f"fork it, as in sessions.fork({session_id!r}, {session_id + '-2'!r}), or look at it only, with "
        f"sessions.open({session_id!r}, read_only=True)",
        holder=described(holder),
    )


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)

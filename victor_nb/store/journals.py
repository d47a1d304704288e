"""Journals of conversations in SQLite: numbered entries of a session, and the kernel run that has it open.

Works in the caller's transaction. What is written goes to `main`, because `sessions` and `session_entries` may be views
on a file and memory together (`schema.overlay`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from victor_nb.errors import SessionError
from victor_nb.records import KernelRun, SavedSession, SessionEntry
from victor_nb.store.kept import KeptEntries, SessionName, in_use, unknown_session
from victor_nb.store.runs import is_alive

_NAMED: Final = "notebook = ? AND session_id = ?"
_HOLDER: Final = "r.id, r.notebook, r.started_at_us, r.ended_at_us, r.host, r.pid, r.process_stamp"
_FIND: Final = f"""
SELECT s.number, s.entries, {_HOLDER} FROM main.sessions s LEFT JOIN main.runs r ON r.id = s.holder
WHERE s.notebook = ? AND s.session_id = ?
"""  # noqa: S608 (of constants)
_LIST: Final = f"""
SELECT s.session_id, s.notebook, s.entries, s.size_bytes, s.created_at_us, s.updated_at_us, s.summary, {_HOLDER}
FROM sessions s LEFT JOIN runs r ON r.id = s.holder WHERE s.entries > 0 AND (?1 IS NULL OR s.notebook = ?1)
ORDER BY s.updated_at_us DESC, s.number DESC
"""  # noqa: S608 (of constants)
_READ: Final = """
SELECT e.number, e.kind, e.data, e.timestamp_us FROM sessions s JOIN session_entries e ON e.session = s.number
WHERE s.notebook = ? AND s.session_id = ? AND e.number > ? ORDER BY e.number
"""


def hold(connection: sqlite3.Connection, name: SessionName, owner: str) -> KernelRun | None:
    """Make the session the run's, or give the live run whose it is."""
    _, _, holder = _find(connection, name)
    if holder and holder.alive and holder.id != owner:
        return holder
    connection.execute(
        "INSERT INTO main.sessions (notebook, session_id, holder) VALUES (?, ?, ?) "
        "ON CONFLICT (notebook, session_id) DO UPDATE SET holder = excluded.holder",
        (*name, owner),
    )
    return None


def release(connection: sqlite3.Connection, name: SessionName, owner: str) -> None:
    held = f"{_NAMED} AND holder = ?"
    connection.execute(f"DELETE FROM main.sessions WHERE {held} AND entries = 0", (*name, owner))  # noqa: S608
    connection.execute(f"UPDATE main.sessions SET holder = NULL WHERE {held}", (*name, owner))  # noqa: S608


def release_all(connection: sqlite3.Connection, owner: str) -> None:
    """The run has ended."""
    connection.execute("DELETE FROM main.sessions WHERE holder = ? AND entries = 0", (owner,))
    connection.execute("UPDATE main.sessions SET holder = NULL WHERE holder = ?", (owner,))


def append(connection: sqlite3.Connection, kept: KeptEntries, owner: str) -> None:
    """Unless they do not follow what is there, or a live kernel other than `owner` has the session; see `kept`."""
    session, last, holder = _find(connection, kept.name)
    foreign = holder is not None and holder.alive and holder.id != owner
    if foreign or kept.first != last + 1 or not _follows(connection, session, kept):
        kept.stored = last
        kept.outcome = "kept" if _has(connection, session, kept.entries) else "conflict"
        return
    session = session or _new(connection, kept)
    _insert(connection, session, kept.entries)
    connection.execute(
        "UPDATE main.sessions SET entries = ?, size_bytes = size_bytes + ?, summary = coalesce(?, summary), "
        "created_at_us = coalesce(created_at_us, ?), updated_at_us = ? WHERE number = ?",
        (kept.last, kept.size_bytes, kept.summary, kept.began_at_us, kept.ended_at_us, session),
    )
    kept.outcome = "kept"


def shorten(connection: sqlite3.Connection, name: SessionName, entries: Sequence[SessionEntry], owner: str) -> bool:
    """Put `entries` in the place of all, unless there is more than they stand for, or a live kernel other than `owner`
    has the session."""
    session, last, holder = _find(connection, name)
    foreign = holder is not None and holder.alive and holder.id != owner
    if session is None or foreign or last != entries[-1].number or not _ends(connection, session, entries[-1]):
        return False
    connection.execute("DELETE FROM main.session_entries WHERE session = ?", (session,))
    _insert(connection, session, entries)
    size_bytes = sum(len(entry.data.encode()) for entry in entries)
    connection.execute("UPDATE main.sessions SET size_bytes = ? WHERE number = ?", (size_bytes, session))
    return True


def read(connection: sqlite3.Connection, name: SessionName, after: int) -> list[SessionEntry]:
    return [SessionEntry(*row) for row in connection.execute(_READ, (*name, after))]


def saved(connection: sqlite3.Connection, notebook: str | None) -> list[SavedSession]:
    """Those of a notebook, or of all; those changed last come first."""
    holders: dict[str | None, KernelRun | None] = {None: None}
    found: list[SavedSession] = []
    for *session, summary, run_id, run_notebook, started, ended, host, pid, stamp in connection.execute(
        _LIST, (notebook,)
    ):
        if run_id not in holders:
            run = _run((run_id, run_notebook, started, ended, host, pid, stamp))
            holders[run_id] = run if run and run.alive else None
        found.append(SavedSession(*session, holder=holders[run_id], summary=summary))
    return found


def rename(connection: sqlite3.Connection, name: SessionName, new: str, owner: str) -> None:
    """
    Raises:
        SessionError: there is no such session, or there is one of the new name.
        SessionInUseError: another kernel that is alive has it open.
    """
    session, last, holder = _find(connection, name)
    if session is None or not last:
        raise unknown_session(name)
    if holder and holder.alive and holder.id != owner:
        raise in_use(name, holder)
    if new == name.session_id:
        return
    there, taken, holder = _find(connection, name.renamed(new))
    if taken or (holder and holder.alive and holder.id != owner):
        raise SessionError(f"there is a session {new!r} already.", hint="choose another name, or delete that one")
    connection.execute("DELETE FROM main.sessions WHERE number = ?", (there,))
    connection.execute("UPDATE main.sessions SET session_id = ? WHERE number = ?", (new, session))


def delete(connection: sqlite3.Connection, name: SessionName, owner: str) -> bool:
    """Whether there was one. Raises SessionInUseError when another kernel that is alive has it open."""
    session, last, holder = _find(connection, name)
    if session is None:
        return False
    if holder and holder.alive and holder.id != owner:
        raise in_use(name, holder)
    connection.execute("DELETE FROM main.session_entries WHERE session = ?", (session,))
    connection.execute("DELETE FROM main.sessions WHERE number = ?", (session,))
    return last > 0


def _find(connection: sqlite3.Connection, name: SessionName) -> tuple[int | None, int, KernelRun | None]:
    """Number, last entry and holder of a session."""
    found = connection.execute(_FIND, tuple(name)).fetchone()
    return (found[0], found[1], _run(found[2:])) if found else (None, 0, None)


def _run(row: Sequence[Any]) -> KernelRun | None:
    run_id, notebook, started, ended, *process = row
    if run_id is None:
        return None
    return KernelRun(run_id, notebook, started, ended, ended is None and is_alive(*process))


def _has(connection: sqlite3.Connection, session: int | None, entries: Sequence[SessionEntry]) -> bool:
    """Whether they are there already: a commit may have succeeded unseen."""
    found = connection.execute(
        "SELECT number, kind, data, timestamp_us FROM session_entries WHERE session = ? "
        "AND number BETWEEN ? AND ? ORDER BY number",
        (session, entries[0].number, entries[-1].number),
    )
    return [SessionEntry(*row) for row in found] == list(entries)


def _follows(connection: sqlite3.Connection, session: int | None, kept: KeptEntries) -> bool:
    return kept.follows is None or _time_of(connection, session, kept.first - 1) == kept.follows


def _ends(connection: sqlite3.Connection, session: int, last: SessionEntry) -> bool:
    return _time_of(connection, session, last.number) == last.timestamp_us


def _time_of(connection: sqlite3.Connection, session: int | None, number: int) -> int | None:
    find = "SELECT timestamp_us FROM session_entries WHERE session = ? AND number = ?"
    found = connection.execute(find, (session, number)).fetchone()
    return found[0] if found else None


def _insert(connection: sqlite3.Connection, session: int, entries: Sequence[SessionEntry]) -> None:
    connection.executemany(
        "INSERT INTO main.session_entries (session, number, kind, data, timestamp_us) VALUES (?, ?, ?, ?, ?)",
        [(session, entry.number, entry.kind, entry.data, entry.timestamp_us) for entry in entries],
    )


def _new(connection: sqlite3.Connection, kept: KeptEntries) -> int:
    insert = "INSERT INTO main.sessions (notebook, session_id) VALUES (?, ?) RETURNING number"
    return connection.execute(insert, tuple(kept.name)).fetchone()[0]

"""Journals of conversations in PostgreSQL: the rules of `journals.py`, for kernels on many computers.

Works in the caller's transaction. `key` stands for notebook and session id, which may be too long for an index.
"""

# ruff: noqa: S608 (statements are put together from the constants of this module)
from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Sequence
from typing import Any, Final

from victor_nb.errors import SessionError
from victor_nb.records import KernelRun, SavedSession, SessionEntry
from victor_nb.store.kept import KeptEntries, SessionName, in_use, unknown_session
from victor_nb.store.postgres_runs import HELD, lives
from victor_nb.store.postgres_server import Connection

log = logging.getLogger(__name__)

_HOLDER: Final = f"""r.id, r.notebook, r.started_at_us, r.ended_at_us, r.host, r.pid, r.process_stamp,
    r.number IN ({HELD}), pg_postmaster_start_time() > now() - interval '1 minute'"""
_FIND: Final = f"""
SELECT s.number, s.entries, {_HOLDER} FROM sessions s LEFT JOIN runs r ON r.id = s.holder WHERE s.key = %s
"""
_LIST: Final = f"""
SELECT s.session_id, s.notebook, s.entries, s.size_bytes, s.created_at_us, s.updated_at_us, s.summary, {_HOLDER}
FROM sessions s LEFT JOIN runs r ON r.id = s.holder
WHERE s.entries > 0 AND (%s::text IS NULL OR s.notebook = %s) ORDER BY s.updated_at_us DESC, s.number DESC
"""
_READ: Final = """
SELECT e.number, e.kind, e.data, e.timestamp_us FROM sessions s JOIN session_entries e ON e.session = s.number
WHERE s.key = %s AND e.number > %s ORDER BY e.number
"""
_INSERT: Final = """
INSERT INTO session_entries (session, number, kind, data, timestamp_us)
SELECT %s, number, kind, data, timestamp_us
FROM json_to_recordset(%s::json) AS e(number bigint, kind text, data text, timestamp_us bigint)
"""
_Found = tuple[int | None, int, KernelRun | None]


def lock(connection: Connection, locks: int) -> None:
    """Whoever looks whose a session is, and changes that, does so alone."""
    connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (locks,))


def hold(connection: Connection, locks: int, name: SessionName, owner: str) -> KernelRun | None:
    """Make the session the run's, or give the live run whose it is."""
    lock(connection, locks)
    _, _, holder = _find(connection, locks, name)
    if _is_foreign(holder, owner):
        return holder
    connection.execute(
        "INSERT INTO sessions (key, notebook, session_id, holder) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (key) DO UPDATE SET holder = excluded.holder",
        (_key(name), *name, owner),
    )
    return None


def release(connection: Connection, name: SessionName, owner: str) -> None:
    values = (_key(name), owner)
    connection.execute("DELETE FROM sessions WHERE key = %s AND holder = %s AND entries = 0", values)
    connection.execute("UPDATE sessions SET holder = NULL WHERE key = %s AND holder = %s", values)


def release_all(connection: Connection, run: int) -> None:
    """The run has ended."""
    holder = "holder = (SELECT id FROM runs WHERE number = %s)"
    connection.execute(f"DELETE FROM sessions WHERE {holder} AND entries = 0".encode(), (run,))
    connection.execute(f"UPDATE sessions SET holder = NULL WHERE {holder}".encode(), (run,))


def append(connection: Connection, locks: int, kept: KeptEntries, owner: str) -> bool:
    """Unless they do not follow what is there, or a live kernel other than `owner` has the session; see `kept`."""
    _stop_others(connection, kept.name)
    session, last, holder = _find(connection, locks, kept.name)
    if _is_foreign(holder, owner) or kept.first != last + 1 or not _follows(connection, session, kept):
        kept.stored = last
        kept.outcome = "kept" if _has(connection, session, kept.entries) else "conflict"
        return kept.outcome == "kept"
    _insert(connection, session or _new(connection, kept.name), kept)
    kept.outcome = "kept"
    return True


def append_late(connection: Connection, locks: int, kept: KeptEntries, owner: str) -> None:
    """What waited while the server was away: where another kernel went on with the session, it becomes one of its own,
    `NAME (kept by 1234abcd)`, behind the entries that both have."""
    if append(connection, locks, kept, owner):
        return
    branch = kept.name.renamed(f"{kept.name.session_id} (kept by {owner[-8:]})")
    if _find(connection, locks, branch)[0] is None:
        log.warning("another kernel went on with the session %r: see %r too", kept.name.session_id, branch.session_id)
        _copy_before(connection, kept, branch)
    kept.name = branch
    if not append(connection, locks, kept, owner):
        log.error("entries of the session %r that waited could not be kept", branch.session_id)


def shorten(connection: Connection, locks: int, name: SessionName, entries: Sequence[SessionEntry], owner: str) -> bool:
    """Put `entries` in the place of all, unless there is more than they stand for, or a live kernel other than `owner`
    has the session."""
    lock(connection, locks)
    _stop_others(connection, name)
    session, last, holder = _find(connection, locks, name)
    ends = session is not None and _time_of(connection, session, last) == entries[-1].timestamp_us
    if session is None or _is_foreign(holder, owner) or last != entries[-1].number or not ends:
        return False
    connection.execute("DELETE FROM session_entries WHERE session = %s", (session,))
    _insert_entries(connection, session, entries)
    size_bytes = sum(len(entry.data.encode()) for entry in entries)
    connection.execute("UPDATE sessions SET size_bytes = %s WHERE number = %s", (size_bytes, session))
    return True


def _copy_before(connection: Connection, kept: KeptEntries, branch: SessionName) -> None:
    """Where they were shortened meanwhile, with what came behind them, they cannot be told apart any more."""
    values = {"new": _new(connection, branch), "key": _key(kept.name), "first": kept.first, "follows": kept.follows}
    connection.execute(
        "INSERT INTO session_entries (session, number, kind, data, timestamp_us) SELECT %(new)s, e.number, e.kind, "
        "e.data, e.timestamp_us FROM session_entries e JOIN sessions s ON s.number = e.session WHERE s.key = %(key)s "
        "AND e.number < %(first)s AND EXISTS (SELECT 1 FROM session_entries t WHERE t.session = s.number "
        "AND (t.number = 1 OR (t.number = %(first)s - 1 AND t.timestamp_us = %(follows)s)))",
        values,
    )
    connection.execute(
        "INSERT INTO session_entries (session, number, kind, data, timestamp_us) SELECT %(new)s, %(first)s - 1, "
        "'reset', %(reset)s, coalesce(%(follows)s, 0) WHERE %(first)s > 1 "
        "AND NOT EXISTS (SELECT 1 FROM session_entries WHERE session = %(new)s)",
        {**values, "reset": '{"kind":"reset"}'},
    )
    connection.execute(
        "UPDATE sessions SET entries = %(first)s - 1, created_at_us = (SELECT created_at_us FROM sessions "
        "WHERE key = %(key)s), size_bytes = (SELECT coalesce(sum(octet_length(data)), 0) FROM session_entries "
        "WHERE session = %(new)s) WHERE number = %(new)s",
        values,
    )


def read(connection: Connection, name: SessionName, after: int) -> list[SessionEntry]:
    return [SessionEntry(*row) for row in connection.execute(_READ, (_key(name), after))]


def saved(connection: Connection, locks: int, notebook: str | None) -> list[SavedSession]:
    """Those of a notebook, or of all; those changed last come first."""
    found: list[SavedSession] = []
    for row in connection.execute(_LIST.encode(), (locks, notebook, notebook)):
        holder = _run(row[7:])
        found.append(SavedSession(*row[:6], holder=holder if holder and holder.alive else None, summary=row[6]))
    return found


def rename(connection: Connection, locks: int, name: SessionName, new: str, owner: str) -> None:
    """
    Raises:
        SessionError: there is no such session, or there is one of the new name.
        SessionInUseError: another kernel that is alive has it open.
    """
    lock(connection, locks)
    session, last, holder = _find(connection, locks, name)
    if session is None or not last:
        raise unknown_session(name)
    if holder and _is_foreign(holder, owner):
        raise in_use(name, holder)
    if new == name.session_id:
        return
    there, taken, holder = _find(connection, locks, name.renamed(new))
    if taken or _is_foreign(holder, owner):
        raise SessionError(f"there is a session {new!r} already.", hint="choose another name, or delete that one")
    connection.execute("DELETE FROM sessions WHERE number = %s", (there,))
    values = (_key(name.renamed(new)), new, session)
    connection.execute("UPDATE sessions SET key = %s, session_id = %s WHERE number = %s", values)


def delete(connection: Connection, locks: int, name: SessionName, owner: str) -> bool:
    """Whether there was one. Raises SessionInUseError when another kernel that is alive has it open."""
    lock(connection, locks)
    session, last, holder = _find(connection, locks, name)
    if session is None:
        return False
    if holder and _is_foreign(holder, owner):
        raise in_use(name, holder)
    connection.execute("DELETE FROM session_entries WHERE session = %s", (session,))
    connection.execute("DELETE FROM sessions WHERE number = %s", (session,))
    return last > 0


def _key(name: SessionName) -> str:
    return hashlib.sha256("\0".join(name).encode()).hexdigest()


def _find(connection: Connection, locks: int, name: SessionName) -> _Found:
    """Number, last entry and holder of a session."""
    found = connection.execute(_FIND.encode(), (locks, _key(name))).fetchone()
    return (found[0], found[1], _run(found[2:])) if found else (None, 0, None)


def _run(row: Sequence[Any]) -> KernelRun | None:
    run_id, notebook, started, ended, *life = row
    return None if run_id is None else KernelRun(run_id, notebook, started, ended, lives(ended, *life))


def _is_foreign(holder: KernelRun | None, owner: str) -> bool:
    return holder is not None and holder.alive and holder.id != owner


def _has(connection: Connection, session: int | None, entries: Sequence[SessionEntry]) -> bool:
    """Whether they are there already: a commit may have succeeded unseen."""
    found = connection.execute(
        "SELECT number, kind, data, timestamp_us FROM session_entries WHERE session = %s "
        "AND number BETWEEN %s AND %s ORDER BY number",
        (session, entries[0].number, entries[-1].number),
    )
    return [SessionEntry(*row) for row in found] == list(entries)


def _follows(connection: Connection, session: int | None, kept: KeptEntries) -> bool:
    return kept.follows is None or _time_of(connection, session, kept.first - 1) == kept.follows


def _time_of(connection: Connection, session: int | None, number: int) -> int | None:
    find = "SELECT timestamp_us FROM session_entries WHERE session = %s AND number = %s"
    found = connection.execute(find, (session, number)).fetchone()
    return found[0] if found else None


def _stop_others(connection: Connection, name: SessionName) -> None:
    """Nobody appends to the session until this transaction is over."""
    connection.execute("SELECT 1 FROM sessions WHERE key = %s FOR UPDATE", (_key(name),))


def _new(connection: Connection, name: SessionName) -> int:
    insert = (
        "INSERT INTO sessions (key, notebook, session_id) VALUES (%s, %s, %s) "
        "ON CONFLICT (key) DO UPDATE SET session_id = excluded.session_id RETURNING number"
    )
    return connection.execute(insert, (_key(name), *name)).fetchall()[0][0]


def _insert_entries(connection: Connection, session: int, entries: Sequence[SessionEntry]) -> None:
    connection.execute(_INSERT, (session, json.dumps([dataclasses.asdict(entry) for entry in entries])))


def _insert(connection: Connection, session: int, kept: KeptEntries) -> None:
    _insert_entries(connection, session, kept.entries)
    connection.execute(
        "UPDATE sessions SET entries = %s, size_bytes = size_bytes + %s, summary = coalesce(%s, summary), "
        "created_at_us = coalesce(created_at_us, %s), updated_at_us = %s WHERE number = %s",
        (kept.last, kept.size_bytes, kept.summary, kept.began_at_us, kept.ended_at_us, session),
    )

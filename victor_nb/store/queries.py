"""`EventQuery` as SQL, and what runs look like: how a SQLite store is read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from victor_nb.records import EventQuery, KernelRun, StoredEvent
from victor_nb.store.encode import mended_text
from victor_nb.store.migrations import TURN_COLUMNS
from victor_nb.store.runs import is_alive

_EVENT: Final = (
    "id", "seq", "session_id", "type", "timestamp_us", "turn_id", "data", "content", "kernel_run_id", "position",
    "channel",
)  # fmt: skip
COLUMNS: Final = {name: "r.id" if name == "kernel_run_id" else f"e.{name}" for name in (*_EVENT, *TURN_COLUMNS)}
"""What `SQLiteStore.rows` can read, by name."""

_RUNS: Final = """
SELECT r.id, r.notebook, r.started_at_us, r.ended_at_us, max(coalesce(e.last_seq, 0), r.pruned_seq),
    coalesce(e.stored, 0), r.pruned_seq, r.host, r.pid, r.process_stamp
FROM runs r LEFT JOIN (SELECT run, max(seq) AS last_seq, count(*) AS stored FROM events GROUP BY run) e
ON e.run = r.number ORDER BY r.number
"""
_SOME: Final = 16
_INDEXED: Final = {
    "turn_started": {"position", "type", "turn_id", "session_id", "timestamp_us", "kernel_run_id"},
    "feedback_given": {"position", "type", "turn_id", "session_id", "timestamp_us", "kernel_run_id"},
    "turn_completed": {"position", "type", "turn_id", "session_id", "timestamp_us", "kernel_run_id", *TURN_COLUMNS},
}


def runs(connection: sqlite3.Connection) -> list[KernelRun]:
    """Every kernel run, oldest first."""
    return [
        KernelRun(run_id, notebook, started, ended, ended is None and is_alive(*process), last_seq, stored, pruned)
        for run_id, notebook, started, ended, last_seq, stored, pruned, *process in connection.execute(_RUNS)
    ]


def events(connection: sqlite3.Connection, query: EventQuery, *, indexes: bool) -> list[StoredEvent]:
    sql, values = selection(query, _EVENT, indexes=indexes)
    found = connection.execute(sql, values)
    if query.max_bytes is None:
        return [StoredEvent(*row) for row in found]
    return list(_up_to(found, query.max_bytes))


def _up_to(rows: Iterator[Any], max_bytes: int) -> Iterator[StoredEvent]:
    """JSON text is ASCII here, so its length is its bytes."""
    size = 0
    for row in rows:
        event = StoredEvent(*row)
        yield event
        size += len(event.data) + len(event.content or "")
        if size >= max_bytes:
            return


def rows(
    connection: sqlite3.Connection, query: EventQuery, columns: Sequence[str], *, indexes: bool, ordered: bool = True
) -> list[tuple[Any, ...]]:
    """`indexes` says whether `events` is a table, whose indexes can be named, and not a view."""
    sql, values = selection(query, columns, indexes=indexes, ordered=ordered)
    found = connection.execute(sql, values)
    texts = [place for place, name in enumerate(columns) if name in ("data", "content")]
    if query.max_bytes is None or not texts:
        return found.fetchall()
    return list(_rows_up_to(found, texts, query.max_bytes))


def _rows_up_to(found: sqlite3.Cursor, texts: Sequence[int], max_bytes: int) -> Iterator[Any]:
    """A few rows more than that, so that they need not be looked at one by one."""
    size = 0
    while size < max_bytes and (some := found.fetchmany(_SOME)):
        yield from some
        size += sum([len(row[place] or "") for place in texts for row in some])


def selection(
    query: EventQuery, columns: Sequence[str], *, indexes: bool = False, ordered: bool = True
) -> tuple[str, list[Any]]:
    index = _covering(query, columns) if indexes else ""
    where, values = _conditions(query, in_order=indexes and ordered and not index)
    source = f"events e{index} JOIN runs r ON r.number = e.run"
    order = f" ORDER BY e.position {'DESC' if query.newest_first else 'ASC'}" if ordered else ""
    sql = f"SELECT {', '.join(COLUMNS[name] for name in columns)} FROM {source}{where}{order}"  # noqa: S608
    return (f"{sql} LIMIT ?", [*values, query.limit]) if query.limit is not None else (sql, values)


def _covering(query: EventQuery, columns: Sequence[str]) -> str:
    """Name the index that holds all that is asked for; left to itself, SQLite goes through the table for its order."""
    types = list(query.types or ())
    if len(types) == 1 and set(columns) <= _INDEXED.get(types[0], set()) and query.channel is None:
        return f" INDEXED BY events_{types[0]}"
    return ""


def _conditions(query: EventQuery, *, in_order: bool) -> tuple[str, list[Any]]:
    parts = [
        *_run_conditions(query, in_order=in_order and query.channel is None and query.session_id is None),
        ("e.run IN (SELECT number FROM runs WHERE notebook = ?)", _as_stored(query.notebook)),
        ("e.session_id = ?", _as_stored(query.session_id)),
        _type_condition(query.types),
        ("e.channel = ?", query.channel),
        ("e.timestamp_us >= ?", query.since_us),
        ("e.timestamp_us < ?", query.until_us),
        ("e.position > ?", query.after_position or None),
        ("e.position IN (SELECT value FROM json_each(?))", _listed(query.positions)),
    ]
    chosen = [(part, value) for part, value in parts if value is not None]
    where = " AND ".join(part for part, _ in chosen)
    return (f" WHERE {where}" if where else ""), [value for part, value in chosen if "?" in part]


def _run_conditions(query: EventQuery, *, in_order: bool) -> list[tuple[str, str | None]]:
    """One run's events stand together in the table, but for those of kernels of the same time: to go through that part
    gives them in order. An index would have to be sorted, but for one channel's. Several runs are gone through so where
    they are read page after page, each of which would be sorted anew; a page begins where the one before it ended."""
    run_ids, by_page = query.kernel_run_ids, query.limit is not None
    run = "+e.run" if in_order and (by_page or (run_ids is not None and len(run_ids) == 1)) else "e.run"
    if run_ids is None or len(run_ids) != 1:
        return [(f"{run} IN (SELECT number FROM runs WHERE id IN (SELECT value FROM json_each(?)))", _listed(run_ids))]  # noqa: S608 (of constants)
    number = "(SELECT number FROM runs WHERE id = ?)"
    if not in_order:
        return [(f"e.run = {number}", run_ids[0])]
    edge = f"(SELECT position FROM events WHERE run = {number} ORDER BY seq"  # noqa: S608 (of constants)
    begin = None if query.after_position else run_ids[0]
    return [
        (f"+e.run = {number}", run_ids[0]),
        (f"e.position >= {edge} LIMIT 1)", begin),
        (f"e.position <= {edge} DESC LIMIT 1)", run_ids[0]),
    ]


def _type_condition(types: Sequence[str] | None) -> tuple[str, str | None]:
    if types is not None and len(types) == 1 and types[0] in _INDEXED:
        return f"e.type = '{types[0]}'", types[0]  # a partial index wants to see the type
    return "e.type IN (SELECT value FROM json_each(?))", _listed(types)


def _as_stored(text: str | None) -> str | None:
    return None if text is None else mended_text(text)


def _listed(values: Sequence[object] | None) -> str | None:
    return None if values is None else json.dumps(list(values))

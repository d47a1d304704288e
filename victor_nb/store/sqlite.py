"""The SQLite store: one file for all notebooks of a user, several kernels at once.

It opens its file at the first event, in its writer's thread, so that making one costs nothing. Reads go through a
second connection of the same library; the file is never opened by another SQLite in the process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from victor_nb.errors import StoreError
from victor_nb.messages import new_id
from victor_nb.protocols import EventQuery, KernelRun, StoredEvent
from victor_nb.store import schema
from victor_nb.store.encode import encode, mended_text
from victor_nb.store.runs import host, is_alive, process_stamp
from victor_nb.store.writer import Receipt, Writer

_COLUMNS = "e.id, e.seq, e.session_id, e.type, e.timestamp_us, e.turn_id, e.data, e.content, r.id, e.position"
_AFTER_ANY_FILE = 1 << 40
_RUNS = """
SELECT r.id, r.notebook, r.started_at_us, r.ended_at_us, coalesce(e.last_seq, 0), coalesce(e.stored, 0),
       r.host, r.pid, r.process_stamp
FROM runs r LEFT JOIN (SELECT run, max(seq) AS last_seq, count(*) AS stored FROM events GROUP BY run) e
ON e.run = r.number ORDER BY r.number
"""

_stores: weakref.WeakSet[SQLiteStore] = weakref.WeakSet()
_inherited: list[sqlite3.Connection | None] = []


class SQLiteStore:
    """Events in the file `path`, or in memory when `path` is None.

    `notebook` is the path of the notebook that this kernel runs, if known: frames select by it.
    """

    def __init__(self, path: Path | None = None, *, notebook: str | None = None) -> None:
        self._path = path
        self._notebook = notebook
        self._begin_run()
        _stores.add(self)

    def _begin_run(self) -> None:
        """Start from nothing, as a new run; also in a forked child, which has none of its parent's threads."""
        self._kernel_run_id = new_id()
        self._memory_name = f"file:victor-nb-{self._kernel_run_id}?mode=memory&cache=shared"
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._reader: sqlite3.Connection | None = None
        self._writer: Writer | None = None
        self._reading_memory = False
        self._memory_ready = threading.Event()
        self._seq = 0
        self._warned = False
        self._cursors: dict[str, int] = {}

    @property
    def kernel_run_id(self) -> str:
        return self._kernel_run_id

    @property
    def path(self) -> Path | None:
        return self._path

    @property
    def degraded(self) -> str | None:
        """Why events are kept in memory only, or None while the file works."""
        writer = self._writer
        return writer.degraded if writer else None

    def append(
        self, type: str, session_id: str, data: Mapping[str, Any], content: Mapping[str, Any] | None = None
    ) -> Receipt:
        """Record an event. Await the result to know that it is durable.

        Raises:
            EventError: `data` or `content` is not JSON.
        """
        data_text = encode(data)
        content_text = encode(content) if content else None
        session_id = mended_text(session_id)
        turn_id = data.get("turn_id")
        turn_id = mended_text(turn_id) if isinstance(turn_id, str) else None
        stamp = time.time_ns() // 1_000
        event_id = new_id()
        with self._lock:
            writer = self._writer or self._start()
            self._seq = seq = self._seq + 1
            writer.put((event_id, seq, session_id, type, stamp, turn_id, data_text, content_text))
        if writer.degraded and not self._warned:
            self._warn(writer.degraded)
        return Receipt(writer, seq)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all events recorded so far are durable; False when `timeout_s` passed first."""
        writer = self._writer
        return writer is None or writer.wait_blocking(self._seq, timeout_s)

    def read(self, query: EventQuery) -> list[StoredEvent]:
        """The events of a query, in `position` order; those recorded but not yet durable are not among them."""
        where, parameters = _conditions(query)
        sql = f"SELECT {_COLUMNS} FROM events e JOIN runs r ON r.number = e.run{where} ORDER BY e.position"  # noqa: S608
        if query.limit is not None:
            sql, parameters = f"{sql} LIMIT ?", [*parameters, query.limit]
        return [StoredEvent(*row) for row in self._select(sql, parameters)]

    def runs(self) -> list[KernelRun]:
        """Every kernel run that the store knows, oldest first."""
        rows = self._select(_RUNS, [])
        return [
            KernelRun(run_id, notebook, started, ended, ended is None and is_alive(*process), last_seq, stored)
            for run_id, notebook, started, ended, last_seq, stored, *process in rows
        ]

    def cursor(self, exporter: str) -> int:
        """The position up to which `exporter` has delivered this run's events."""
        return self._cursors.get(exporter, 0)

    def advance(self, exporter: str, position: int) -> None:
        """Remember that `exporter` has delivered this run's events up to `position`."""
        self._cursors[exporter] = position = max(position, self.cursor(exporter))
        if writer := self._writer:
            writer.execute("INSERT OR REPLACE INTO cursors VALUES (?, {run}, ?)", (exporter, position))

    def close(self, timeout_s: float = 2.0) -> None:
        """Write what is queued, mark the run as cleanly ended, close the file. A further event opens it again."""
        with self._lock:
            writer, self._writer = self._writer, None
        if writer:
            writer.execute("UPDATE runs SET ended_at_us = ? WHERE number = {run}", (time.time_ns() // 1_000,))
            writer.close(timeout_s)
        with self._reading:
            self._memory_ready.clear()
            if self._reader:
                self._reader.close()
                self._reader = None

    def _start(self) -> Writer:
        self._writer = Writer(self._open_run, self._open_memory)
        return self._writer

    def _open_run(self) -> tuple[sqlite3.Connection, int]:
        if self._path is None:
            return self._open_memory()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self._registered(schema.connect(self._path), str(self._path))

    def _open_memory(self) -> tuple[sqlite3.Connection, int]:
        connection, run = self._registered(schema.connect_memory(self._memory_name), "in memory")
        if self._path is not None:  # exporters remember positions of the file
            schema.count_from(connection, _AFTER_ANY_FILE)
        self._memory_ready.set()
        return connection, run

    def _registered(self, connection: sqlite3.Connection, where: str) -> tuple[sqlite3.Connection, int]:
        schema.prepare(connection, where)
        pid = os.getpid()
        row = (self._kernel_run_id, self._notebook, host(), pid, process_stamp(pid), time.time_ns() // 1_000)
        number = connection.execute(
            "INSERT INTO runs (id, notebook, host, pid, process_stamp, started_at_us) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET ended_at_us = NULL RETURNING number",
            row,
        ).fetchone()[0]
        return connection, number

    def _select(self, sql: str, parameters: list[Any]) -> list[Any]:
        with self._reading:
            if self._reader is None and not self._exists():
                return []
            in_memory = self._path is None or self.degraded is not None
            if self._reader and in_memory != self._reading_memory:
                self._reader.close()
                self._reader = None
            self._reader = self._reader or self._open_reader(in_memory)
            return self._reader.execute(sql, parameters).fetchall()

    def _exists(self) -> bool:
        return self._writer is not None or (self._path is not None and self._path.exists())

    def _open_reader(self, in_memory: bool) -> sqlite3.Connection:
        self._reading_memory = in_memory
        if in_memory or self._path is None:
            self._memory_ready.wait()
            return schema.connect_memory(self._memory_name)
        try:
            connection = schema.connect(self._path)
            schema.prepare(connection, str(self._path))
        except sqlite3.Error as error:
            raise StoreError(f"the analytics store {self._path} cannot be read: {error}.") from error
        return connection

    def _warn(self, reason: str) -> None:
        self._warned = True
        warnings.warn(
            f"analytics are kept in memory only, because {self._path} cannot be written ({reason})",
            RuntimeWarning,
            stacklevel=4,
        )


def _begin_runs() -> None:
    for store in list(_stores):
        # A connection of the parent's must not be used, and so not be closed either (sqlite.org/howtocorrupt.html).
        _inherited.append(store._reader)  # pyright: ignore[reportPrivateUsage]
        store._begin_run()  # pyright: ignore[reportPrivateUsage]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_runs)


def _conditions(query: EventQuery) -> tuple[str, list[Any]]:
    parts: list[tuple[str, list[Any]]] = []
    if query.kernel_run_ids is not None:
        parts.append((f"r.id IN ({_marks(len(query.kernel_run_ids))})", list(query.kernel_run_ids)))
    if query.notebook is not None:
        parts.append(("r.notebook = ?", [query.notebook]))
    if query.session_id is not None:
        parts.append(("e.session_id = ?", [query.session_id]))
    if query.types is not None:
        parts.append((f"e.type IN ({_marks(len(query.types))})", list(query.types)))
    if query.after_position:
        parts.append(("e.position > ?", [query.after_position]))
    where = " AND ".join(part for part, _ in parts)
    return (f" WHERE {where}" if where else ""), [value for _, values in parts for value in values]


def _marks(count: int) -> str:
    return ", ".join("?" * count)

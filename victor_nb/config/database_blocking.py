"""DB-API 2 connections of any library, and SQLite files: they block, so they are asked in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

from victor_nb.config.database_statements import Rows, in_shape, in_style, making_tuples
from victor_nb.config.database_table import DatabaseKind
from victor_nb.errors import ConfigError

_BUSY_TIMEOUT_S: Final = 5.0
_ACTIVE: Final = (1, 2, 3)  # psycopg's transaction_status: active, in a transaction, in a failed one


class DbapiDatabase:
    """A DB-API 2 connection, or a psycopg pool of such, asked in a thread, one statement at a time."""

    def __init__(
        self, opened: Callable[[], AbstractContextManager[Any]], style: str, kind: DatabaseKind, library: str
    ) -> None:
        self.kind: DatabaseKind = kind
        self._opened = opened
        self._style = style
        self._library = library
        self._lock = threading.Lock()
        self._home_thread = threading.get_ident()

    async def run(self, sql: str, values: Sequence[str] = ()) -> Rows:
        if self._library == "sqlite3" and threading.get_ident() == self._home_thread:
            return self._run(sql, values)  # in memory, so that it takes no time, and perhaps bound to its thread
        try:
            return await asyncio.to_thread(self._run, sql, values)
        except sqlite3.ProgrammingError as error:
            if "same thread" not in str(error):
                raise
            raise ConfigError(
                "This sqlite3 connection can be used only in the thread that made it, and has no file to open.",
                hint="Make it with check_same_thread=False, or give the path of a file.",
            ) from None

    def _run(self, sql: str, values: Sequence[str]) -> Rows:
        with self._lock, self._opened() as connection:
            before = in_transaction(connection)
            cursor = connection.cursor()
            try:
                _as_tuples(cursor, self._library)
                arguments = [in_shape(values, self._style)] if values else []
                cursor.execute(in_style(sql, self._style), *arguments)
                rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
                _end(connection, before, keep=not sql.startswith("SELECT"))
                return rows
            except Exception:
                _end(connection, before, keep=False)
                raise
            finally:
                cursor.close()


def _end(connection: Any, before: bool | None, *, keep: bool) -> None:
    """End the transaction that our statement has begun; one of the user's, or that may be theirs, stays."""
    if before is False or (before is None and keep):
        connection.commit() if keep else connection.rollback()


def _as_tuples(cursor: Any, library: str) -> None:
    """Rows as tuples, whatever the connection makes of them."""
    if hasattr(cursor, "row_factory"):
        cursor.row_factory = making_tuples if library == "psycopg" else None


def in_transaction(connection: Any) -> bool | None:
    """Whether the user has a transaction open; None when the driver does not tell."""
    status = getattr(getattr(connection, "info", None), "transaction_status", None)
    if isinstance(status, int):
        return status in _ACTIVE
    if isinstance(flags := getattr(connection, "server_status", None), int):  # PyMySQL
        return bool(flags & 1)
    found = getattr(connection, "in_transaction", None)
    return found if isinstance(found, bool) else None


class SqliteFile:
    """A file, opened for reading alone, unless something is to be created."""

    kind: DatabaseKind = "sqlite"

    def __init__(self, path: Path) -> None:
        self._path = path

    async def run(self, sql: str, values: Sequence[str] = ()) -> Rows:
        return await asyncio.to_thread(self._run, sql, values)

    def _run(self, sql: str, values: Sequence[str]) -> Rows:
        reads = sql.startswith("SELECT")
        if reads and not self._path.is_file():
            raise ConfigError(f"There is no file {self._path}.", hint="Check the path, or create_table() there.")
        address = f"{self._path.as_uri()}?mode={'ro' if reads else 'rwc'}"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_S)) as connection, connection:
            return connection.execute(sql, values).fetchall()

"""Any DB-API 2 connection, sqlite3, psycopg and psycopg2 among them, and connections to SQLite files of our own.

Calls block. That is meant: an exporter is called in a thread of its own. It imports no driver but sqlite3.
"""

from __future__ import annotations

import contextlib
import io
import sqlite3
import sys
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from victor_nb.exporters.database_dialects import (
    Dialect,
    MySQLDialect,
    OtherDialect,
    PostgresDialect,
    SQLiteDialect,
    copy_sql,
)
from victor_nb.exporters.database_link import Values, in_shape, in_style, refuse_open_transaction
from victor_nb.exporters.database_table import TableName

_BUSY_TIMEOUT_S = 15.0
_DIALECTS: dict[str, Callable[[], Dialect]] = {
    "sqlite3": SQLiteDialect,
    "psycopg": PostgresDialect,
    "psycopg2": PostgresDialect,
    "pg8000": PostgresDialect,
    "pymysql": MySQLDialect,
    "MySQLdb": MySQLDialect,
    "mysql": MySQLDialect,
    "mariadb": MySQLDialect,
}
_WITH_BEGIN = {"pymysql", "MySQLdb", "mariadb", "duckdb"}


class DbapiConnection(Protocol):
    """What PEP 249 asks of a connection."""

    def cursor(self) -> Any: ...
    def commit(self) -> Any: ...
    def rollback(self) -> Any: ...
    def close(self) -> Any: ...


class DbapiLink:
    """Exactly one of `connection` and `pool` (of psycopg_pool) is given; only a connection may be `ours` to close."""

    def __init__(
        self,
        *,
        connection: DbapiConnection | None = None,
        pool: Any = None,
        kind: type | None = None,
        ours: bool = False,
    ) -> None:
        kind = kind or type(connection)
        self._style = paramstyle_of(kind) or "qmark"
        self._library = _library_of(kind)
        self.dialect: Dialect = _DIALECTS.get(self._library, OtherDialect)()
        self.copies = self._library in ("psycopg", "psycopg2")
        self._connection = connection
        self._pool = pool
        self._ours = ours

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[_DbapiSession]:
        with self._acquired() as connection:
            if _is_in_transaction(connection):
                raise refuse_open_transaction()
            cursor = connection.cursor()
            try:
                self._begin(connection, cursor)
                yield _DbapiSession(cursor, self._style)
                connection.commit()
            except BaseException:
                with contextlib.suppress(Exception):  # the error that led here is the one to be told
                    connection.rollback()
                raise
            finally:
                cursor.close()

    def _acquired(self) -> AbstractContextManager[Any]:
        return self._pool.connection() if self._pool is not None else nullcontext(self._connection)

    def _begin(self, connection: Any, cursor: Any) -> None:
        """Rows as tuples, whatever the connection makes of them; all or nothing, also in autocommit mode."""
        if hasattr(cursor, "row_factory"):
            cursor.row_factory = _making_tuples if self._library == "psycopg" else None
        if self._library == "sqlite3":
            cursor.execute("BEGIN IMMEDIATE")
        elif self._library in _WITH_BEGIN:
            connection.begin()

    def is_open(self) -> bool:
        return True

    async def close(self) -> None:
        if self._ours and self._connection is not None:
            self._connection.close()


class _DbapiSession:
    def __init__(self, cursor: Any, style: str) -> None:
        self._cursor = cursor
        self._style = style

    async def fetch(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        await self.execute(sql, values)
        return [_as_tuple(row) for row in self._cursor.fetchall()]

    async def execute(self, sql: str, values: Values = ()) -> None:
        if values:
            self._cursor.execute(in_style(sql, self._style), in_shape(values, self._style))
        else:
            self._cursor.execute(sql)

    async def execute_many(self, sql: str, rows: Sequence[Values]) -> None:
        shaped = [in_shape(row, self._style) for row in rows]
        self._cursor.executemany(in_style(sql, self._style), shaped)

    async def copy(self, table: TableName, chunks: Iterable[bytes]) -> None:
        if hasattr(self._cursor, "copy_expert"):  # psycopg2
            self._cursor.copy_expert(copy_sql(table), io.BytesIO(b"".join(chunks)))
            return
        with self._cursor.copy(copy_sql(table)) as copy:
            for chunk in chunks:
                copy.write(chunk)


def open_sqlite(path: Path) -> DbapiLink:
    connection = sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    return DbapiLink(connection=connection, ours=True)


def paramstyle_of(kind: type) -> str | None:
    """The `paramstyle` of the DB-API module that a class of connections is of; None when there is none."""
    for base in kind.__mro__:
        parts = base.__module__.split(".")
        for end in range(len(parts), 0, -1):
            style = getattr(sys.modules.get(".".join(parts[:end])), "paramstyle", None)
            if isinstance(style, str):
                return style
    return None


def _library_of(kind: type) -> str:
    libraries = [base.__module__.partition(".")[0] for base in kind.__mro__]
    return next((name for name in libraries if name in _DIALECTS), libraries[0])


def _is_in_transaction(connection: Any) -> bool:
    """Whether the user has a transaction open, as far as the driver tells."""
    status = getattr(getattr(connection, "info", None), "transaction_status", None)
    if isinstance(status, int):  # psycopg and psycopg2: active, in a transaction, in a failed one
        return status in (1, 2, 3)
    if isinstance(flags := getattr(connection, "server_status", None), int):  # PyMySQL
        return bool(flags & 1)
    return any(getattr(connection, name, False) is True for name in ("in_transaction", "transaction_in_progress"))


def _making_tuples(cursor: object) -> type:
    return tuple


def _as_tuple(row: Any) -> tuple[Any, ...]:
    return tuple(row.values()) if hasattr(row, "values") else tuple(row)

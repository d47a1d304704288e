"""psycopg 3 where it is asynchronous: an AsyncConnection or AsyncConnectionPool of the user's, or one of our own.

Its plain connections and pools are DB-API 2, and served as such.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from victor_nb.exporters.database_dialects import Dialect, PostgresDialect, copy_sql
from victor_nb.exporters.database_link import Values, in_style, refuse_open_transaction
from victor_nb.exporters.database_table import TableName

if TYPE_CHECKING:
    from psycopg import AsyncConnection, AsyncCursor

_CONNECT_TIMEOUT_S = 10


class PsycopgLink:
    """Exactly one of `connection` and `pool` (of psycopg_pool) is given; only a connection may be `ours` to close."""

    copies = True

    def __init__(self, *, connection: AsyncConnection[Any] | None = None, pool: Any = None, ours: bool = False) -> None:
        self.dialect: Dialect = PostgresDialect()
        self._connection = connection
        self._pool = pool
        self._ours = ours

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[_PsycopgSession]:
        async with self._acquired() as connection:
            if connection.info.transaction_status in (1, 2, 3):  # active, in a transaction, in a failed one
                raise refuse_open_transaction()
            try:
                async with connection.cursor(row_factory=_as_tuple) as cursor:
                    yield _PsycopgSession(cursor)
                await connection.commit()
            except BaseException:
                if not connection.closed:
                    await connection.rollback()
                raise

    def _acquired(self) -> AbstractAsyncContextManager[Any]:
        return self._pool.connection() if self._pool is not None else nullcontext(self._connection)

    def is_open(self) -> bool:
        return self._connection is None or not self._connection.closed

    async def close(self) -> None:
        if self._ours and self._connection is not None:
            await self._connection.close()


def _as_tuple(cursor: object) -> Any:
    """A row factory; the connection's own may be anything."""
    return tuple


class _PsycopgSession:
    def __init__(self, cursor: AsyncCursor[Any]) -> None:
        self._cursor = cursor

    async def fetch(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        await self.execute(sql, values)
        return await self._cursor.fetchall()

    async def execute(self, sql: str, values: Values = ()) -> None:
        await self._cursor.execute(in_style(sql, "format").encode(), values or None)

    async def execute_many(self, sql: str, rows: Sequence[Values]) -> None:
        await self._cursor.executemany(in_style(sql, "format").encode(), rows)

    async def copy(self, table: TableName, chunks: Iterable[bytes]) -> None:
        async with self._cursor.copy(copy_sql(table).encode()) as copy:
            for chunk in chunks:
                await copy.write(chunk)
                await asyncio.sleep(0)


async def open_psycopg(url: str) -> PsycopgLink:
    import psycopg

    connection = await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_TIMEOUT_S, prepare_threshold=None)
    return PsycopgLink(connection=connection, ours=True)

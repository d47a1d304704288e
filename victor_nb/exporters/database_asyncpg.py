"""asyncpg: a connection or pool of the user's, or a connection of our own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, Protocol, cast

from victor_nb.exporters.database_dialects import Dialect, PostgresDialect
from victor_nb.exporters.database_link import Values, in_style, refuse_open_transaction
from victor_nb.exporters.database_rows import COLUMNS
from victor_nb.exporters.database_table import TableName

_CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 1.0


class AsyncpgConnection(Protocol):
    """What is used of `asyncpg.Connection`, which has no type hints of its own."""

    async def fetch(self, query: str, *args: object) -> list[Any]: ...
    async def execute(self, query: str, *args: object) -> str: ...
    async def executemany(self, command: str, args: Iterable[Values]) -> None: ...
    async def copy_to_table(
        self, table_name: str, *, source: memoryview, columns: Sequence[str], schema_name: str | None
    ) -> str: ...
    def transaction(self) -> AbstractAsyncContextManager[object]: ...
    def is_in_transaction(self) -> bool: ...
    def is_closed(self) -> bool: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


class AsyncpgPool(Protocol):
    """What is used of `asyncpg.Pool`."""

    def acquire(self) -> AbstractAsyncContextManager[AsyncpgConnection]: ...


class AsyncpgLink:
    """Exactly one of `connection` and `pool` is given; only a connection may be `ours` to close."""

    copies = True

    def __init__(
        self, *, connection: AsyncpgConnection | None = None, pool: AsyncpgPool | None = None, ours: bool = False
    ) -> None:
        self.dialect: Dialect = PostgresDialect()
        self._connection = connection
        self._pool = pool
        self._ours = ours

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[_AsyncpgSession]:
        async with self._acquired() as connection:
            if connection.is_in_transaction():
                raise refuse_open_transaction()
            async with connection.transaction():
                yield _AsyncpgSession(connection)

    def _acquired(self) -> AbstractAsyncContextManager[AsyncpgConnection]:
        return (
            self._pool.acquire() if self._pool is not None else nullcontext(cast("AsyncpgConnection", self._connection))
        )

    def is_open(self) -> bool:
        return self._connection is None or not self._connection.is_closed()

    async def close(self) -> None:
        if not self._ours or self._connection is None or self._connection.is_closed():
            return
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._connection.close()
        except (OSError, TimeoutError, RuntimeError):
            self._connection.terminate()


class _AsyncpgSession:
    def __init__(self, connection: AsyncpgConnection) -> None:
        self._connection = connection

    async def fetch(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await self._connection.fetch(in_style(sql, "numeric_dollar"), *values)]

    async def execute(self, sql: str, values: Values = ()) -> None:
        await self._connection.execute(in_style(sql, "numeric_dollar"), *values)

    async def execute_many(self, sql: str, rows: Sequence[Values]) -> None:
        await self._connection.executemany(in_style(sql, "numeric_dollar"), rows)

    async def copy(self, table: TableName, chunks: Iterable[bytes]) -> None:
        """One COPY a chunk, and the server works on one while the next is made. A single COPY from an iterator would
        leave a future behind that nobody asks when the connection breaks."""
        under_way: asyncio.Task[None] | None = None
        try:
            for chunk in chunks:
                if under_way:
                    await under_way
                under_way = asyncio.create_task(self._copy(table, chunk))
                await asyncio.sleep(0)
        finally:
            if under_way:
                await under_way

    async def _copy(self, table: TableName, chunk: bytes) -> None:
        await self._connection.copy_to_table(
            table.name, schema_name=table.schema, columns=COLUMNS, source=memoryview(chunk)
        )


async def open_asyncpg(url: str) -> AsyncpgLink:
    asyncpg: Any = importlib.import_module("asyncpg")
    # Prepared statements would not survive a pooler such as PgBouncer, and one a batch is not worth keeping.
    connection: AsyncpgConnection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S, statement_cache_size=0)
    return AsyncpgLink(connection=connection, ours=True)

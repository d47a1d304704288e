"""asyncpg, and psycopg 3 where it is asynchronous: connections and pools of the user's, or opened for a URL."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, TypeAlias

from victor_nb.config.database_statements import Rows, at_home, in_style, making_tuples
from victor_nb.config.database_table import DatabaseKind

Opened: TypeAlias = Callable[[], AbstractAsyncContextManager[Any]]
_CONNECT_TIMEOUT_S: Final = 5.0


class AsyncpgDatabase:
    """`opened` gives a connection for the length of a `with`; `home` is the loop that it belongs to, if to one. There
    is but one connection when it is `alone`, and that can do one thing at a time."""

    kind: DatabaseKind = "postgresql"

    def __init__(self, opened: Opened, home: asyncio.AbstractEventLoop | None = None, *, alone: bool = False) -> None:
        self._opened = opened
        self._home = home
        self._turns = asyncio.Lock() if alone else contextlib.nullcontext()

    async def run(self, sql: str, values: Sequence[str] = ()) -> Rows:
        return await at_home(self._home, lambda: self._run(in_style(sql, "dollar"), values))

    async def _run(self, sql: str, values: Sequence[str]) -> Rows:
        async with self._turns, self._opened() as connection:
            return [tuple(row) for row in await connection.fetch(sql, *values)]


@asynccontextmanager
async def opened_asyncpg(url: str) -> AsyncGenerator[Any]:
    asyncpg: Any = importlib.import_module("asyncpg")
    # Prepared statements would not survive a pooler such as PgBouncer.
    connection = await asyncpg.connect(url, timeout=_CONNECT_TIMEOUT_S, statement_cache_size=0)
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_TIMEOUT_S)


class PsycopgDatabase:
    """psycopg 3 where it is asynchronous; arguments as above."""

    kind: DatabaseKind = "postgresql"

    def __init__(self, opened: Opened, home: asyncio.AbstractEventLoop | None = None, *, alone: bool = False) -> None:
        self._opened = opened
        self._home = home
        self._turns = asyncio.Lock() if alone else contextlib.nullcontext()

    async def run(self, sql: str, values: Sequence[str] = ()) -> Rows:
        return await at_home(self._home, lambda: self._run(in_style(sql, "format"), values))

    async def _run(self, sql: str, values: Sequence[str]) -> Rows:
        async with (
            self._turns,
            self._opened() as connection,
            connection.transaction(),
            connection.cursor(row_factory=making_tuples) as cursor,
        ):
            await cursor.execute(sql.encode(), values or None)
            return await cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def opened_psycopg(url: str) -> AsyncGenerator[Any]:
    import psycopg

    timeout = int(_CONNECT_TIMEOUT_S)
    async with await psycopg.AsyncConnection.connect(
        url, connect_timeout=timeout, prepare_threshold=None
    ) as connection:
        yield connection

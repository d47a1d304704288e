"""SQLAlchemy, synchronous and asynchronous: an engine of the user's, or one of our own for a URL.

Engines are used for their pool and their driver; the SQL is that of `database_dialects.py`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from victor_nb.errors import MissingExtraError, UsageError
from victor_nb.exporters.database_dialects import Dialect, MySQLDialect, OtherDialect, PostgresDialect, SQLiteDialect
from victor_nb.exporters.database_link import Values, in_shape, in_style
from victor_nb.exporters.database_table import TableName

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, CursorResult, Engine
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_DIALECTS: dict[str, type[PostgresDialect | SQLiteDialect | MySQLDialect]] = {
    "postgresql": PostgresDialect,
    "sqlite": SQLiteDialect,
    "mysql": MySQLDialect,
    "mariadb": MySQLDialect,
}
_PACKAGES = {"MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary", "psycopg": '"psycopg[binary]"'}


class EngineLink:
    """`engine` is disposed of in the end when it is `ours`."""

    copies = False

    def __init__(self, engine: Engine | AsyncEngine, *, ours: bool = False) -> None:
        self.dialect = _dialect_of(engine)
        self._engine = engine
        self._ours = ours

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[_SyncSession | _AsyncSession]:
        from sqlalchemy import Engine

        if isinstance(self._engine, Engine):
            with self._engine.begin() as connection:
                yield _SyncSession(connection)
        else:
            async with self._engine.begin() as connection:
                yield _AsyncSession(connection)

    def is_open(self) -> bool:
        return True

    async def close(self) -> None:
        if not self._ours:
            return
        from sqlalchemy import Engine

        if isinstance(self._engine, Engine):
            self._engine.dispose()
        else:
            await self._engine.dispose()


class _EngineSession:
    async def _run(self, sql: str, values: Any) -> CursorResult[Any]:
        raise NotImplementedError

    def __init__(self, connection: Connection | AsyncConnection) -> None:
        self._style = connection.dialect.paramstyle

    async def fetch(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
        result = await self._run(in_style(sql, self._style), in_shape(values, self._style) or None)
        return [tuple(row) for row in result.fetchall()]

    async def execute(self, sql: str, values: Values = ()) -> None:
        await self._run(in_style(sql, self._style), in_shape(values, self._style) or None)

    async def execute_many(self, sql: str, rows: Sequence[Values]) -> None:
        await self._run(in_style(sql, self._style), [in_shape(row, self._style) for row in rows])

    async def copy(self, table: TableName, chunks: Iterable[bytes]) -> None:
        raise NotImplementedError("an engine does not say which driver's COPY to use")


class _SyncSession(_EngineSession):
    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._connection = connection

    async def _run(self, sql: str, values: Any) -> CursorResult[Any]:
        return self._connection.exec_driver_sql(sql, values)


class _AsyncSession(_EngineSession):
    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection)
        self._connection = connection

    async def _run(self, sql: str, values: Any) -> CursorResult[Any]:
        return await self._connection.exec_driver_sql(sql, values)


def checked_url(text: str) -> URL:
    """The URL, when its dialect and driver are there.

    Raises:
        MissingExtraError: SQLAlchemy or the driver is not installed.
        UsageError: it is no URL that SQLAlchemy knows.
    """
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise MissingExtraError(
            "a database URL of this kind needs SQLAlchemy.", hint='pip install "victor-nb[sql]"'
        ) from None
    try:
        url = make_url(text)
        url.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"the driver of {text.partition('://')[0]}:// is not installed.",
            hint=f"pip install {_PACKAGES.get(error.name or '', error.name)}",
        ) from None
    except ArgumentError:  # its own message may hold the password
        raise UsageError(
            f"{text.partition('://')[0]!r} is no database that SQLAlchemy knows, or the rest of the URL is not right.",
            hint="write dialect+driver://user:password@host:port/database",
        ) from None
    return url


def open_engine(url: URL) -> EngineLink:
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import create_async_engine

    return EngineLink(create_async_engine(url) if url.get_dialect().is_async else create_engine(url), ours=True)


def private_engine(engine: AsyncEngine) -> EngineLink:
    """The same engine with a pool of its own: connections must not wander between event loops."""
    from sqlalchemy import Engine
    from sqlalchemy.ext.asyncio import AsyncEngine

    pool = engine.sync_engine.pool.recreate()
    return EngineLink(AsyncEngine(Engine(pool, engine.dialect, engine.url)), ours=True)


def refuse_hidden_memory(engine: Engine) -> None:
    """In SQLAlchemy's usual pool every thread has an in-memory database of its own, so nobody would see ours."""
    from sqlalchemy.pool import SingletonThreadPool

    if engine.dialect.name == "sqlite" and isinstance(engine.pool, SingletonThreadPool):
        raise UsageError(
            "each thread has its own in-memory database with this engine, and events are sent from another thread.",
            hint="pass poolclass=StaticPool, connect_args={'check_same_thread': False} to create_engine",
        )


def _dialect_of(engine: Engine | AsyncEngine) -> Dialect:
    known = _DIALECTS.get(engine.dialect.name)
    return known() if known else _other_dialect(engine)


def _other_dialect(engine: Engine | AsyncEngine) -> Dialect:
    """Types and quotes as this database wants them."""
    from sqlalchemy import BigInteger, Unicode, UnicodeText

    types = {"BIGINT": BigInteger(), "TEXT": UnicodeText()} | {f"VARCHAR({n})": Unicode(n) for n in (32, 64, 512)}
    names = {name: type.compile(dialect=engine.dialect) for name, type in types.items()}
    generic = OtherDialect()
    own = {column: _renamed(type, names) for column, type in generic.types.items()}
    preparer = engine.dialect.identifier_preparer
    return OtherDialect(quotes=preparer.initial_quote + preparer.final_quote, types=own)


def _renamed(type: str, names: dict[str, str]) -> str:
    first, *others = type.split(" ")
    return " ".join([names[first], *others])

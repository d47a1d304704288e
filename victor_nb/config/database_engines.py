"""SQLAlchemy, synchronous and asynchronous: an engine of the user's, or one of our own for a URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from victor_nb.config.database_statements import Rows, in_shape, in_style
from victor_nb.config.database_table import DatabaseKind

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine
    from sqlalchemy.ext.asyncio import AsyncEngine


class EngineDatabase:
    """SQLAlchemy: used for its pool and its driver; the SQL is ours. An AsyncEngine away from its `home` loop is used
    through a pool of its own, for connections must not wander between loops."""

    def __init__(self, engine: Engine | AsyncEngine, home: asyncio.AbstractEventLoop | None = None) -> None:
        name = {"mariadb": "mysql"}.get(engine.dialect.name, engine.dialect.name)
        self.kind: DatabaseKind = name if name in ("postgresql", "sqlite", "mysql") else "other"
        self._engine = engine
        self._home = home
        self._style = engine.dialect.paramstyle

    async def run(self, sql: str, values: Sequence[str] = ()) -> Rows:
        from sqlalchemy import Engine

        statement, shaped = in_style(sql, _STYLES.get(self._style, self._style)), in_shape(values, self._style) or None
        if isinstance(self._engine, Engine):
            return await asyncio.to_thread(_run_engine, self._engine, statement, shaped)
        async with self._usable(self._engine) as engine, engine.begin() as connection:
            result = await connection.exec_driver_sql(statement, shaped)
            return [tuple(row) for row in result.fetchall()] if result.returns_rows else []

    @asynccontextmanager
    async def _usable(self, engine: AsyncEngine) -> AsyncGenerator[AsyncEngine]:
        if self._home is asyncio.get_running_loop():
            yield engine
            return
        from sqlalchemy import Engine
        from sqlalchemy.ext.asyncio import AsyncEngine

        private = AsyncEngine(Engine(engine.sync_engine.pool.recreate(), engine.dialect, engine.url))
        try:
            yield private
        finally:
            await private.dispose()


_STYLES: Final = {"numeric_dollar": "dollar"}


def _run_engine(engine: Engine, sql: str, values: Any) -> Rows:
    with engine.begin() as connection:
        result = connection.exec_driver_sql(sql, values)
        return [tuple(row) for row in result.fetchall()] if result.returns_rows else []


def engine_of(url: URL) -> EngineDatabase:
    from sqlalchemy import create_engine
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    make = create_async_engine if url.get_dialect().is_async else create_engine
    return EngineDatabase(make(url, poolclass=NullPool))

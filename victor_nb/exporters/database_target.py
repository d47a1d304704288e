"""What a user may give as the database: recognised by its class, without importing a library that is not there yet."""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from victor_nb.errors import MissingExtraError, UsageError
from victor_nb.exporters import database_address as address
from victor_nb.exporters.database_asyncpg import AsyncpgLink, open_asyncpg
from victor_nb.exporters.database_dbapi import DbapiConnection, DbapiLink, open_sqlite, paramstyle_of
from victor_nb.exporters.database_link import Link
from victor_nb.exporters.database_psycopg import PsycopgLink, open_psycopg
from victor_nb.exporters.database_sqlalchemy import (
    EngineLink,
    checked_url,
    open_engine,
    private_engine,
    refuse_hidden_memory,
)
from victor_nb.exporters.database_table import TableName
from victor_nb.exporters.home import running_loop

_ACCEPTED = (
    "give a URL (postgresql://…, sqlite:///events.db, or any of SQLAlchemy's), the path of a .db or .sqlite file, an "
    "SQLAlchemy Engine or AsyncEngine, an asyncpg Connection or Pool, a psycopg connection or pool, a sqlite3 "
    "connection, or any other DB-API 2 connection"
)


@dataclass(frozen=True)
class DatabaseTarget:
    """How to get at a database. `open` gives a link for the running event loop; one that is not `ours` stays the
    same. Delivery goes to `_loop`, where that is running, because the target belongs to it."""

    open: Callable[[], Awaitable[Link]]
    destination: str | None
    ours: bool
    _loop: asyncio.AbstractEventLoop | None = None


def target_of(target: object, table: TableName) -> DatabaseTarget:
    """
    Raises:
        UsageError: it is nothing that is accepted.
        MissingExtraError: what it needs is not installed.
    """
    if isinstance(target, str) and "://" in target:
        return _of_url(target, table)
    if isinstance(target, os.PathLike) or (isinstance(target, str) and _is_path(target)):
        return _of_path(Path(cast("str | os.PathLike[str]", target)), table)
    for recognise in (_of_asyncpg, _of_psycopg, _of_engine, _of_dbapi):
        if found := recognise(target, table):
            return found
    kind = f"{type(target).__module__}.{type(target).__qualname__}".removeprefix("builtins.")
    shown = repr(target) if isinstance(target, str) else f"an object of type {kind}"
    raise UsageError(f"{shown} is no database that events can be sent to.", hint=_ACCEPTED)


def _of_url(url: str, table: TableName) -> DatabaseTarget:
    scheme, _, rest = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        return _of_postgres_url(f"postgresql://{rest}", table)
    if scheme == "sqlite" and rest.startswith("/") and "?" not in rest and rest[1:] not in ("", ":memory:"):
        return _of_path(Path(rest[1:]), table)
    checked = checked_url(url)
    if checked.get_backend_name() == "sqlite" and checked.database in (None, "", ":memory:"):
        raise UsageError(
            f"{url!r} names no file, and nobody would see a database in memory.",
            hint="write sqlite:///events.db, or sqlite:////home/me/events.db for an absolute path",
        )
    return DatabaseTarget(_opening(partial(open_engine, checked)), address.of_engine(checked, table), ours=True)


def _of_postgres_url(url: str, table: TableName) -> DatabaseTarget:
    destination = address.of_postgres_url(url, table)
    for library, opened in (("asyncpg", open_asyncpg), ("psycopg", open_psycopg)):
        if _is_installed(library):
            return DatabaseTarget(partial(opened, url), destination, ours=True)
    try:
        checked = checked_url(url)
    except MissingExtraError:
        raise MissingExtraError(
            "PostgreSQL needs asyncpg or psycopg.", hint='pip install "victor-nb[postgres]"'
        ) from None
    return DatabaseTarget(_opening(partial(open_engine, checked)), destination, ours=True)


def _of_path(path: Path, table: TableName) -> DatabaseTarget:
    path = path.expanduser().absolute()  # the working directory may change
    return DatabaseTarget(_opening(partial(open_sqlite, path)), address.of_path(path, table), ours=True)


def _of_asyncpg(target: object, table: TableName) -> DatabaseTarget | None:
    given = cast("Any", target)
    if _is_a(target, "asyncpg", "Connection", "PoolConnectionProxy"):
        link = AsyncpgLink(connection=given)
    elif _is_a(target, "asyncpg", "Pool"):
        link = AsyncpgLink(pool=given)
    else:
        return None
    return _given(link, address.of_asyncpg(target, table), getattr(target, "_loop", None) or running_loop())


def _of_psycopg(target: object, table: TableName) -> DatabaseTarget | None:
    given = cast("Any", target)
    if _is_a(target, "psycopg", "AsyncConnection"):
        return _given(PsycopgLink(connection=given), address.of_dbapi(target, table), running_loop())
    if _is_a(target, "psycopg_pool", "AsyncConnectionPool"):
        return _given(PsycopgLink(pool=given), address.of_psycopg_pool(target, table), running_loop())
    if _is_a(target, "psycopg_pool", "ConnectionPool"):
        from psycopg import Connection

        return _given(DbapiLink(pool=given, kind=Connection), address.of_psycopg_pool(target, table))
    return None


def _of_engine(target: object, table: TableName) -> DatabaseTarget | None:
    given = cast("Any", target)
    if _is_a(target, "sqlalchemy", "AsyncEngine"):
        if loop := running_loop():
            return _given(EngineLink(given), address.of_engine(target, table), loop)
        return DatabaseTarget(_opening(partial(private_engine, given)), address.of_engine(target, table), ours=True)
    if _is_a(target, "sqlalchemy", "Engine"):
        refuse_hidden_memory(given)
        return _given(EngineLink(given), address.of_engine(target, table))
    return None


def _of_dbapi(target: object, table: TableName) -> DatabaseTarget | None:
    methods = [getattr(type(target), name, None) for name in ("cursor", "commit", "rollback")]
    if not all(callable(method) and not inspect.iscoroutinefunction(method) for method in methods):
        return None
    if paramstyle_of(type(target)) is None:
        return None
    return _given(DbapiLink(connection=cast("DbapiConnection", target)), address.of_dbapi(target, table))


def _given(link: Link, destination: str | None, loop: asyncio.AbstractEventLoop | None = None) -> DatabaseTarget:
    return DatabaseTarget(_opening(lambda: link), destination, ours=False, _loop=loop)


def _opening(make: Callable[[], Link]) -> Callable[[], Awaitable[Link]]:
    async def open() -> Link:
        return make()

    return open


def _is_a(target: object, library: str, *names: str) -> bool:
    return any(base.__module__.partition(".")[0] == library and base.__name__ in names for base in type(target).__mro__)


def _is_installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ValueError:  # it is in sys.modules as what must not be imported
        return False


def _is_path(text: str) -> bool:
    return Path(text).suffix in (".db", ".sqlite", ".sqlite3")

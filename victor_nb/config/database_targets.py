"""What a user may give as the database: recognised by its class, without importing a library that is not there yet."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import inspect
import os
import sqlite3
import sys
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from victor_nb.config.database_asynchronous import AsyncpgDatabase, PsycopgDatabase, opened_asyncpg, opened_psycopg
from victor_nb.config.database_blocking import DbapiDatabase, SqliteFile
from victor_nb.config.database_engines import EngineDatabase, engine_of
from victor_nb.config.database_statements import ConfigDatabase
from victor_nb.config.database_table import DatabaseKind
from victor_nb.errors import ConfigError, MissingExtraError

_ACCEPTED: Final = (
    "Give a URL (postgresql://…, sqlite:///config.db, or any of SQLAlchemy's), the path of a .db or .sqlite file, an "
    "SQLAlchemy Engine or AsyncEngine, an asyncpg Connection or Pool, a psycopg connection or pool, a sqlite3 "
    "connection, or any other DB-API 2 connection."
)
_KINDS: Final[dict[str, DatabaseKind]] = {
    "sqlite3": "sqlite",
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "pg8000": "postgresql",
    "pymysql": "mysql",
    "MySQLdb": "mysql",
    "mysql": "mysql",
    "mariadb": "mysql",
}


def database_of(target: object, schema: str | None = None) -> ConfigDatabase:
    """
    Raises:
        ConfigError: it is nothing that is accepted.
        MissingExtraError: what it needs is not installed.
    """
    if isinstance(target, str) and "://" in target:
        return _of_url(target)
    if isinstance(target, os.PathLike) or (isinstance(target, str) and _is_path(target)):
        return SqliteFile(Path(cast("str | os.PathLike[str]", target)).expanduser().absolute())
    if isinstance(target, sqlite3.Connection):
        return _of_sqlite(target, schema)
    for recognise in (_of_asyncpg, _of_psycopg, _of_engine, _of_dbapi):
        if found := recognise(target):
            return found
    kind = f"{type(target).__module__}.{type(target).__qualname__}".removeprefix("builtins.")
    shown = repr(target) if isinstance(target, str) else f"An object of type {kind}"
    raise ConfigError(f"{shown} is no database that configuration can be read from.", hint=_ACCEPTED)


def _of_url(url: str) -> ConfigDatabase:
    scheme, _, rest = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        address = f"postgresql://{rest}"
        if _is_installed("asyncpg"):
            return AsyncpgDatabase(partial(opened_asyncpg, address))
        if _is_installed("psycopg"):
            return PsycopgDatabase(partial(opened_psycopg, address))
        if not _is_installed("sqlalchemy"):
            raise MissingExtraError("PostgreSQL needs asyncpg or psycopg.", hint='pip install "victor-nb[postgres]"')
        return _of_sqlalchemy_url(address)
    if scheme == "sqlite" and rest.startswith("/") and "?" not in rest and rest[1:] not in ("", ":memory:"):
        return SqliteFile(Path(rest[1:]).absolute())
    return _of_sqlalchemy_url(url)


def _of_sqlalchemy_url(text: str) -> ConfigDatabase:
    try:
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError
    except ImportError:
        raise MissingExtraError(
            "A database URL of this kind needs SQLAlchemy.", hint='pip install "victor-nb[sql]"'
        ) from None
    scheme = text.partition("://")[0]
    try:
        url = make_url(text)
        url.get_dialect().import_dbapi()
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"The driver of {scheme}:// is not installed.", hint=f"pip install {error.name}"
        ) from None
    except ArgumentError:  # its own message may hold the password
        raise ConfigError(
            f"{scheme!r} is no database that SQLAlchemy knows, or the rest of the URL is not right.",
            hint="Write dialect+driver://user:password@host:port/database.",
        ) from None
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ConfigError(f"{text!r} names no file.", hint="Write sqlite:///config.db.")
    return engine_of(url)


def _of_sqlite(connection: sqlite3.Connection, schema: str | None) -> ConfigDatabase:
    """Its file, through a connection of our own: the user's may be bound to another thread. In memory, itself."""
    cursor = connection.cursor()
    cursor.row_factory = None
    files: dict[str, str] = {name: file for _, name, file in cursor.execute("PRAGMA database_list")}
    cursor.close()
    if schema is None and (file := files.get("main")):
        return SqliteFile(Path(file))
    return DbapiDatabase(lambda: contextlib.nullcontext(connection), "qmark", "sqlite", "sqlite3")


def _of_asyncpg(target: object) -> ConfigDatabase | None:
    given = cast("Any", target)
    if _is_a(target, "asyncpg", "Connection", "PoolConnectionProxy"):
        home = getattr(target, "_loop", None) or _running_loop()
        return AsyncpgDatabase(lambda: contextlib.nullcontext(given), home, alone=True)
    if _is_a(target, "asyncpg", "Pool"):
        return AsyncpgDatabase(given.acquire, getattr(target, "_loop", None) or _running_loop())
    return None


def _of_psycopg(target: object) -> ConfigDatabase | None:
    given = cast("Any", target)
    if _is_a(target, "psycopg", "AsyncConnection"):
        return PsycopgDatabase(lambda: contextlib.nullcontext(given), _running_loop(), alone=True)
    if _is_a(target, "psycopg_pool", "AsyncConnectionPool"):
        return PsycopgDatabase(given.connection, _running_loop())
    if _is_a(target, "psycopg_pool", "ConnectionPool"):
        return DbapiDatabase(given.connection, "pyformat", "postgresql", "psycopg")
    return None


def _of_engine(target: object) -> ConfigDatabase | None:
    if not _is_a(target, "sqlalchemy", "AsyncEngine", "Engine"):
        return None
    from sqlalchemy.pool import SingletonThreadPool

    engine = cast("Any", target)
    if engine.dialect.name == "sqlite" and isinstance(engine.pool, SingletonThreadPool):
        raise ConfigError(
            "Each thread has its own in-memory database with this engine, and it is read in another thread.",
            hint="Pass poolclass=StaticPool, connect_args={'check_same_thread': False} to create_engine.",
        )
    return EngineDatabase(engine, _running_loop())


def _of_dbapi(target: object) -> ConfigDatabase | None:
    methods = [getattr(type(target), name, None) for name in ("cursor", "commit", "rollback")]
    if not all(callable(method) and not inspect.iscoroutinefunction(method) for method in methods):
        return None
    if (style := _paramstyle_of(type(target))) is None:
        return None
    libraries = [base.__module__.partition(".")[0] for base in type(target).__mro__]
    library = next((name for name in libraries if name in _KINDS), libraries[0])
    return DbapiDatabase(lambda: contextlib.nullcontext(target), style, _KINDS.get(library, "other"), library)


def _paramstyle_of(kind: type) -> str | None:
    """The `paramstyle` of the DB-API module that a class of connections is of; None when there is none."""
    for base in kind.__mro__:
        parts = base.__module__.split(".")
        for end in range(len(parts), 0, -1):
            style = getattr(sys.modules.get(".".join(parts[:end])), "paramstyle", None)
            if isinstance(style, str):
                return style
    return None


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _is_a(target: object, library: str, *names: str) -> bool:
    return any(base.__module__.partition(".")[0] == library and base.__name__ in names for base in type(target).__mro__)


def _is_installed(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ValueError:  # it is in sys.modules as what must not be imported
        return False


def _is_path(text: str) -> bool:
    return Path(text).suffix in (".db", ".sqlite", ".sqlite3")

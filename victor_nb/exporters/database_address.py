"""Where a target's events go, as one line without user or password: the same in every process."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

from victor_nb.exporters.database_table import TableName

_POSTGRES_PORT = 5432


def address(kind: str, host: str, port: object, database: str, table: TableName) -> str:
    where = f"[{host}]" if ":" in host and port else host  # IPv6
    return f"{kind}://{where}{f':{port}' if port else ''}/{database}#{table}"


def of_postgres_url(url: str, table: TableName) -> str:
    """Several hosts, and those in the query, are allowed as libpq does."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    hosts = unquote(parts.netloc.rpartition("@")[2]) or ",".join(query.get("host", ["localhost"]))
    database = unquote(parts.path[1:]) or query.get("dbname", query.get("database", [""]))[0]
    if "," not in hosts and ":" not in hosts.rpartition("]")[2]:
        hosts = f"{hosts}:{query.get('port', [_POSTGRES_PORT])[0]}"
    return address("postgresql", hosts, None, database, table)


def of_path(path: Path, table: TableName) -> str:
    return f"sqlite:///{path}#{table}"


def of_engine(engine: Any, table: TableName) -> str | None:
    """Also of an SQLAlchemy URL, which has the same names."""
    url = getattr(engine, "url", engine)
    kind = url.get_backend_name()
    if kind == "sqlite":
        in_memory = not url.database or url.database == ":memory:"
        return None if in_memory else of_path(Path(url.database).absolute(), table)
    port = url.port or (_POSTGRES_PORT if kind == "postgresql" else None)
    return address(kind, url.host or "localhost", port, url.database or "", table)


def of_asyncpg(target: Any, table: TableName) -> str | None:
    """Of a connection, or of a pool that was made with a URL."""
    arguments = getattr(target, "_connect_args", None)
    if arguments and isinstance(arguments[0], str):
        return of_postgres_url(arguments[0], table)
    where, parameters = getattr(target, "_addr", None), getattr(target, "_params", None)
    if where is None or parameters is None:
        return None
    host, port = cast("tuple[str, int]", where) if isinstance(where, tuple) else (where, None)
    return address("postgresql", str(host), port, str(parameters.database), table)


def of_psycopg_pool(pool: Any, table: TableName) -> str | None:
    from psycopg.conninfo import conninfo_to_dict

    if not isinstance(conninfo := getattr(pool, "conninfo", None), str):
        return None
    known = conninfo_to_dict(conninfo)
    port = known.get("port") or _POSTGRES_PORT
    return address("postgresql", str(known.get("host") or "localhost"), port, str(known.get("dbname") or ""), table)


def of_dbapi(connection: Any, table: TableName) -> str | None:
    """Of sqlite3, and of drivers that tell as psycopg does; None for others, and for what is in memory or closed."""
    try:
        if isinstance(connection, sqlite3.Connection):
            return _of_sqlite(connection, table)
        info = connection.info
        return address("postgresql", str(info.host), int(info.port), str(info.dbname), table)
    except Exception:  # noqa: BLE001  (any driver's own error: it has no address, then)
        return None


def _of_sqlite(connection: sqlite3.Connection, table: TableName) -> str | None:
    cursor = connection.cursor()
    cursor.row_factory = None
    files = {name: file for _, name, file in cursor.execute("PRAGMA database_list")}
    cursor.close()
    file = files.get(table.schema or "main")
    return of_path(Path(file), TableName(table.name)) if file else None

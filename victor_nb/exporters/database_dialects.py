"""How PostgreSQL, SQLite, MySQL and the rest create the table, describe it, and take rows that they may have already.

It writes SQL and runs it through any `SqlSession`; it imports no driver.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from victor_nb.exporters.database_link import Link, SqlSession
from victor_nb.exporters.database_rows import COLUMNS, EventRow, columns_of
from victor_nb.exporters.database_table import TableName

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as the database describes it. `refuses` is what would make every insert fail, if anything."""

    type: str = ""
    refuses: str = ""


@dataclass(frozen=True)
class Dialect(ABC):
    """One kind of database: what it puts around names, and the types of the columns that are created."""

    quotes: str
    types: Mapping[str, str]

    @abstractmethod
    async def columns(self, link: Link, table: TableName) -> dict[str, TableColumn]:
        """The columns by name; none where there is no such table."""

    @abstractmethod
    async def insert(
        self, session: SqlSession, table: TableName, columns: Mapping[str, TableColumn], rows: Sequence[EventRow]
    ) -> None:
        """Insert those rows whose id is not there yet."""


def create_sql(dialect: Dialect, table: TableName) -> str:
    before, after = dialect.quotes
    lines = [f"{before}{name}{after} {type}" for name, type in dialect.types.items()]
    return f"CREATE TABLE {table.quoted(dialect.quotes)} (\n  " + ",\n  ".join(lines) + "\n)"


def add_column_sql(dialect: Dialect, table: TableName, column: str) -> str:
    """Adds a column to a table that may have rows: it can be empty."""
    before, after = dialect.quotes
    type = dialect.types[column].replace(" NOT NULL", "")
    return f"ALTER TABLE {table.quoted(dialect.quotes)} ADD COLUMN {before}{column}{after} {type}"


def names_sql(dialect: Dialect) -> str:
    before, after = dialect.quotes
    return ", ".join(f"{before}{name}{after}" for name in COLUMNS)


def copy_sql(table: TableName) -> str:
    """PostgreSQL's only."""
    return f"COPY {table.quoted()} ({names_sql(PostgresDialect())}) FROM STDIN"


def _insert_sql(dialect: Dialect, table: TableName, ending: str) -> str:
    values = ", ".join("?" * len(COLUMNS))
    return f"INSERT INTO {table.quoted(dialect.quotes)} ({names_sql(dialect)}) VALUES ({values}){ending}"  # noqa: S608


def _table_types(
    key: str, text: str, timestamp: str, json: str, exported_at: str | None = None, bigint: str = "BIGINT"
) -> dict[str, str]:
    types = {
        "id": f"{key} NOT NULL PRIMARY KEY",
        "seq": f"{bigint} NOT NULL",
        "kernel_run_id": f"{text} NOT NULL",
        "session_id": f"{text} NOT NULL",
        "type": f"{text} NOT NULL",
        "timestamp": f"{timestamp} NOT NULL",
        "turn_id": text,
        "data": f"{json} NOT NULL",
    }
    return types if exported_at is None else types | {"exported_at": exported_at}


@dataclass(frozen=True)
class PostgresDialect(Dialect):
    """Many rows in one statement, cast to whatever types the columns have; not so many that encoding them would hold up
    an event loop."""

    quotes: str = '""'
    types: Mapping[str, str] = field(
        default_factory=lambda: _table_types(
            'TEXT COLLATE "C"', "TEXT", "TIMESTAMPTZ", "JSONB", "TIMESTAMPTZ NOT NULL DEFAULT now()"
        )
    )

    async def columns(self, link: Link, table: TableName) -> dict[str, TableColumn]:
        return await _described(link, _POSTGRES_COLUMNS, [table.quoted()])

    async def insert(
        self, session: SqlSession, table: TableName, columns: Mapping[str, TableColumn], rows: Sequence[EventRow]
    ) -> None:
        arrays = ", ".join(f"CAST(? AS {'BIGINT' if name == 'seq' else 'TEXT'}[])" for name in COLUMNS)
        casts = ", ".join(f'CAST("{name}" AS {columns[name].type})' for name in COLUMNS)
        names = names_sql(self)
        sql = (
            f"INSERT INTO {table.quoted()} ({names}) SELECT {casts} FROM unnest({arrays}) AS events ({names}) "  # noqa: S608
            'ON CONFLICT ("id") DO NOTHING'
        )
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            await session.execute(sql, columns_of(rows[start : start + _ROWS_AT_ONCE]))


_POSTGRES_COLUMNS = """
SELECT CAST(a.attname AS text) AS name, format_type(a.atttypid, a.atttypmod) AS type,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS must_be_given,
       EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = a.attrelid AND i.indisunique AND i.indimmediate
               AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum) AS is_unique
FROM pg_attribute AS a
WHERE a.attrelid = to_regclass(CAST(? AS text)) AND a.attnum > 0 AND NOT a.attisdropped"""


@dataclass(frozen=True)
class SQLiteDialect(Dialect):
    """Row by row in one transaction. `data` is JSON text, which SQLite's JSON functions read."""

    quotes: str = '""'
    types: Mapping[str, str] = field(
        default_factory=lambda: _table_types(
            "TEXT",
            "TEXT",
            "TEXT",
            "TEXT",
            "TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f+00:00', 'now'))",
            "INTEGER",
        )
    )

    async def columns(self, link: Link, table: TableName) -> dict[str, TableColumn]:
        return await _described(link, _SQLITE_COLUMNS, [table.name, table.schema or "main"] * 3)

    async def insert(
        self, session: SqlSession, table: TableName, columns: Mapping[str, TableColumn], rows: Sequence[EventRow]
    ) -> None:
        await session.execute_many(_insert_sql(self, table, ' ON CONFLICT ("id") DO NOTHING'), rows)


_SQLITE_COLUMNS = """
SELECT c.name AS name, c.type AS type, c."notnull" AND c.dflt_value IS NULL AND NOT c.pk AS must_be_given,
       c.pk = 1 AND (SELECT max(k.pk) FROM pragma_table_info(?, ?) AS k) = 1
       OR EXISTS (SELECT 1 FROM pragma_index_list(?, ?) AS l WHERE l."unique" AND NOT l.partial
                  AND (SELECT group_concat(i.name) FROM pragma_index_info(l.name) AS i) = c.name) AS is_unique
FROM pragma_table_info(?, ?) AS c"""


@dataclass(frozen=True)
class MySQLDialect(Dialect):
    """Row by row in one transaction. `INSERT IGNORE` would also hide data that does not fit, so it is not used."""

    quotes: str = "``"
    types: Mapping[str, str] = field(
        default_factory=lambda: _table_types(
            "VARCHAR(64)", "VARCHAR(512)", "DATETIME(6)", "JSON", "DATETIME(6) NOT NULL DEFAULT (UTC_TIMESTAMP(6))"
        )
    )

    async def columns(self, link: Link, table: TableName) -> dict[str, TableColumn]:
        return await _described(link, _MYSQL_COLUMNS, [table.schema, table.name])

    async def insert(
        self, session: SqlSession, table: TableName, columns: Mapping[str, TableColumn], rows: Sequence[EventRow]
    ) -> None:
        sql = _insert_sql(self, table, " ON DUPLICATE KEY UPDATE `id` = `id`")
        await session.execute_many(sql, [(*row[:5], _without_zone(row[5]), *row[6:]) for row in rows])


_MYSQL_COLUMNS = """
SELECT column_name AS name, column_type AS type,
       is_nullable = 'NO' AND column_default IS NULL AND extra = '' AS must_be_given,
       column_key IN ('PRI', 'UNI') AS is_unique
FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?"""


@dataclass(frozen=True)
class OtherDialect(Dialect):
    """Any other database: asked which ids it has, then given the rest."""

    quotes: str = '""'
    types: Mapping[str, str] = field(
        default_factory=lambda: _table_types("VARCHAR(64)", "VARCHAR(512)", "VARCHAR(32)", "TEXT")
    )

    async def columns(self, link: Link, table: TableName) -> dict[str, TableColumn]:
        if await self._has(link, table, COLUMNS):
            return dict.fromkeys(COLUMNS, TableColumn())
        return {name: TableColumn() for name in COLUMNS if await self._has(link, table, [name])}

    async def _has(self, link: Link, table: TableName, names: Sequence[str]) -> bool:
        before, after = self.quotes
        listed = ", ".join(f"{before}{name}{after}" for name in names)
        with contextlib.suppress(Exception):  # each driver has its own error for a name that is not there
            async with link.session() as session:
                await session.fetch(f"SELECT {listed} FROM {table.quoted(self.quotes)} WHERE 1 = 0")  # noqa: S608
            return True
        return False

    async def insert(
        self, session: SqlSession, table: TableName, columns: Mapping[str, TableColumn], rows: Sequence[EventRow]
    ) -> None:
        new = {row[0]: row for row in rows}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            for id in await self._known(session, table, [row[0] for row in rows[start : start + _ROWS_AT_ONCE]]):
                new.pop(id, None)
        if new:
            await session.execute_many(_insert_sql(self, table, ""), list(new.values()))

    async def _known(self, session: SqlSession, table: TableName, ids: Sequence[str]) -> list[str]:
        before, after = self.quotes
        id, marks = f"{before}id{after}", ", ".join("?" * len(ids))
        found = await session.fetch(f"SELECT {id} FROM {table.quoted(self.quotes)} WHERE {id} IN ({marks})", ids)  # noqa: S608
        return [str(row[0]) for row in found]


async def _described(link: Link, sql: str, values: Sequence[object]) -> dict[str, TableColumn]:
    """Columns from rows of: name, type, whether it must be given, whether it is unique."""
    async with link.session() as session:
        rows = await session.fetch(sql, values)
    return {
        name: TableColumn(type, _refusal(name, must_be_given=must_be_given, unique=unique))
        for name, type, must_be_given, unique in rows
    }


def _refusal(name: str, *, must_be_given: object, unique: object) -> str:
    if name == "id" and not unique:
        return "is not unique, so that events sent twice would be there twice; make it the primary key"
    if name not in COLUMNS and must_be_given:
        return "must not be empty and has no default; give it one, or name another table"
    return ""


def _without_zone(timestamp: str) -> str:
    return timestamp[:26].replace("T", " ")

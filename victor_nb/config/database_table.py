"""The table that holds configuration, and the SQL that reads and creates it. Every name in it is checked before.

Values are never part of the SQL: each is a `?`, which a database's driver is given in its own style.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from victor_nb.errors import ConfigError, did_you_mean

DatabaseKind: TypeAlias = Literal["postgresql", "sqlite", "mysql", "other"]
DEFAULT_COLUMNS: Final[Mapping[str, str | None]] = {
    "key": "key",
    "value": "value",
    "tenant": "tenant",
    "session": "session_id",
    "namespace": "namespace",
}
"""What a column is for → its name in the table that `create_table` makes."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_TEXT: Final[Mapping[DatabaseKind, str]] = {
    "postgresql": "TEXT",
    "sqlite": "TEXT",
    "mysql": "VARCHAR(190)",
    "other": "VARCHAR(190)",
}
_JSON: Final[Mapping[DatabaseKind, str]] = {"postgresql": "JSONB", "sqlite": "TEXT", "mysql": "JSON", "other": "TEXT"}
_AS_TEXT: Final[Mapping[DatabaseKind, str]] = {
    "postgresql": "CAST({} AS TEXT)",
    "sqlite": "CAST({} AS TEXT)",
    "mysql": "CAST({} AS CHAR)",
    "other": "{}",
}


@dataclass(frozen=True)
class ConfigTable:
    """Names of the table, its schema and its columns; None where there is no such column.

    Raises:
        ConfigError: one is not a plain identifier, or `columns` names something that no column is for.
    """

    name: str
    schema: str | None
    columns: Mapping[str, str | None]

    def __post_init__(self) -> None:
        for role in self.columns:
            if role not in DEFAULT_COLUMNS:
                raise ConfigError(
                    f"No column is for {role!r}.{did_you_mean(str(role), DEFAULT_COLUMNS)}",
                    hint=f"columns may name {', '.join(DEFAULT_COLUMNS)}.",
                )
        object.__setattr__(self, "columns", {**DEFAULT_COLUMNS, **self.columns})
        for what, text in (("table", self.name), ("schema", self.schema), *self.columns.items()):
            required = what in ("table", "key", "value")
            if (text is None and required) or (text is not None and not _IDENTIFIER.fullmatch(str(text))):
                place = what if what in ("table", "schema") else f"column ({what})"
                raise ConfigError(
                    f"{text!r} cannot be the name of a {place}.",
                    hint="Use letters, digits and underscores, at most 63, and no digit first.",
                )

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    def select(self, kind: DatabaseKind, scope: Mapping[str, str | None]) -> tuple[str, tuple[str, ...]]:
        """The query, and its values, of the rows that hold for a scope: for each of tenant and session those that name
        it, and those that name none. Columns: key, value, tenant, session."""
        quoted = {role: f"c.{_quoted(kind, name)}" for role, name in self.columns.items() if name}
        shown = [quoted["key"], _AS_TEXT[kind].format(quoted["value"])]
        shown += [quoted.get(role, "NULL") for role in ("tenant", "session")]
        conditions: list[str] = []
        values: list[str] = []
        for role in ("namespace", "tenant", "session"):
            if role in quoted:
                conditions.append(_condition(quoted[role], role, scope[role] is not None))
                values += [value for value in [scope[role]] if value is not None]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {', '.join(shown)} FROM {self._path(kind)} AS c{where}", tuple(values)  # noqa: S608

    def create(self, kind: DatabaseKind) -> str:
        """The statement that makes the table where there is none."""
        text = f"{_TEXT[kind]} NOT NULL"
        names = {role: _quoted(kind, name) for role, name in self.columns.items() if name}
        lines = [f"{names[role]} {text} DEFAULT ''" for role in ("namespace", "tenant", "session") if role in names]
        lines += [f"{names['key']} {text}", f"{names['value']} {_JSON[kind]} NOT NULL"]
        keys = ", ".join(names[role] for role in ("namespace", "tenant", "session", "key") if role in names)
        unless = "" if kind == "other" else "IF NOT EXISTS "
        body = ",\n  ".join([*lines, f"PRIMARY KEY ({keys})"])
        return f"CREATE TABLE {unless}{self._path(kind)} (\n  {body}\n)"

    def _path(self, kind: DatabaseKind) -> str:
        return ".".join(_quoted(kind, part) for part in (self.schema, self.name) if part)


def _condition(column: str, role: str, given: bool) -> str:
    if role == "namespace":
        return f"{column} = ?"
    nobody = f"{column} IS NULL OR {column} = ''"
    return f"({nobody} OR {column} = ?)" if given else f"({nobody})"


def _quoted(kind: DatabaseKind, name: str) -> str:
    return f"`{name}`" if kind == "mysql" else f'"{name}"'

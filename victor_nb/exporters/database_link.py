"""What the exporter needs of a connection, whatever library it is of: a `Link` gives sessions, a `SqlSession` runs SQL.

SQL is written with `?` for each value; a session turns that into the style of its driver. It imports no driver.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from victor_nb.errors import ExportError
from victor_nb.exporters.database_errors import ANY_TIME_S

if TYPE_CHECKING:
    from victor_nb.exporters.database_dialects import Dialect
    from victor_nb.exporters.database_table import TableName

Values: TypeAlias = Sequence[object]


class SqlSession(Protocol):
    """One transaction: committed when the block is left, rolled back when something is raised in it."""

    async def fetch(self, sql: str, values: Values = ()) -> list[tuple[Any, ...]]: ...
    async def execute(self, sql: str, values: Values = ()) -> None: ...
    async def execute_many(self, sql: str, rows: Sequence[Values]) -> None: ...
    async def copy(self, table: TableName, chunks: Iterable[bytes]) -> None:
        """PostgreSQL's COPY, in the text format; only where the link `copies`."""
        ...


class Link(Protocol):
    """A way to a database. `close` lets go of what was opened here; what the user gave stays open."""

    dialect: Dialect
    copies: bool

    def session(self) -> AbstractAsyncContextManager[SqlSession]: ...
    def is_open(self) -> bool: ...
    async def close(self) -> None: ...


def in_style(sql: str, style: str) -> str:
    """`sql` with its `?` in a DB-API paramstyle, or as `$1` (numeric_dollar)."""
    if style == "qmark":
        return sql
    if style == "format":
        return sql.replace("?", "%s")
    pattern = {"numeric": ":{}", "numeric_dollar": "${}", "named": ":p{}", "pyformat": "%(p{})s"}[style]
    first, *others = sql.split("?")
    return first + "".join(pattern.format(number) + text for number, text in enumerate(others, 1))


def in_shape(values: Values, style: str) -> Any:
    """`values` as a driver of that paramstyle wants them."""
    if style in ("named", "pyformat"):
        return {f"p{number}": value for number, value in enumerate(values, 1)}
    return tuple(values)


def refuse_open_transaction() -> ExportError:
    """Rows in a transaction of the user's are not safe before it is committed, and it is not ours to commit."""
    return ExportError(
        "the connection is in a transaction of yours, and events must not depend on how it ends.",
        hint="They go when you commit or roll back (after a SELECT too, unless it is in autocommit mode); or give the "
        "exporter a connection of its own, a pool or a URL.",
        retry_after_s=ANY_TIME_S,
    )

"""Events as rows of a database table, each once however often it is sent.

It owns the order of things: open, check the table, send, let go. What is particular to a kind of database or driver
is in the modules beside it. It imports no driver.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from victor_nb.errors import ExportError
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.database_dialects import TableColumn, add_column_sql, create_sql
from victor_nb.exporters.database_errors import export_error, is_lost_connection, is_refusal, table_error
from victor_nb.exporters.database_link import Link
from victor_nb.exporters.database_rows import COLUMNS, EventRow, copy_text, row_of
from victor_nb.exporters.database_table import TableName
from victor_nb.exporters.database_target import target_of
from victor_nb.protocols import AnalyticsEvent, ExportResult

_ROWS_AT_ONCE = 250


@dataclass(frozen=True)
class _Opened:
    link: Link
    on: asyncio.AbstractEventLoop


class DatabaseAnalyticsExporter(BaseAnalyticsExporter):
    """Each event is a row of a table, once, however often it is sent: rows whose `id` is there are left alone.

    A batch is one transaction. What was opened for a URL or path is opened at the first batch, again after a break, and
    closed with the exporter. What you give stays open, is used where it lives, and is committed after each batch; while
    it is in a transaction of yours, events wait.

    Args:
        target: a URL (`postgresql://…`, `sqlite:///events.db`, or any of SQLAlchemy's), the path of a `.db` or
            `.sqlite` file, an SQLAlchemy Engine or AsyncEngine, an asyncpg Connection or Pool, a psycopg connection or
            pool (asynchronous or not), a `sqlite3` connection, or any other DB-API 2 connection.
        table: its name: letters, digits, underscores.
        schema: the schema it is in; the connection's own default when None.
        include_content: whether prompts, answers, tool arguments and results are part of `data`.
        batch_size: the most rows in one transaction.
        create_table: whether to create the table when it is not there.

    Raises:
        UsageError: the target is nothing that is accepted, or a name is not allowed.
        MissingExtraError: the driver is not installed.
    """

    def __init__(
        self,
        target: object,
        *,
        table: str = "victor_events",
        schema: str | None = None,
        include_content: bool = False,
        batch_size: int = 5000,
        create_table: bool = True,
    ) -> None:
        self.include_content = include_content
        self.batch_size = batch_size
        self._table = TableName(table, schema)
        self._target = target_of(target, self._table)
        self.destination = self._target.destination
        self._create_table = create_table
        self._opened: _Opened | None = None
        self._columns: Mapping[str, TableColumn] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.destination!r})"

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        """
        Returns:
            `exported_count`: the events, all of which the table has now.

        Raises:
            ExportError: the batch was not taken, and nothing of it is there. `retryable` is False when the database
                refuses what is in it.
        """
        try:
            if events:
                await self._export(events)
        except Exception as error:
            raise export_error(error) from error
        return ExportResult(True, len(events))

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened:
            with contextlib.suppress(Exception):  # it is broken already, or its loop is gone
                await opened.link.close()

    async def _export(self, events: Sequence[AnalyticsEvent]) -> None:
        link, was_open = await self._open()
        try:
            await self._send(link, events)
        except BaseException as error:
            self._columns = {}
            if not is_refusal(error):
                await self.close()
            if isinstance(error, ExportError) or not (was_open and is_lost_connection(error)):
                raise
            link, _ = await self._open()  # it was idle, and broke meanwhile
            await self._send(link, events)

    async def _open(self) -> tuple[Link, bool]:
        """The link for the running loop, and whether it has been used before."""
        here = asyncio.get_running_loop()
        if self._opened and self._opened.on is here and self._opened.link.is_open():
            return self._opened.link, True
        await self.close()
        self._opened = _Opened(await self._target.open(), here)
        return self._opened.link, False

    async def _send(self, link: Link, events: Sequence[AnalyticsEvent]) -> None:
        self._columns = self._columns or await self._checked(link)
        if link.copies and await self._copied(link, events):
            return
        rows: list[EventRow] = []
        for some in _slices(events):
            rows += [row_of(event) for event in some]
            await asyncio.sleep(0)  # this may be the user's own loop
        async with link.session() as session:
            await link.dialect.insert(session, self._table, self._columns, rows)

    async def _copied(self, link: Link, events: Sequence[AnalyticsEvent]) -> bool:
        """The fast way, which works unless some events are there already. If it does not, an INSERT tells why."""
        try:
            async with link.session() as session:
                await session.copy(self._table, (copy_text(list(map(row_of, some))) for some in _slices(events)))
        except Exception as error:
            if is_lost_connection(error):
                raise
            return False
        return True

    async def _checked(self, link: Link) -> Mapping[str, TableColumn]:
        columns = await link.dialect.columns(link, self._table)
        if not columns:
            columns = await self._created(link)
        if missing := [name for name in COLUMNS if name not in columns]:
            statements = "; ".join(add_column_sql(link.dialect, self._table, name) for name in missing)
            raise table_error(f"the table {self._table} has no column {', '.join(missing)}.", hint=f"{statements};")
        for name, column in columns.items():
            if column.refuses:
                raise table_error(f"the column {name} of the table {self._table} {column.refuses}.")
        return columns

    async def _created(self, link: Link) -> Mapping[str, TableColumn]:
        statement = create_sql(link.dialect, self._table)
        if not self._create_table:
            raise table_error(f"there is no table {self._table}.", hint=f"Create it: {statement};")
        try:
            async with link.session() as session:
                await session.execute(statement)
        except Exception as error:
            if columns := await link.dialect.columns(link, self._table):  # another exporter was faster
                return columns
            reason = export_error(error).message
            raise table_error(f"the table {self._table} cannot be created: {reason}", hint=f"{statement};") from error
        return await link.dialect.columns(link, self._table)


def _slices(events: Sequence[AnalyticsEvent]) -> Iterator[Sequence[AnalyticsEvent]]:
    for start in range(0, len(events), _ROWS_AT_ONCE):
        yield events[start : start + _ROWS_AT_ONCE]

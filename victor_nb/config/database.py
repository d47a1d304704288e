"""Configuration from rows of a database table, one query a load.

It owns the order of things and the words of what goes wrong; SQL, drivers and rows are in the modules beside it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from victor_nb.config.database_rows import config_of
from victor_nb.config.database_table import ConfigTable
from victor_nb.config.database_targets import database_of
from victor_nb.config.fetch import checked_seconds
from victor_nb.config.secrecy import secrets_of, without
from victor_nb.config.tenants import TenantFinder, check_tenant, tenant_of
from victor_nb.errors import ConfigError, VictorError

_NO_TABLE: Final = re.compile(r"no such (table|column)|does not exist|doesn't exist|unknown column", re.IGNORECASE)


class DatabaseConfigProvider:
    """Reads rows of a key and a JSON value. Rows that name neither tenant nor session hold for all; those of the
    session's tenant win over them, and those of the session over both.

    Args:
        target: a URL (`postgresql://…`, `sqlite:///config.db`, or any of SQLAlchemy's), the path of a `.db` or
            `.sqlite` file, an SQLAlchemy Engine or AsyncEngine, an asyncpg Connection or Pool, a psycopg connection or
            pool (asynchronous or not), a `sqlite3` connection, or any other DB-API 2 connection.
        table: its name: letters, digits, underscores. `create_table()` makes it; nothing else does.
        schema: the schema it is in; the connection's own default when None.
        columns: names of columns where they differ from `key`, `value`, `tenant`, `session` (named `session_id`) and
            `namespace`; None for one of the last three says that the table has none.
        namespace: only rows of this namespace count.
        tenant: whose a session is: a mapping of session ids, a function of the session id (sync or async), or a name.
        separator: what divides a key into a path, so that `style.tone` is `{"style": {"tone": …}}`; None for nothing.
        ttl_s: for so many seconds an answer is taken without asking; the coordinator's `ttl_s` by default.

    Raises:
        ConfigError: the target is nothing that is accepted, or a name is not allowed.
        MissingExtraError: the driver is not installed.
    """

    def __init__(
        self,
        target: object,
        *,
        table: str = "victor_config",
        schema: str | None = None,
        columns: Mapping[str, str | None] | None = None,
        namespace: str = "",
        tenant: TenantFinder = None,
        separator: str | None = ".",
        ttl_s: float | None = None,
        priority: int = 50,
    ) -> None:
        check_tenant(tenant)
        self._table = ConfigTable(table, schema, columns or {})
        if namespace and self._table.columns["namespace"] is None:
            raise ConfigError(f"The table has no column for the namespace {namespace!r}.", hint="Name it in columns.")
        self._secrets = secrets_of(target) if isinstance(target, str) else ()
        self._database = database_of(target, schema)
        self._namespace = namespace
        self._tenant = tenant
        self._separator = separator or None
        self.ttl_s = checked_seconds("ttl_s", ttl_s, None, least=0)
        self._priority = priority

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._database.kind}, table={str(self._table)!r})"

    def priority(self) -> int:
        return self._priority

    async def get_config(self, session_id: str) -> dict[str, Any]:
        """
        Raises:
            ConfigError: the database cannot be read, or a value in it is no JSON.
        """
        tenant = await tenant_of(self._tenant, session_id)
        scope = {"namespace": self._namespace, "tenant": tenant, "session": session_id}
        sql, values = self._table.select(self._database.kind, scope)
        try:
            rows = await self._database.run(sql, values)
        except VictorError:
            raise
        except Exception as error:  # noqa: BLE001  (each driver has errors of its own)
            raise self._failure("read", error) from None
        return config_of(rows, str(self._table), self._separator)

    async def create_table(self) -> None:
        """Make the table, where it is not there yet.

        Raises:
            ConfigError: the database refuses.
        """
        try:
            await self._database.run(self._table.create(self._database.kind))
        except VictorError:
            raise
        except Exception as error:  # noqa: BLE001  (each driver has errors of its own)
            raise self._failure("created", error) from None

    def _failure(self, what: str, error: Exception) -> ConfigError:
        """In the driver's words, without what is secret; a driver's own errors are of many classes."""
        said = without(self._secrets, str(error))[:300] or "no reason given"
        hint = ""
        if what == "read" and _NO_TABLE.search(said):
            statement = " ".join(self._table.create(self._database.kind).split())
            hint = f"await provider.create_table() makes it, or name yours with table= and columns=: {statement};"
        return ConfigError(
            f"The configuration table {self._table} cannot be {what}: {type(error).__name__}: {said.rstrip('.')}.",
            hint=hint,
        )

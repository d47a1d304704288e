"""What the provider needs of a database, whatever library speaks to it: to run one statement. No library is imported.

What was opened for a URL or path is open for that statement only: a load is seldom, and an idle connection a kernel
would be many on a team's server. What the user gave stays open, is asked where it lives, and its transaction, if it
is in one, is left as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

from victor_nb.config.database_table import DatabaseKind
from victor_nb.errors import ConfigError

Rows: TypeAlias = list[tuple[Any, ...]]
_ELSEWHERE_TIMEOUT_S: Final = 5.0


class ConfigDatabase(Protocol):
    """`run` gives the rows of a query; of any other statement none, and it is committed."""

    kind: DatabaseKind

    async def run(self, sql: str, values: Sequence[str] = ()) -> Rows: ...


def in_style(sql: str, style: str) -> str:
    """`sql` with its `?` in a DB-API paramstyle, or as `$1` (dollar)."""
    if style == "qmark":
        return sql
    marks = {"format": "%s", "numeric": ":{}", "dollar": "${}", "named": ":p{}", "pyformat": "%(p{})s"}
    first, *others = sql.split("?")
    return first + "".join(marks[style].format(number) + text for number, text in enumerate(others, 1))


def in_shape(values: Sequence[str], style: str) -> Any:
    if style in ("named", "pyformat"):
        return {f"p{number}": value for number, value in enumerate(values, 1)}
    return tuple(values)


def making_tuples(cursor: object) -> Any:
    return tuple


async def at_home(home: asyncio.AbstractEventLoop | None, work: Callable[[], Awaitable[Rows]]) -> Rows:
    """Await `work` on the loop that a connection belongs to.

    Raises:
        ConfigError: that loop does not run, or is too busy.
    """
    if home is None or home is asyncio.get_running_loop():
        return await work()
    hint = "Give the provider a URL: then it opens a connection where it is asked."
    if not home.is_running():
        raise ConfigError("The connection belongs to an event loop that is not running.", hint=hint)

    async def there() -> Rows:
        return await work()

    asked = asyncio.run_coroutine_threadsafe(there(), home)
    try:
        async with asyncio.timeout(_ELSEWHERE_TIMEOUT_S):
            return await asyncio.wrap_future(asked)
    except TimeoutError:
        raise ConfigError(
            "The connection belongs to an event loop that had no time for it, as a notebook's has none while a cell "
            "runs.",
            hint=hint,
        ) from None

"""Configuration from a database: PostgreSQL and SQLite, through every kind of connection that is accepted."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psycopg
import pytest
import sqlalchemy
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import StaticPool

from victor_nb.agent.coordinators import ConfigCoordinator
from victor_nb.config import DatabaseConfigProvider
from victor_nb.config.database_targets import database_of
from victor_nb.errors import ConfigError

ROWS = [
    ("", "", "", "temperature", "0.9"),
    ("", "", "", "style.tone", '"formal"'),
    ("", "", "", "style.depth", "3"),
    ("", "acme", "", "temperature", "0.5"),
    ("", "acme", "s1", "style.tone", '"terse"'),
    ("", "other", "", "temperature", "0.1"),
    ("", "", "s2", "temperature", "null"),
    ("lab", "", "", "temperature", "2.0"),
]
EXPECTED = {"temperature": 0.5, "style": {"tone": "terse", "depth": 3}}


async def filled(target: Any, **options: Any) -> DatabaseConfigProvider:
    """A provider whose table has been made by it, and holds `ROWS`."""
    provider = DatabaseConfigProvider(target, tenant={"s1": "acme"}, **options)
    await provider.create_table()
    await provider.create_table()
    names = ", ".join(f"'{{{n}}}'" for n in range(5))
    for row in ROWS:
        await database_of(target).run(f"INSERT INTO victor_config VALUES ({names})".format(*row))
    return provider


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.db"


@asynccontextmanager
async def postgres_target(kind: str, url: str):
    """Each kind of way to PostgreSQL, opened as a user would."""
    match kind:
        case "url":
            yield url
        case "asyncpg connection":
            connection = await asyncpg.connect(url)
            yield connection
            await connection.close()
        case "asyncpg pool":
            async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
                yield pool
        case "psycopg":
            with psycopg.connect(url) as connection:
                yield connection
        case "psycopg async":
            async with await psycopg.AsyncConnection.connect(url) as connection:
                yield connection
        case "engine":
            engine = sqlalchemy.create_engine(url.replace("postgresql", "postgresql+psycopg"))
            yield engine
            engine.dispose()
        case "async engine":
            engine = create_async_engine(url.replace("postgresql", "postgresql+asyncpg"))
            yield engine
            await engine.dispose()
        case "sqlalchemy url":
            yield url.replace("postgresql", "postgresql+psycopg")


KINDS = [
    "url", "asyncpg connection", "asyncpg pool", "psycopg", "psycopg async", "engine", "async engine", "sqlalchemy url",
]  # fmt: skip


async def test_every_way_to_postgresql_gives_the_same(postgres: str) -> None:
    for kind in KINDS:
        async with postgres_target(kind, postgres) as target:
            provider = await filled(target)
            asked = [provider.get_config(session) for session in ("s1", "s1", "s2", "s3")]
            answers = await asyncio.gather(*asked)
            await database_of(target).run("DROP TABLE victor_config")
        assert answers[0] == answers[1] == EXPECTED, kind
        assert answers[2] == {"temperature": None, "style": {"tone": "formal", "depth": 3}}, kind
        assert answers[3]["temperature"] == 0.9, kind


@pytest.mark.parametrize("kind", ["path", "text", "url", "connection", "memory", "engine"])
async def test_every_way_to_sqlite_gives_the_same(kind: str, path: Path) -> None:
    static = {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    targets = {
        "path": lambda: path,
        "text": lambda: str(path),
        "url": lambda: f"sqlite:///{path}",
        "connection": lambda: sqlite3.connect(path),
        "memory": lambda: sqlite3.connect(":memory:"),
        "engine": lambda: sqlalchemy.create_engine("sqlite://", **static),
    }
    target = targets[kind]()
    assert await (await filled(target)).get_config("s1") == EXPECTED
    if kind in ("connection", "memory"):
        target.close()
    if kind == "engine":
        target.dispose()


async def test_a_connection_in_use_keeps_its_transaction(postgres: str) -> None:
    with psycopg.connect(postgres) as ours:
        provider = await filled(ours)
        assert ours.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        ours.execute("UPDATE victor_config SET value = '0.7' WHERE tenant = 'acme' AND key = 'temperature'")
        assert (await provider.get_config("s1"))["temperature"] == 0.7
        assert ours.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        ours.rollback()
        assert (await provider.get_config("s1"))["temperature"] == 0.5


async def test_a_load_is_one_query(path: Path) -> None:
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    provider = await filled(engine)
    seen: list[str] = []
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
    await provider.get_config("s1")
    assert len(seen) == 1
    engine.dispose()


async def test_names_that_mean_harm_are_values(path: Path) -> None:
    harm = "x' OR '1'='1"
    await filled(path)
    provider = DatabaseConfigProvider(path, namespace=harm, tenant=harm)
    assert await provider.get_config(harm) == {}
    for wrong in ("a; DROP TABLE b", 'a"b', "", "1a", "a.b"):
        with pytest.raises(ConfigError, match="cannot be the name of a table"):
            DatabaseConfigProvider(path, table=wrong)
    with pytest.raises(ConfigError, match=r"column \(value\)"):
        DatabaseConfigProvider(path, columns={"value": "v; --"})


async def test_a_table_of_the_users_own(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE flags (flag TEXT, setting TEXT)")
        connection.executemany("INSERT INTO flags VALUES (?, ?)", [("a.b", "1"), ("c", None)])
    connection.close()
    columns = {"key": "flag", "value": "setting", "tenant": None, "session": None, "namespace": None}
    assert await DatabaseConfigProvider(path, table="flags", columns=columns).get_config("s") == {"a": {"b": 1}}
    plain = DatabaseConfigProvider(path, table="flags", columns=columns, separator=None)
    assert await plain.get_config("s") == {"a.b": 1}
    with pytest.raises(
        ConfigError, match=r"no such column: c\.key"
    ):  # and no text of that name, as SQLite would have it
        await DatabaseConfigProvider(path, table="flags").get_config("s")
    with pytest.raises(ConfigError, match=r"No column is for 'keys'\. Did you mean 'key'"):
        DatabaseConfigProvider(path, columns={"keys": "k"})


async def test_what_is_not_there_is_told_and_not_made(path: Path, postgres: str) -> None:
    with pytest.raises(ConfigError, match=r"There is no file .*config\.db"):
        await DatabaseConfigProvider(path).get_config("s")
    assert not path.exists()
    with pytest.raises(ConfigError, match=r"does not exist.*create_table\(\).*CREATE TABLE IF NOT EXISTS"):
        await DatabaseConfigProvider(postgres).get_config("s")


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([("a", "formal")], r"The value of 'a' in victor_config is no JSON\. A text needs quotes"),
        ([("a", "1"), ("a.b", "2")], "a row for 'a.b', and one for 'a' that is no dict"),
    ],
)
async def test_rows_that_cannot_be_read_are_named(rows: list[tuple[str, str]], match: str, path: Path) -> None:
    provider = DatabaseConfigProvider(path)
    await provider.create_table()
    with sqlite3.connect(path) as connection:
        connection.executemany("INSERT INTO victor_config (key, value) VALUES (?, ?)", rows)
    connection.close()
    with pytest.raises(ConfigError, match=match):
        await provider.get_config("s")


async def test_no_password_is_shown() -> None:
    url = "postgresql://victor:canary-password@127.0.0.1:1/x?sslpassword=canary-two"
    for target in (url, url.replace("postgresql:", "postgresql+psycopg:")):
        provider = DatabaseConfigProvider(target)
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            await provider.get_config("s")
        assert "canary" not in f"{caught.value} {provider!r} {caught.value.__cause__}"
    with pytest.raises(ConfigError, match="no database that SQLAlchemy knows") as caught:
        DatabaseConfigProvider("nonsense://a:canary@b/c")
    assert "canary" not in str(caught.value)


def test_what_is_no_database_is_refused() -> None:
    for wrong in (None, 7, "config", object()):
        with pytest.raises(ConfigError, match="is no database"):
            DatabaseConfigProvider(wrong)
    with pytest.raises(ConfigError, match="Each thread has its own in-memory database"):
        DatabaseConfigProvider(sqlalchemy.create_engine("sqlite://"))


def test_a_connection_is_asked_on_its_own_loop(postgres: str) -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def there(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(20)

    connection = there(asyncpg.connect(postgres))
    provider = there(filled(connection))
    assert asyncio.run(provider.get_config("s1")) == EXPECTED
    there(connection.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    with pytest.raises(ConfigError, match="event loop that is not running"):
        asyncio.run(provider.get_config("s1"))


async def test_the_coordinator_says_which_row_won(path: Path) -> None:
    coordinator = ConfigCoordinator([await filled(path)], ttl_s=60)
    assert await coordinator.load_config("s1") == EXPECTED
    path.unlink()
    assert await coordinator.load_config("s1") == EXPECTED
    assert coordinator.explain("style.tone").provider == "DatabaseConfigProvider"
    coordinator.invalidate("s1")
    with pytest.raises(ConfigError, match="There is no file"):
        await coordinator.load_config("s1")

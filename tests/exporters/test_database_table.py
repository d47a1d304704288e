"""The table that events go to: made when it is missing, used as it is when it will do, and told apart when not."""

from __future__ import annotations

import json
import re
import sqlite3
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.database_events import in_postgres, in_sqlite, made_events

from victor_nb.errors import ExportError, MissingExtraError, UsageError
from victor_nb.exporters.database import DatabaseAnalyticsExporter


async def test_a_missing_column_is_named_with_the_line_that_adds_it(postgres, tmp_path):
    made = (
        "CREATE TABLE victor_events (id {0} PRIMARY KEY, seq bigint, kernel_run_id {0}, session_id {0}, timestamp {0})"
    )
    path, events = tmp_path / "events.db", made_events(1)
    await in_postgres(postgres, made.format("text"))
    in_sqlite(path, made.format("text"))
    for target in (postgres, path):
        exporter = DatabaseAnalyticsExporter(target)
        with pytest.raises(ExportError, match="has no column type, turn_id, data") as failure:
            await exporter.export(events)
        assert failure.value.retryable
        for line in failure.value.hint.rstrip(";").split("; "):
            await in_postgres(postgres, line) if target is postgres else in_sqlite(path, line)
        assert (await exporter.export(events)).success
        await exporter.close()
    assert in_sqlite(path, "SELECT id, type FROM victor_events") == [(events[0].id, "x_made")]


async def test_a_table_of_other_types_will_do(postgres):
    columns = "id uuid UNIQUE, seq integer, kernel_run_id uuid, session_id varchar(9), type varchar(40), "
    rest = "timestamp timestamp, turn_id text, data json, mine integer, note text NOT NULL DEFAULT 'x'"
    await in_postgres(postgres, f"CREATE TABLE odd ({columns}{rest})")
    exporter, events = DatabaseAnalyticsExporter(postgres, table="odd"), made_events(3)
    await exporter.export(events[:2])
    await exporter.export(events)
    await exporter.close()
    rows = await in_postgres(postgres, "SELECT id, note, data->>'n' AS n FROM odd ORDER BY seq")
    assert [(str(row["id"]), row["note"], row["n"]) for row in rows] == [
        (event.id, "x", str(event.data["n"])) for event in events
    ]


@pytest.mark.parametrize(
    ("key", "extra", "problem"),
    [("", "", "id .* is not unique"), ("PRIMARY KEY", ", mine text NOT NULL", "mine .* has no default")],
)
async def test_a_table_that_would_refuse_or_double_every_event_is_told(key, extra, problem, postgres, tmp_path):
    names = ", ".join(
        f"{name} text" for name in ("kernel_run_id", "session_id", "type", "timestamp", "turn_id", "data")
    )
    sql = f"CREATE TABLE victor_events (id text {key}, seq bigint, {names}{extra})"
    await in_postgres(postgres, sql)
    in_sqlite(tmp_path / "events.db", sql)
    for target in (postgres, tmp_path / "events.db"):
        exporter = DatabaseAnalyticsExporter(target)
        with pytest.raises(ExportError, match=problem) as failure:
            await exporter.export(made_events(1))
        assert failure.value.retryable
        await exporter.close()


async def test_the_table_is_not_created_when_that_is_not_wanted(postgres):
    exporter = DatabaseAnalyticsExporter(postgres, create_table=False, schema="public")
    with pytest.raises(ExportError, match=r"no table public\.victor_events") as failure:
        await exporter.export(made_events(1))
    await in_postgres(postgres, failure.value.hint.removeprefix("Create it: "))
    assert (await exporter.export(made_events(1))).success
    await exporter.close()


async def test_a_schema_that_is_not_there_is_told(postgres):
    exporter = DatabaseAnalyticsExporter(postgres, schema="nowhere")
    with pytest.raises(
        ExportError, match=r'nowhere\.victor_events cannot be created: .*schema "nowhere" does not exist'
    ):
        await exporter.export(made_events(1))
    await in_postgres(postgres, "CREATE SCHEMA nowhere")
    assert (await exporter.export(made_events(1))).success
    await exporter.close()


async def test_a_table_that_was_dropped_is_made_again(postgres):
    exporter = DatabaseAnalyticsExporter(postgres)
    await exporter.export(made_events(1))
    await in_postgres(postgres, "DROP TABLE victor_events")
    with pytest.raises(ExportError, match="does not exist") as failure:
        await exporter.export(made_events(1))
    assert failure.value.retryable
    assert (await exporter.export(made_events(1))).success
    await exporter.close()


@pytest.mark.parametrize("name", ["", "1st", 'x"; DROP TABLE users; --', "a b", "a.b", "é", "x" * 64, "t%s", "t?"])
def test_names_that_are_no_plain_identifiers_are_refused(name, tmp_path):
    for names in ({"table": name}, {"schema": name}):
        with pytest.raises(UsageError, match="cannot be the name of a"):
            DatabaseAnalyticsExporter(tmp_path / "events.db", **names)


async def test_reserved_words_are_fine_as_names(postgres):
    exporter = DatabaseAnalyticsExporter(postgres, table="Order")
    await exporter.export(made_events(1))
    await exporter.close()
    assert len(await in_postgres(postgres, 'SELECT * FROM "Order"')) == 1


WRONG = [None, 3, object(), "events.txt", "postgresql", "sqlite://", "sqlite:///:memory:", "foo://u:hunter2@h/d", json]


@pytest.mark.parametrize("target", WRONG, ids=lambda given: repr(given).split(" at 0x")[0])
def test_what_is_no_database_is_refused_in_one_error(target):
    with pytest.raises(UsageError) as failure:
        DatabaseAnalyticsExporter(target)
    assert re.search("an Engine|Engine or AsyncEngine|sqlite:///events.db|dialect", failure.value.hint)
    assert "hunter2" not in str(failure.value)


def test_a_missing_driver_is_told_with_the_line_that_installs_it(monkeypatch):
    with pytest.raises(MissingExtraError, match="pip install oracledb"):
        DatabaseAnalyticsExporter("oracle+oracledb://u:p@h/d")
    for name in ("asyncpg", "psycopg", "psycopg2", "sqlalchemy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r'pip install "victor-nb\[postgres\]"'):
        DatabaseAnalyticsExporter("postgresql://u:p@h/d")
    with pytest.raises(MissingExtraError, match=r'pip install "victor-nb\[sql\]"'):
        DatabaseAnalyticsExporter("mysql+pymysql://u:p@h/d")


UNFIT = re.compile("[\x00\ud800-\udfff]")
text = st.text(st.characters(), max_size=20)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=20,
)


def expected(value):
    """As it must come back: mended, and numbers as floats where JSONB does not tell 1e22 from an integer."""
    if isinstance(value, dict):
        return {expected(key): expected(item) for key, item in value.items()}
    if isinstance(value, list):
        return [expected(item) for item in value]
    if isinstance(value, str):
        return UNFIT.sub("\ufffd", value)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.lists(st.dictionaries(text, json_values, max_size=5), min_size=1, max_size=5))
async def test_any_json_comes_back_as_it_went(data, postgres, tmp_path):
    events = made_events(len(data))
    events = [event.model_copy(update={"data": given}) for event, given in zip(events, data, strict=True)]
    for target in (postgres, tmp_path / "events.db"):
        exporter = DatabaseAnalyticsExporter(target)
        await exporter.export(events)
        await exporter.export(events)  # by INSERT, the first was by COPY
        await exporter.close()
    sql = "SELECT CAST(data AS text) AS data FROM victor_events WHERE kernel_run_id = '{}' ORDER BY seq"
    rows = await in_postgres(postgres, sql.format(events[0].kernel_run_id))
    texts = in_sqlite(tmp_path / "events.db", sql.format(events[0].kernel_run_id))
    assert [expected(json.loads(row["data"])) for row in rows] == [expected(given) for given in data]
    assert [expected(json.loads(row[0])) for row in texts] == [expected(given) for given in data]


@pytest.mark.parametrize("odd", ['a\x00b\ud800"?%s$1{}', "\\N", "\\b", "\t\r\n", "\\."])
async def test_odd_characters_anywhere_do_no_harm(odd, postgres, tmp_path):
    [event] = made_events(1)
    event = event.model_copy(update={"session_id": odd, "data": {"turn_id": odd, odd: [float("nan"), odd]}})
    for target in (postgres, tmp_path / "events.db", postgres.replace("postgresql://", "postgresql+psycopg://")):
        exporter = DatabaseAnalyticsExporter(target, table=f"t{len(str(target))}")
        await exporter.export([event])
        await exporter.export([event])
        await exporter.close()
    [row] = await in_postgres(postgres, f"SELECT * FROM t{len(postgres)}")
    assert row["session_id"] == row["turn_id"] == expected(odd)
    assert json.loads(row["data"]) == {"turn_id": expected(odd), expected(odd): [None, expected(odd)]}


async def test_data_that_is_not_json_is_refused_for_good(postgres):
    exporter = DatabaseAnalyticsExporter(postgres)
    events = made_events(2)
    events[1].data["odd"] = object()
    with pytest.raises(ExportError, match="not JSON") as failure:
        await exporter.export(events)
    assert not failure.value.retryable
    assert (await exporter.export(events[:1])).success
    await exporter.close()


def test_importing_it_imports_no_driver():
    import subprocess

    script = "import sys, victor_nb.exporters.database; print(*{'asyncpg','psycopg','sqlalchemy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_sqlite_is_new_enough_for_upserts():
    assert sqlite3.sqlite_version_info >= (3, 24)

"""Files of older schemas: they are brought up to date once, whoever comes first, and lose nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from victor_nb.errors import StoreVersionError
from victor_nb.frames import Analytics
from victor_nb.protocols import EventQuery
from victor_nb.records import SessionEntry
from victor_nb.store import SQLiteStore, migrations

# What version 1 made, word for word: it must not follow the code.
SCHEMA_1 = """
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    notebook TEXT,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_stamp TEXT NOT NULL,
    started_at_us INTEGER NOT NULL,
    ended_at_us INTEGER
);
CREATE TABLE events (
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(number),
    seq INTEGER NOT NULL,
    session_id TEXT NOT NULL,
    type TEXT NOT NULL,
    timestamp_us INTEGER NOT NULL,
    turn_id TEXT,
    data TEXT NOT NULL,
    content TEXT
);
CREATE UNIQUE INDEX events_run_seq ON events(run, seq);
CREATE INDEX events_session ON events(session_id);
CREATE TABLE cursors (
    exporter TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(number),
    position INTEGER NOT NULL,
    PRIMARY KEY (exporter, run)
) WITHOUT ROWID;
PRAGMA user_version=1;
"""
# … and what version 2 added to it.
SCHEMA_2 = """
ALTER TABLE runs ADD COLUMN pruned_seq INTEGER NOT NULL DEFAULT 0;
ALTER TABLE events ADD COLUMN channel INTEGER NOT NULL DEFAULT 0;
CREATE INDEX events_run_channel ON events(run, channel);
CREATE INDEX events_turn_started ON events(run, turn_id, session_id, timestamp_us, type) WHERE type='turn_started';
CREATE INDEX events_feedback_given ON events(run, turn_id, session_id, timestamp_us, type) WHERE type='feedback_given';
CREATE TABLE outboxes (
    exporter TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(number),
    channel INTEGER NOT NULL,
    position INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    dropped INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    updated_at_us INTEGER,
    owner TEXT NOT NULL,
    owner_channel INTEGER NOT NULL,
    PRIMARY KEY (exporter, run, channel)
) WITHOUT ROWID;
CREATE TABLE dead_letters (
    exporter TEXT NOT NULL,
    run INTEGER NOT NULL REFERENCES runs(number),
    channel INTEGER NOT NULL,
    position INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    error TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    died_at_us INTEGER NOT NULL,
    PRIMARY KEY (exporter, run, channel, position)
) WITHOUT ROWID;
CREATE TABLE forgotten (
    run INTEGER NOT NULL REFERENCES runs(number),
    channel INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (run, channel)
) WITHOUT ROWID;
"""
COLUMNS_2 = (
    "status", "model", "provider", "input_tokens", "output_tokens", "cache_read_tokens", "cost_usd", "usage_source",
    "duration_s", "time_to_first_token_s", "requests", "tool_calls",
)  # fmt: skip
INSERT_1 = (
    "INSERT INTO events (run, id, seq, session_id, type, timestamp_us, turn_id, data, content) "
    "VALUES (1, ?, ?, 's', ?, ?, 't', ?, NULL)"
)
OPEN = "import sys; from pathlib import Path; from victor_nb.store import SQLiteStore as S; s = S(Path(sys.argv[1]));"


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    path = tmp_path / "victor.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA_1)
    connection.execute("INSERT INTO runs VALUES (1, 'old', 'a.ipynb', 'host', 1, '', 1000000, 9000000)")
    connection.execute(INSERT_1, ("e1", 1, "turn_started", 2_000_000, '{"turn_id":"t"}'))
    connection.execute(INSERT_1, ("e2", 2, "turn_completed", 3_000_000, '{"turn_id":"t","status":"ok","model":"m"}'))
    connection.execute("INSERT INTO cursors VALUES ('Mine/x/1', 1, 2)")
    connection.commit()
    connection.close()
    return path


@pytest.fixture
def version_2(version_1: Path) -> Path:
    connection = sqlite3.connect(version_1)
    connection.executescript(SCHEMA_2)
    for name in COLUMNS_2:
        connection.execute(f"ALTER TABLE events ADD COLUMN {name} AS (json_extract(data, '$.{name}')) VIRTUAL")
    columns = ", ".join(("run", "turn_id", "session_id", "timestamp_us", "type", *COLUMNS_2))
    connection.execute(f"CREATE INDEX events_turn_completed ON events({columns}) WHERE type='turn_completed'")
    connection.execute(
        "INSERT INTO outboxes (exporter, run, channel, position, owner, owner_channel) VALUES ('w', 1, 0, 1, 'old', 0)"
    )
    connection.execute("PRAGMA user_version=2")
    connection.commit()
    connection.close()
    return version_1


def test_a_file_of_schema_2_keeps_what_it_has_and_takes_conversations(version_2: Path):
    store = SQLiteStore(version_2)
    store.append_entries("s", [SessionEntry(1, "turn", "{}")]).result()
    assert [event.id for event in store.read(EventQuery())] == ["e1", "e2"]
    (box,) = store.outboxes()
    assert (box.exporter, box.position, box.pending) == ("w", 1, 1)
    assert [saved.entries for saved in store.saved_sessions()] == [1]
    store.close()


def test_a_file_of_schema_2_that_cannot_be_brought_up_to_date_is_still_read(version_2: Path):
    connection = sqlite3.connect(version_2)
    connection.execute("CREATE TABLE session_entries (in_the_way)")
    connection.close()
    store = SQLiteStore(version_2)
    with pytest.warns(RuntimeWarning, match="session_entries already exists"):
        store.append_entries("s", [SessionEntry(1, "turn", "{}")]).result(), store.append("x_test", "s", {})
    assert [event.type for event in store.read(EventQuery())][:2] == ["turn_started", "turn_completed"]
    assert [saved.entries for saved in store.saved_sessions()] == [1]
    assert len(store.read_entries("s")) == 1
    store.close()


def shape(path: Path) -> list[tuple[str, ...]]:
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name").fetchall()
    connection.close()
    return found


def test_a_file_of_schema_1_is_read_as_before(version_1: Path):
    store = SQLiteStore(version_1)
    assert [(event.id, event.seq, event.channel) for event in store.read(EventQuery())] == [("e1", 1, 0), ("e2", 2, 0)]
    (run,) = store.runs()
    assert (run.id, run.notebook, run.last_seq, run.stored, run.pruned_seq) == ("old", "a.ipynb", 2, 2, 0)
    (turn,) = Analytics(lambda: store).turns(all=True).to_dict("records")
    assert (turn["status"], turn["model"]) == ("ok", "m")
    assert store.rows(EventQuery(types=["turn_completed"]), ["model"]) == [("m",)]
    assert store.outboxes() == []
    store.close()


@pytest.mark.parametrize("version", ["version_1", "version_2"])
def test_a_migrated_file_is_made_like_a_new_one(version: str, request: pytest.FixtureRequest, tmp_path: Path):
    old: Path = request.getfixturevalue(version)
    for path in (old, tmp_path / "new.db"):
        store = SQLiteStore(path)
        store.append("x_test", "s", {})
        store.close()
    assert shape(old) == shape(tmp_path / "new.db")


def test_kernels_that_migrate_at_once_do_it_once(version_1: Path):
    script = f"{OPEN} s.append('x_test', 's', {{}}); s.close(); assert not s.degraded, s.degraded"
    kernels = [subprocess.Popen([sys.executable, "-W", "error", "-c", script, str(version_1)]) for _ in range(4)]
    assert [kernel.wait(60) for kernel in kernels] == [0] * 4
    store = SQLiteStore(version_1)
    assert len(store.read(EventQuery())) == 2 + 4
    store.close()


def test_a_kernel_of_schema_1_goes_on_in_the_migrated_file(version_1: Path):
    old = sqlite3.connect(version_1, isolation_level=None)
    old.execute("SELECT * FROM events").fetchall()
    new = SQLiteStore(version_1)
    new.append("x_new", "s", {})
    new.flush()
    old.execute(INSERT_1, ("e3", 3, "x_old", 4_000_000, "{}"))
    old.execute("INSERT OR REPLACE INTO cursors VALUES ('Mine/x/1', 1, 4)")
    old.close()
    assert [event.type for event in new.read(EventQuery(channel=0))][-2:] == ["x_new", "x_old"]
    new.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(version_1: Path):
    before = shape(version_1)
    connection = sqlite3.connect(version_1)
    connection.execute("CREATE TABLE forgotten (in_the_way)")
    connection.close()
    store = SQLiteStore(version_1)
    store.append("x_test", "s", {})
    with pytest.warns(RuntimeWarning, match="forgotten already exists"):
        store.flush(), store.append("x_test", "s", {})
    assert [event.type for event in store.read(EventQuery())][:2] == ["turn_started", "turn_completed"]
    store.close()
    assert [row for row in shape(version_1) if row[1] != "forgotten"] == before


def test_a_newer_schema_is_refused_with_what_to_do(tmp_path: Path):
    path = tmp_path / "victor.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    store = SQLiteStore(path)
    with pytest.raises(StoreVersionError, match=rf"schema 99.*knows {migrations.VERSION}.*upgrade victor_nb"):
        store.read(EventQuery())
    store.close()

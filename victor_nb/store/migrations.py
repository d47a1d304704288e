"""How a store's file comes from each schema to the next: one function a step, and a new file takes them all.

A step is never edited once it was released. It runs in a transaction that the caller opened, with the write lock held.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final

TURN_COLUMNS: Final = (
    "status",
    "model",
    "provider",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cost_usd",
    "usage_source",
    "duration_s",
    "time_to_first_token_s",
    "requests",
    "tool_calls",
)
"""Values of `data` that are columns of `events`, and in the index of completed turns: summed without parsing JSON."""

# AUTOINCREMENT, because a position must never be used again: exporters remember how far they came by it.
_FIRST = """
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
"""

# `cursors` stays, unused: a kernel of schema 1 that has the file open goes on recording, on channel 0, and writes its
# cursors there. Nothing is taken over from it, since its keys hold a random number that no other kernel ever has.
# `forgotten` counts events that were accepted and are no longer held: pruned, or lost with a file that was deleted.
# `dropped` are those of them that an outbox had not delivered.
_SECOND = """
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

# A session is deleted with its entries, and its number is never used again: memory counts on behind those of a file.
# One without entries was opened and not used yet. `summary` is the business of whoever keeps conversations.
_THIRD = """
CREATE TABLE sessions (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    notebook TEXT NOT NULL,
    session_id TEXT NOT NULL,
    entries INTEGER NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    created_at_us INTEGER,
    updated_at_us INTEGER,
    summary TEXT,
    holder TEXT,
    UNIQUE (notebook, session_id)
);
CREATE TABLE session_entries (
    session INTEGER NOT NULL REFERENCES sessions(number),
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    timestamp_us INTEGER NOT NULL
);
CREATE UNIQUE INDEX session_entries_number ON session_entries(session, number);
"""


def _create(connection: sqlite3.Connection) -> None:
    _execute(connection, _FIRST)


def _add_outboxes_and_columns(connection: sqlite3.Connection) -> None:
    _execute(connection, _SECOND)
    for name in TURN_COLUMNS:
        connection.execute(f"ALTER TABLE events ADD COLUMN {name} AS (json_extract(data, '$.{name}')) VIRTUAL")
    columns = ", ".join(("run", "turn_id", "session_id", "timestamp_us", "type", *TURN_COLUMNS))
    connection.execute(f"CREATE INDEX events_turn_completed ON events({columns}) WHERE type='turn_completed'")


def _add_sessions(connection: sqlite3.Connection) -> None:
    _execute(connection, _THIRD)


def _execute(connection: sqlite3.Connection, statements: str) -> None:
    for statement in statements.split(";"):  # `executescript` would commit first
        connection.execute(statement)


STEPS: Final[tuple[Callable[[sqlite3.Connection], None], ...]] = (_create, _add_outboxes_and_columns, _add_sessions)
VERSION: Final = len(STEPS)

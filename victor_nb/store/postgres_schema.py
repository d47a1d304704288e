"""The tables of a PostgreSQL store, and how they come from each schema version to the next.

A step is never edited once it was released. Whoever comes first takes the steps, in one transaction and with a lock
that keeps the others waiting.
"""

# ruff: noqa: TID253 (imported by the first PostgresStore)
from __future__ import annotations

from typing import Final, LiteralString

from psycopg import sql

from victor_nb.errors import StoreVersionError
from victor_nb.store.postgres_server import Connection, Server, limited

# `json`, not `jsonb`, keeps the text of an event as it was written. No foreign key on `events`: it would be looked at
# for every row. A hash index has no limit on the length of a session's id.
_FIRST: Final[LiteralString] = """
CREATE TABLE schema_version (version integer NOT NULL);
INSERT INTO schema_version VALUES (0);
CREATE TABLE runs (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id text NOT NULL UNIQUE,
    notebook text,
    host text NOT NULL,
    pid bigint NOT NULL,
    process_stamp text NOT NULL,
    started_at_us bigint NOT NULL,
    ended_at_us bigint,
    pruned_seq bigint NOT NULL DEFAULT 0
);
CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id uuid NOT NULL,
    run integer NOT NULL,
    channel integer NOT NULL,
    seq bigint NOT NULL,
    session_id text NOT NULL,
    type text NOT NULL,
    timestamp_us bigint NOT NULL,
    turn_id text,
    data json NOT NULL,
    content json
);
CREATE UNIQUE INDEX events_run_seq ON events (run, seq);
CREATE INDEX events_run_channel ON events (run, channel, position);
CREATE INDEX events_session ON events USING hash (session_id);
CREATE TABLE outboxes (
    exporter text NOT NULL,
    run integer NOT NULL REFERENCES runs,
    channel integer NOT NULL,
    position bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    dropped bigint NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    last_error text,
    updated_at_us bigint,
    owner text NOT NULL,
    owner_channel integer NOT NULL,
    PRIMARY KEY (exporter, run, channel)
);
CREATE TABLE dead_letters (
    exporter text NOT NULL,
    run integer NOT NULL REFERENCES runs,
    channel integer NOT NULL,
    position bigint NOT NULL,
    seq bigint NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    died_at_us bigint NOT NULL,
    PRIMARY KEY (exporter, run, channel, position)
);
CREATE TABLE forgotten (
    run integer NOT NULL REFERENCES runs,
    channel integer NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (run, channel)
)
"""

# `key` is made of notebook and session id, which may be too long for an index. `data` is text: nobody asks into it, and
# JSON would refuse some.
_SECOND: Final[LiteralString] = """
CREATE TABLE sessions (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key text NOT NULL UNIQUE,
    notebook text NOT NULL,
    session_id text NOT NULL,
    entries bigint NOT NULL DEFAULT 0,
    size_bytes bigint NOT NULL DEFAULT 0,
    created_at_us bigint,
    updated_at_us bigint,
    summary text,
    holder text
);
CREATE TABLE session_entries (
    session bigint NOT NULL REFERENCES sessions,
    number bigint NOT NULL,
    kind text NOT NULL,
    data text NOT NULL,
    timestamp_us bigint NOT NULL,
    PRIMARY KEY (session, number)
)
"""

STEPS: Final[tuple[LiteralString, ...]] = (_FIRST, _SECOND)
VERSION: Final = len(STEPS)


def prepare(connection: Connection, server: Server) -> None:
    """Create the tables, or bring older ones to this version.

    Raises:
        StoreVersionError: a newer victor_nb has made them.
        StoreError: the user has no right to.
    """
    with server.explained("could not be prepared"), limited(connection, 60.0):
        if version(connection, server) == VERSION:
            return
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s, 0)", (server.locks,))
            if not _one(connection, "SELECT to_regnamespace(%s)", server.schema):
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(server.schema)))
            for step in STEPS[version(connection, server) :]:
                connection.execute(step)
            connection.execute("UPDATE schema_version SET version = %s", (VERSION,))


def version(connection: Connection, server: Server) -> int:
    """0 when there are no tables.

    Raises:
        StoreVersionError: it is newer than this version knows.
    """
    if not _one(connection, "SELECT to_regclass(%s)", f"{server.schema}.schema_version"):
        return 0
    found = _one(connection, "SELECT max(version) FROM schema_version")
    known = found if isinstance(found, int) else 0
    if known > VERSION:
        raise StoreVersionError(
            f"the analytics store in {server.place} has schema {known}, this victor_nb knows {VERSION}.",
            hint="upgrade victor_nb",
        )
    return known


def _one(connection: Connection, query: LiteralString, *values: object) -> object:
    found = connection.execute(query, values).fetchone()
    return found and found[0]

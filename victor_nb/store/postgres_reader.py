"""The reading connection of a PostgreSQL store: opened when something is read, and again when it was lost."""

# ruff: noqa: TID253 (imported by the first PostgresStore)
from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

import psycopg

from victor_nb.store import postgres_schema
from victor_nb.store.postgres_server import Connection, Server

T = TypeVar("T")


class Reader:
    """Used by one thread at a time."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._connection: Connection | None = None

    def select(self, read: Callable[[Connection], T], nothing: T) -> T:
        """What `read` finds, or `nothing` where there are no tables yet: reading makes none.

        Raises:
            StoreError: the server cannot be reached or read.
            StoreVersionError: a newer victor_nb has made the tables.
        """
        with self._server.explained("cannot be read"):
            if self._connection:
                try:
                    return read(self._connection)
                except psycopg.OperationalError:  # it may be the connection, which was idle for hours
                    self.close()
            try:
                return read(connection) if (connection := self._opened()) else nothing
            except BaseException:
                self.close()
                raise

    def _opened(self) -> Connection | None:
        connection = self._server.connect()
        self._connection = connection
        found = postgres_schema.version(connection, self._server)
        if not found:
            self.close()
            return None
        if found < postgres_schema.VERSION:
            postgres_schema.prepare(connection, self._server)
        return connection

    def close(self) -> None:
        if self._connection:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None

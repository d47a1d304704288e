"""A PostgreSQL server as the store uses it: its address without the password, connections, and what its errors mean.

Imported by the first `PostgresStore`, because it imports psycopg.
"""

# ruff: noqa: TID253 (see above: this module is the function that uses it)
from __future__ import annotations

import contextlib
import hashlib
import os
import re
import socket
import threading
import zlib
from collections.abc import Generator
from typing import Any, Final, TypeAlias, cast

import psycopg
from psycopg import conninfo, errors

from victor_nb.errors import ConfigError, StoreError

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

REFUSED: Final = (psycopg.DataError, psycopg.IntegrityError, errors.ProgramLimitExceeded, UnicodeError)
"""The rows are at fault, and not the server or the moment."""

_SECRET = ("password", "sslpassword")
# What a user's DSN says comes first. A server that says nothing more is given up after about half a minute.
_DEFAULTS: Final = {
    "application_name": "victor-nb",
    "connect_timeout": "3",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}
# A commit that is not on the server's disk would not be durable. The server looks whether we are still there, so that
# the lock of a computer that was switched off is free a minute later.
_PREPARE_SESSION: Final = """
SELECT set_config('search_path', quote_ident(%s), false), set_config('tcp_keepalives_idle', '30', false),
    set_config('tcp_keepalives_interval', '10', false), set_config('tcp_keepalives_count', '3', false),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
"""


class Server:
    """Where the store is: `dsn` is a libpq URL, `schema` the PostgreSQL schema of its tables. Never shows a password.

    Raises:
        ConfigError: the URL, or the schema's name, cannot be used.
    """

    def __init__(self, dsn: str, schema: str) -> None:
        if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", schema):
            raise ConfigError(f"{schema!r} cannot be the name of a schema.", hint="a-z, 0-9 and _ make one up")
        self.schema = schema
        self._options = _parsed(dsn)
        host, database = self._named("host", "PGHOST", "localhost"), self._named("dbname", "PGDATABASE", "")
        port = self._named("port", "PGPORT", "5432")
        self.place = f"the PostgreSQL database {database or 'of this user'} on {host}"
        self.fingerprint = hashlib.sha256(f"{host}:{port}/{database}/{schema}".encode()).hexdigest()[:12]
        self.locks = zlib.crc32(f"victor_nb/{schema}".encode()) >> 1
        """The first key of all advisory locks of this store; the second is the number of a run, 0 the store itself."""

    def _named(self, option: str, variable: str, otherwise: str) -> str:
        return str(self._options.get(option) or os.environ.get(variable) or otherwise)

    def __repr__(self) -> str:
        return f"<Server: {self.place}>"

    def connect(self) -> Connection:
        """A connection in autocommit mode, in which the store's tables need no schema before their names.

        Raises:
            StoreError: there is none to be had.
        """
        options = cast("dict[str, Any]", {**_DEFAULTS, **self._options})
        with self.explained("cannot be reached"):
            connection = psycopg.connect(**options, autocommit=True, prepare_threshold=None, client_encoding="UTF8")
            try:
                with limited(connection, 5.0):
                    connection.execute(_PREPARE_SESSION, (self.schema,))
            except BaseException:
                connection.close()
                raise
        return connection

    @contextlib.contextmanager
    def explained(self, what: str) -> Generator[None]:
        """Raise what psycopg raises as a StoreError that says what to do, and has no secret in it."""
        try:
            yield
        except errors.InsufficientPrivilege as error:
            raise StoreError(
                f"{self.place} refuses its user a right that the store needs: {self.reason(error)}.",
                hint=f"an administrator can run CREATE SCHEMA {self.schema} AUTHORIZATION user, or, if the tables are "
                f"there, GRANT USAGE ON SCHEMA {self.schema} TO user and GRANT SELECT, INSERT, UPDATE, DELETE ON ALL "
                f"TABLES IN SCHEMA {self.schema} TO user",
            ) from None
        except (psycopg.Error, TimeoutError) as error:
            raise StoreError(f"{self.place} {what}: {self.reason(error)}.", hint=_hint(error)) from None

    def reason(self, error: Exception) -> str:
        """The first line of an error, in which a value of a row never is."""
        lines = str(error).strip().splitlines()
        text = (lines[0].rstrip(".") if lines else "") or type(error).__name__
        for name in _SECRET:
            if secret := self._options.get(name):
                text = text.replace(str(secret), "***")
        return text


def _parsed(dsn: str) -> dict[str, Any]:
    url = re.sub(r"^postgres(ql)?(\+\w+)?://", "postgresql://", dsn.strip())
    try:
        options = dict(conninfo.conninfo_to_dict(url))
    except (psycopg.Error, UnicodeError):  # its message may hold a part of the password
        options = {"port": "?"}
    # A password that is not quoted spills over into the other parts, which are shown.
    spilt = "@" in str(options.get("host", ""))[1:] + str(options.get("dbname", ""))
    if spilt or not re.fullmatch(r"[\d,]*", str(options.get("port", ""))):
        raise ConfigError(
            "the URL of the PostgreSQL store cannot be understood.",
            hint="as in postgresql://user:password@host:5432/database; write % : / @ ? # in a password as %25 %3A …",
        )
    return options


def _hint(error: Exception) -> str:
    text = str(error)
    if "authentication failed" in text or "no password supplied" in text:
        return "check user and password of the URL, or ~/.pgpass"
    if "does not exist" in text:
        return "createdb makes the database"
    return (
        "check host and port of the URL, and that the server runs" if isinstance(error, errors.OperationalError) else ""
    )


@contextlib.contextmanager
def limited(connection: Connection, seconds: float) -> Generator[None]:
    """Break the connection off when what is done in the block takes longer: a server that hangs must not hang us."""
    timer = threading.Timer(seconds, cut, [connection])
    timer.daemon = True
    with contextlib.suppress(RuntimeError):  # no new threads while the interpreter ends
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def cut(connection: Connection) -> None:
    """Break a connection off, from any thread; whoever waits for the server gets an error at once."""
    with contextlib.suppress(OSError, psycopg.Error):
        wire = socket.socket(fileno=connection.fileno())
        try:
            wire.shutdown(socket.SHUT_RDWR)
        finally:
            wire.detach()

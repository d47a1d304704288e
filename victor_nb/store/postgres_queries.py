"""`EventQuery` as PostgreSQL understands it."""

# ruff: noqa: S608 (statements are put together from the constants of this module)
from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from victor_nb.records import EventQuery, StoredEvent
from victor_nb.store.encode import mended_text
from victor_nb.store.migrations import TURN_COLUMNS
from victor_nb.store.postgres_server import Connection

_EVENT: Final = {
    "id": "e.id::text",
    "seq": "e.seq",
    "session_id": "e.session_id",
    "type": "e.type",
    "timestamp_us": "e.timestamp_us",
    "turn_id": "e.turn_id",
    "data": "e.data::text",
    "content": "e.content::text",
    "kernel_run_id": "r.id",
    "position": "e.position",
    "channel": "e.channel",
}
_WHOLE: Final = {"input_tokens", "output_tokens", "cache_read_tokens", "requests", "tool_calls"}
_FRACTION: Final = {"cost_usd", "duration_s", "time_to_first_token_s"}


def _of_data(name: str) -> str:
    text = f"e.data->>'{name}'"
    return f"({text})::bigint" if name in _WHOLE else f"({text})::float8" if name in _FRACTION else text


COLUMNS: Final = _EVENT | {name: _of_data(name) for name in TURN_COLUMNS}
"""What `PostgresStore.rows` can read, by name."""


def events(connection: Connection, query: EventQuery) -> list[StoredEvent]:
    return [StoredEvent(*row) for row in rows(connection, query, tuple(_EVENT))]


def rows(
    connection: Connection, query: EventQuery, columns: Sequence[str], *, ordered: bool = True
) -> list[tuple[Any, ...]]:
    """Only these columns, as plain tuples."""
    source, values = _selection(query)
    order = f" ORDER BY e.position {'DESC' if query.newest_first else 'ASC'}" if ordered else ""
    wanted = ", ".join(COLUMNS[name] for name in columns)
    sql = f"SELECT {wanted} {source}{order}"
    if query.limit is not None and query.max_bytes is None:
        sql, values = f"{sql} LIMIT %s", [*values, query.limit]
    return connection.execute(sql.encode(), values).fetchall()


def _selection(query: EventQuery) -> tuple[str, list[Any]]:
    where, values = _conditions(query)
    source = f"FROM events e JOIN runs r ON r.number = e.run{where}"
    return (source, values) if query.max_bytes is None else _up_to(query, source, values)


def _up_to(query: EventQuery, source: str, values: list[Any]) -> tuple[str, list[Any]]:
    """The server adds the sizes up, so that no more than `max_bytes` and one event come over the network."""
    order = "DESC" if query.newest_first else "ASC"
    sizes = (
        "SELECT e.position, octet_length(e.data::text) + coalesce(octet_length(e.content::text), 0) AS size "
        f"{source} ORDER BY e.position {order} LIMIT %s"
    )
    summed = f"SELECT position, sum(size) OVER (ORDER BY position {order}) - size AS before FROM ({sizes}) sizes"
    tables = f"({summed}) s JOIN events e ON e.position = s.position JOIN runs r ON r.number = e.run"
    return f"FROM {tables} WHERE s.before < %s", [*values, query.limit, query.max_bytes]


def _conditions(query: EventQuery) -> tuple[str, list[Any]]:
    parts = [
        _run_condition(query.kernel_run_ids),
        ("e.run IN (SELECT number FROM runs WHERE notebook = %s)", _mended(query.notebook)),
        ("e.session_id = %s", _mended(query.session_id)),
        ("e.type = ANY(%s::text[])", _listed(query.types)),
        ("e.channel = %s", query.channel),
        ("e.timestamp_us >= %s", query.since_us),
        ("e.timestamp_us < %s", query.until_us),
        ("e.position > %s", query.after_position or None),
        ("e.position = ANY(%s::bigint[])", _listed(query.positions)),
    ]
    chosen = [(part, value) for part, value in parts if value is not None]
    where = " AND ".join(part for part, _ in chosen)
    return (f" WHERE {where}" if where else ""), [value for _, value in chosen]


def _mended(text: str | None) -> str | None:
    return None if text is None else mended_text(text)


def _run_condition(run_ids: Sequence[str] | None) -> tuple[str, object]:
    if run_ids is not None and len(run_ids) == 1:  # the index then gives one channel's events in order
        return "e.run = (SELECT number FROM runs WHERE id = %s)", run_ids[0]
    return "e.run IN (SELECT number FROM runs WHERE id = ANY(%s::text[]))", _listed(run_ids)


def _listed(values: Sequence[object] | None) -> list[object] | None:
    return None if values is None else list(values)

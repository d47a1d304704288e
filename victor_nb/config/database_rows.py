"""Rows of a configuration table become one configuration: what holds for all, for the tenant, for the session."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from victor_nb.config.merge import deep_merge, put
from victor_nb.errors import ConfigError
from victor_nb.protocols import Config


def config_of(rows: Sequence[Sequence[Any]], table: str, separator: str | None) -> Config:
    """From rows of key, value, tenant, session. The narrower scope wins, a session's over a tenant's; within one a key
    may stand once. A key with `separator` in it is a path into dicts. NULL as value is no opinion.

    Raises:
        ConfigError: a value is no JSON, or two rows of a scope are in each other's way.
    """
    scopes: dict[tuple[bool, bool], dict[str, Any]] = {}
    for key, value, tenant, session in rows:
        scope = scopes.setdefault((bool(session), bool(tenant)), {})
        if value is None:
            continue
        if str(key) in scope:
            raise ConfigError(f"{table} has two rows for {key!r} in the same scope.", hint="Delete one of them.")
        scope[str(key)] = _parsed(value, key, table)
    return deep_merge([_nested(scopes[scope], table, separator) for scope in sorted(scopes)])


def _nested(flat: dict[str, Any], table: str, separator: str | None) -> Config:
    nested: Config = {}
    for key in sorted(flat):
        path = key.split(separator) if separator else [key]
        if inside := put(nested, path, flat[key]):
            raise ConfigError(
                f"{table} has a row for {key!r}, and one for {inside!r} that is no dict.",
                hint="Delete one of them, or pass separator=None.",
            )
    return nested


def _parsed(value: object, key: object, table: str) -> Any:
    """JSON text, or what a driver has made of it already."""
    if not isinstance(value, str | bytes | bytearray):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ConfigError(
            f"The value of {key!r} in {table} is no JSON.", hint='A text needs quotes: "formal", and not formal.'
        ) from None

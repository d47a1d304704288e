"""A PostgreSQL server that tests may stop, with a fresh database of a team, and how its store is looked at."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from support.services import PostgresCluster

from victor_nb.errors import StoreError
from victor_nb.messages import new_id
from victor_nb.protocols import EventQuery
from victor_nb.store.postgres import PostgresStore


@pytest.fixture
def cluster(stoppable_postgres: PostgresCluster) -> Iterator[PostgresCluster]:
    """It runs at the beginning and at the end of every test."""
    yield stoppable_postgres
    with contextlib.suppress(ProcessLookupError):
        stoppable_postgres.stop()
    stoppable_postgres.start()


@pytest.fixture
def dsn(cluster: PostgresCluster) -> str:
    """A fresh database that can be stopped with its server."""
    name = f"team_{new_id().replace('-', '')}"
    asked(f"{cluster.dsn}/postgres", f"CREATE DATABASE {name}")
    return f"{cluster.dsn}/{name}"


@pytest.fixture
def team(dsn: str) -> Iterator[PostgresStore]:
    opened = PostgresStore(dsn)
    yield opened
    opened.close()


def asked(dsn: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(statement.encode())
        return found.fetchall() if found.description else []


def until(true: Callable[[], bool], timeout_s: float = 60.0) -> None:
    """A server takes its time; what is waited for is looked for again and again."""
    give_up_at = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < give_up_at, "it did not happen"
        time.sleep(0.02)


def seqs(store: PostgresStore) -> list[int]:
    """Of this run, in the order of their positions."""
    try:
        return [event.seq for event in store.read(EventQuery(kernel_run_ids=[store.kernel_run_id]))]
    except StoreError:
        return []


def record(store: PostgresStore, count: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for n in range(count):
            store.append("x_test", "s", {"n": n}, channel=1)

"""A store of each kind, empty: what holds for one holds for the other."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.team_stores import cluster, dsn, team

from victor_nb.store import InMemoryStore, SQLiteStore
from victor_nb.store.postgres import PostgresStore

__all__ = ["cluster", "dsn", "place", "store", "team"]

KERNEL = """
import os, sys
from pathlib import Path
from victor_nb.store import SQLiteStore
from victor_nb.store.postgres import PostgresStore
location = sys.argv[1]
store = PostgresStore(location) if location.startswith("postgresql:") else SQLiteStore(Path(location))
"""


@dataclass(frozen=True)
class Place:
    """Where a store is."""

    location: str

    def open(self, notebook: str | None = None) -> SQLiteStore | PostgresStore:
        if self.location.startswith("postgresql:"):
            return PostgresStore(self.location, notebook=notebook)
        if self.location == "memory":
            return InMemoryStore(notebook=notebook)
        return SQLiteStore(Path(self.location), notebook=notebook)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Another kernel, with its `store`, until it has ended and the database has noticed."""
        before = self._connections()
        command = [sys.executable, "-c", KERNEL + script, self.location]
        done = subprocess.run(command, check=False, capture_output=True, text=True, input="", timeout=60)
        while self._connections() - before:
            pass
        return done

    def start(self, script: str) -> subprocess.Popen[str]:
        """Another kernel, with its `store`, while it runs."""
        command = [sys.executable, "-c", KERNEL + script, self.location]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def _connections(self) -> set[int]:
        if not self.location.startswith("postgresql:"):
            return set()
        import psycopg

        with psycopg.connect(self.location) as connection:
            found = connection.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'victor-nb'")
            return {pid for (pid,) in found}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Memory is one store's own, so that it is left out where a test opens the place a second time."""
    if "place" in metafunc.fixturenames:
        alone = "place" not in inspect.signature(metafunc.function).parameters
        kinds = ["sqlite", "postgres", "memory"] if alone else ["sqlite", "postgres"]
        metafunc.parametrize("place", kinds, indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "postgres":
        return Place(request.getfixturevalue("postgres"))
    return Place("memory" if request.param == "memory" else str(tmp_path / "victor.db"))


@pytest.fixture
def store(place: Place) -> Iterator[SQLiteStore | PostgresStore]:
    opened = place.open()
    yield opened
    opened.close()

"""Where events wait while PostgreSQL is away: a small SQLite file for each outage, emptied from its front.

The file is locked as long as its process has it open, so that a later kernel sees which ones were left behind by one
that is gone, and brings them to the server in its place.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

from victor_nb.clock import REAL
from victor_nb.records import DeadLetter, Outbox, SessionEntry
from victor_nb.store.database import Row
from victor_nb.store.kept import KeptEntries, SessionName
from victor_nb.store.sqlite_database import Registration

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS run (id TEXT, notebook TEXT, host TEXT, pid INTEGER, stamp TEXT, started_at_us INTEGER);
CREATE TABLE IF NOT EXISTS items (n INTEGER PRIMARY KEY AUTOINCREMENT, item TEXT NOT NULL);
"""


@dataclasses.dataclass(frozen=True, slots=True)
class Saved:
    """An outbox moved, and letters died."""

    outbox: Outbox
    dead: Sequence[DeadLetter]


@dataclasses.dataclass(frozen=True, slots=True)
class Settled:
    """Letters were delivered after all."""

    delivered: Sequence[DeadLetter]


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """The run has ended cleanly."""

    at_us: int


@dataclasses.dataclass(frozen=True, slots=True)
class Resumed:
    """… and was opened again."""


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """Entries of a conversation came; `late` when they waited for the server."""

    kept: KeptEntries
    owner: str
    late: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Released:
    """A session is held no longer."""

    name: SessionName
    owner: str


Note: TypeAlias = Saved | Settled | Ended | Resumed | Kept | Released
Life: TypeAlias = tuple[str, int, str, int]
"""Host, pid, process stamp and start of a run."""


class Spool:
    """The file `path`, or memory when it is None.

    Raises:
        sqlite3.Error, OSError: it cannot be written, or another process has it.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        if path:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)  # it holds prompts and answers
        self._connection = sqlite3.connect(path or ":memory:", timeout=0, isolation_level=None, check_same_thread=False)
        try:
            for setting in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
                self._connection.execute(f"PRAGMA {setting}").fetchall()
            self._connection.executescript(_TABLES)
        except BaseException:
            self._connection.close()
            raise

    @classmethod
    def begin(cls, folder: Path | None, prefix: str, registration: Registration, life: Life) -> Spool:
        """A new one for the events of a run."""
        spool = cls(folder and folder / f"{prefix}-{registration.kernel_run_id}-{REAL.new_id()}.db")
        spool._connection.execute(
            "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?)", (registration.kernel_run_id, registration.notebook, *life)
        )
        return spool

    @property
    def owner(self) -> tuple[Registration, Life] | None:
        """Whose events are in it."""
        found = self._connection.execute("SELECT * FROM run").fetchone()
        return found and (Registration(found[0], found[1]), found[2:])

    def add(self, rows: Sequence[Row], notes: Sequence[Note]) -> None:
        """Durable when it returns, if there is a file."""
        texts = [*(json.dumps(row) for row in rows), *(json.dumps(_plain(note)) for note in notes)]
        self._connection.execute("BEGIN")
        try:
            self._connection.executemany("INSERT INTO items (item) VALUES (?)", [(text,) for text in texts])
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def first(self, limit: int, max_bytes: int) -> tuple[list[Row], list[Note], int]:
        """The oldest rows and notes, and up to where in the file they go; at least one unless it is empty."""
        rows: list[Row] = []
        notes: list[Note] = []
        end = size = 0
        for n, text in self._connection.execute("SELECT n, item FROM items ORDER BY n LIMIT ?", (limit,)):
            item = json.loads(text)
            if isinstance(item, list):
                rows.append(cast("Row", tuple(cast("list[Any]", item))))
            else:
                notes.append(_note(item))
            end, size = n, size + len(text)
            if size >= max_bytes:
                break
        return rows, notes, end

    def drop(self, end: int) -> None:
        """Forget what goes up to there."""
        self._connection.execute("DELETE FROM items WHERE n <= ?", (end,))

    def __len__(self) -> int:
        return self._connection.execute("SELECT count(*) FROM items").fetchone()[0]

    def is_empty(self) -> bool:
        return not self._connection.execute("SELECT EXISTS (SELECT 1 FROM items)").fetchone()[0]

    def close(self) -> None:
        """What is in the file stays there; an empty one is deleted."""
        done = self.path if self.is_empty() else None
        self._connection.close()
        if done:
            with contextlib.suppress(OSError):
                done.unlink()


def left_behind(folder: Path | None, prefix: str, kernel_run_id: str = "*") -> list[Path]:
    """The files in `folder` that hold events for a server, of one run or of all, oldest first."""
    return sorted(folder.glob(f"{prefix}-{kernel_run_id}-*.db")) if folder else []


def _plain(note: Note) -> dict[str, Any]:
    return {"note": type(note).__name__, **dataclasses.asdict(note)}


def _note(item: dict[str, Any]) -> Note:
    kind = item.pop("note")
    if kind == "Saved":
        return Saved(Outbox(**item["outbox"]), [DeadLetter(**letter) for letter in item["dead"]])
    if kind == "Settled":
        return Settled([DeadLetter(**letter) for letter in item["delivered"]])
    if kind == "Released":
        return Released(SessionName(*item["name"]), item["owner"])
    if kind == "Kept":
        kept = item["kept"]
        entries = tuple(SessionEntry(**entry) for entry in kept["entries"])
        read = KeptEntries(SessionName(*kept["name"]), entries, kept["summary"], kept["follows"])
        return Kept(read, item["owner"], late=True)
    return Ended(item["at_us"]) if kind == "Ended" else Resumed()

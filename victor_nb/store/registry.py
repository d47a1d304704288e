"""One store per place and process: several orchestrators of a kernel write one gap-free sequence of events."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Final

from victor_nb.store.memory import InMemoryStore
from victor_nb.store.recording import RecordingStore
from victor_nb.store.sqlite import SQLiteStore

if TYPE_CHECKING:
    from victor_nb.protocols import IEventStore

MEMORY: Final = "memory"
_lock = threading.Lock()
_open: dict[Path | str, IEventStore] = {}


def open_store(location: Path | str, *, home: Path | None = None) -> IEventStore:
    """The process's store at `location`, the path of a SQLite file, a `postgresql://` URL, or `memory`; it is closed
    cleanly when the interpreter exits. Events that a server does not take wait in `home`; see `PostgresStore`.

    Raises:
        MissingExtraError: what PostgreSQL needs is not installed.
    """
    key = _key(location)
    with _lock:
        if key not in _open:
            if not _open:
                atexit.register(close_all)
            _open[key] = _made(key, home)
        return _open[key]


def close_all() -> None:
    """Close every store of the process: queued events reach the disk, the runs end cleanly. An event that comes still
    later is written before `append` returns."""
    with _lock:
        stores = list(_open.values())
        _open.clear()
    for store in stores:
        if isinstance(store, RecordingStore):
            store.close_at_exit()
        else:
            store.close()


def close_store(location: Path | str) -> None:
    """Close the process's store at `location`, if it is open; who asks for it next gets a new one."""
    with _lock:
        store = _open.pop(_key(location), None)
    if store:
        store.close()


def notebook_path() -> str | None:
    """The notebook that this kernel runs, where its server says so (`JPY_SESSION_NAME`, set by jupyter_server)."""
    return os.environ.get("JPY_SESSION_NAME") or None


def _key(location: Path | str) -> Path | str:
    named = location == MEMORY or _is_postgres(location)
    return str(location) if named else Path(location).expanduser().absolute()


def _is_postgres(location: Path | str) -> bool:
    return isinstance(location, str) and location.startswith(("postgresql://", "postgres://"))


def _made(key: Path | str, home: Path | None) -> IEventStore:
    if isinstance(key, Path):
        return SQLiteStore(key, notebook=notebook_path())
    if key == MEMORY:
        return InMemoryStore(notebook=notebook_path())
    from victor_nb.store.postgres import PostgresStore

    return PostgresStore(key, notebook=notebook_path(), folder=home and home / "waiting")

"""One store per file and process: several orchestrators of a kernel write one gap-free sequence of events."""

from __future__ import annotations

import atexit
import os
import threading
from pathlib import Path

from victor_nb.store.sqlite import SQLiteStore

_lock = threading.Lock()
_open: dict[Path, SQLiteStore] = {}


def open_store(path: Path) -> SQLiteStore:
    """The process's store for `path`; it is closed cleanly when the interpreter exits."""
    key = path.expanduser().absolute()
    with _lock:
        if key not in _open:
            if not _open:
                atexit.register(close_all)
            _open[key] = SQLiteStore(key, notebook=notebook_path())
        return _open[key]


def close_all() -> None:
    """Close every store of the process: queued events reach the disk, the runs end cleanly. An event that comes still
    later is written before `append` returns."""
    with _lock:
        stores = list(_open.values())
        _open.clear()
    for store in stores:
        store.close_at_exit()


def notebook_path() -> str | None:
    """The notebook that this kernel runs, where its server says so (`JPY_SESSION_NAME`, set by jupyter_server)."""
    return os.environ.get("JPY_SESSION_NAME") or None

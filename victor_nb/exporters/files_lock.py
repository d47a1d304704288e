"""One writer at a time for a file, over all processes of the machine: a hidden lock file beside it.

The lock ends with the process that holds it, however that ends. A file system without locks (some network drives)
goes without: only one kernel may write there.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from victor_nb.errors import ExportError

_PAUSE_S = 0.005
_NO_LOCKS_HERE = {errno.ENOTSUP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL}


@contextmanager
def locked(path: Path, timeout_s: float) -> Generator[None]:
    """Hold the lock of `path`, whose folder must exist. Blocks the thread.

    Raises:
        ExportError: another process held it for all of `timeout_s`.
        OSError: the lock file cannot be opened.
    """
    lock = os.open(path.parent / f".{path.name}.lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        _wait_for(lock, path, time.monotonic() + timeout_s)
        yield
    finally:
        os.close(lock)  # which ends the lock


def _wait_for(lock: int, path: Path, deadline: float) -> None:
    while not _take(lock):
        if time.monotonic() > deadline:
            raise ExportError(f"{path} is being written by another process, which does not come to an end.")
        time.sleep(_PAUSE_S)


if sys.platform == "win32":
    import msvcrt

    def _take(lock: int) -> bool:
        try:
            msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _take(lock: int) -> bool:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS_HERE:
                raise
        return True

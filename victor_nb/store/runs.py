"""Is the process that wrote a kernel run still alive? A run whose process is gone was killed, not closed."""

from __future__ import annotations

import os
import pathlib
import socket
import sys
from functools import cache


def host() -> str:
    return socket.gethostname()


def process_stamp(pid: int) -> str:
    """Something that changes when a pid is used again: the start time where the system tells it, else empty. A process
    that has ended but whose parent has not asked for it yet (a zombie) has another one than it had."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    state, *rest = fields.rpartition(")")[2].split()
    return "ended" if state in "ZX" else rest[18]


def is_alive(run_host: str, pid: int, stamp: str) -> bool:
    """Whether the process that was `pid` with `stamp` on `run_host` still runs; unknown on another host: alive."""
    if run_host != host():
        return True
    if pid == os.getpid():
        return not stamp or stamp == _own_stamp(pid)
    if not _exists(pid):
        return False
    return not stamp or process_stamp(pid) == stamp


@cache
def _own_stamp(pid: int) -> str:
    """Of this process, which stays the same as long as there is anybody to ask."""
    return process_stamp(pid)


def _exists(pid: int) -> bool:
    if sys.platform == "win32":  # os.kill(pid, 0) would end the process there
        import ctypes

        handle = ctypes.windll.kernel32.OpenProcess(0x1000, False, pid)
        ctypes.windll.kernel32.CloseHandle(handle)
        return bool(handle)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

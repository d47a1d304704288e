"""The client's side of the server: one for each process and interpreter, started at first use or ahead of it, ended
with the process. It has no name in the file system: only who started it can ask it.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Final

from victor_nb.testing.kernels.forked_kernel import ForkedKernel, NotForkedError
from victor_nb.testing.kernels.job import Files, Job, send

WARMING_S: Final = 60.0
STARTING_S: Final = 30.0
ENDING_S: Final = 5.0
_PAUSE_S: Final = 0.005


@dataclass(frozen=True)
class Interpreter:
    """A Python with its own options, such as `-Xfrozen_modules=off`."""

    executable: str
    options: tuple[str, ...] = ()


class WarmServer:
    """Of one interpreter. Its process starts at once, and is warm some seconds later."""

    def __init__(self, interpreter: Interpreter, environment: Mapping[str, str]) -> None:
        self._requests, its = socket.socketpair()
        with its:
            command = [interpreter.executable, *interpreter.options, "-m", "victor_nb.testing.kernels.server"]
            self._process = subprocess.Popen(
                [*command, str(its.fileno())],
                pass_fds=[its.fileno()],
                env=dict(environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._heard = b""
        self._lock = Lock()

    async def warm(self, timeout_s: float = WARMING_S) -> None:
        """Wait until kernels can be forked from it.

        Raises:
            NotForkedError: it cannot be warm; it has ended, or is not warm within the time.
        """
        ends = time.monotonic() + timeout_s
        while not self._heard.endswith(b"\n"):
            with suppress(BlockingIOError):
                if not (received := self._requests.recv(4096, socket.MSG_DONTWAIT)):
                    raise NotForkedError("the server of warm kernels has ended")
                self._heard += received
                continue
            if time.monotonic() > ends:
                raise NotForkedError(f"the server of warm kernels was not ready after {timeout_s:.0f} s")
            await asyncio.sleep(_PAUSE_S)
        word, _, rest = self._heard.decode().strip().partition(" ")
        if word != "ready":
            raise NotForkedError(rest)

    async def fork(self, job: Job, stdout: int, stderr: int) -> ForkedKernel:
        """A kernel that writes to these descriptors, and whose input is at its end.

        Raises:
            NotForkedError: the server refuses, or does not answer.
        """
        await self.warm()
        mine, its = socket.socketpair()
        nothing, writes = os.pipe()
        os.close(writes)
        try:
            with self._lock:
                send(self._requests, job, Files(nothing, stdout, stderr, its.fileno()))
        except OSError as error:
            mine.close()
            raise NotForkedError(f"the server of warm kernels is gone ({error.strerror or error})") from None
        finally:
            its.close()
            os.close(nothing)
        kernel = ForkedKernel(mine)
        await kernel.started(STARTING_S)
        return kernel

    def stop(self) -> None:
        """End it, and kernels that still run."""
        self._requests.close()
        try:
            self._process.wait(ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_servers: dict[tuple[int, Interpreter], WarmServer] = {}
"""By process: a fork of this one starts its own."""
_starting = Lock()


def server_of(interpreter: Interpreter, environment: Mapping[str, str]) -> WarmServer:
    """The process's server for that interpreter, started now if there is none.

    Raises:
        OSError: it cannot be started.
    """
    key = (os.getpid(), interpreter)
    with _starting:
        if key not in _servers:
            if not _servers:
                atexit.register(stop_servers)
            _servers[key] = WarmServer(interpreter, with_parent(environment))
        return _servers[key]


def start_ahead() -> None:
    """Begin to warm a server for this interpreter, for kernels that are going to be started."""
    if sys.platform == "linux":
        server_of(Interpreter(sys.executable), os.environ)


def stop_servers() -> None:
    """End the servers of this process."""
    for key in [key for key in _servers if key[0] == os.getpid()]:
        _servers.pop(key).stop()


def with_parent(environment: Mapping[str, str]) -> dict[str, str]:
    """As jupyter_client has it in a kernel that is not to outlive its client."""
    return {**environment, "JPY_PARENT_PID": str(os.getpid())}

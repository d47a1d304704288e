"""A kernel that the server has forked, as the client sees it: with the methods of a `subprocess.Popen`. The server is
its parent, so signals go there and its end is told from there.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from contextlib import suppress
from typing import Final

_PAUSE_S: Final = 0.002


class NotForkedError(Exception):
    """The server gave no kernel; the text says why."""


class ForkedKernel:
    """`channel` is the client's end. It stays open as long as the kernel lives: the server ends the kernel when it is
    closed."""

    stdin = stdout = stderr = None

    def __init__(self, channel: socket.socket) -> None:
        channel.setblocking(False)
        self._channel = channel
        self._heard = b""
        self._up = False
        self.pid = 0
        self.returncode: int | None = None

    async def started(self, timeout_s: float) -> None:
        """Wait until its ports are open, or it has ended.

        Raises:
            NotForkedError: there is no process.
        """
        ends = time.monotonic() + timeout_s
        while not self._up and self.poll() is None and time.monotonic() < ends:  # noqa: ASYNC110 (any loop, any thread)
            await asyncio.sleep(_PAUSE_S)
        if not self.pid:
            self.close()
            raise NotForkedError("the server does not answer")

    async def ended(self, timeout_s: float) -> bool:
        """Wait for its end; whether it came."""
        ends = time.monotonic() + timeout_s
        while self.poll() is None and time.monotonic() < ends:  # noqa: ASYNC110 (any loop, any thread)
            await asyncio.sleep(_PAUSE_S)
        return self.returncode is not None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs.

        Raises:
            NotForkedError: the server refused to start it.
        """
        if self.returncode is None:
            self._listen()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        """Block until it has ended, at most `timeout` seconds."""
        ends = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None and (ends is None or time.monotonic() < ends):
            time.sleep(_PAUSE_S)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """To the kernel and to what it has started."""
        if self.poll() is None:
            with suppress(OSError):  # it is just ending
                self._channel.send(bytes([number]))

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        self._channel.close()

    def _listen(self) -> None:
        try:
            while received := self._channel.recv(4096):
                self._heard += received
        except BlockingIOError:
            self._understand()
        except OSError:
            self._lost()
        else:
            self._understand()
            if self.returncode is None:
                self._lost()

    def _understand(self) -> None:
        *lines, self._heard = self._heard.split(b"\n")
        for line in lines:
            word, _, rest = line.decode().partition(" ")
            if word == "refused":
                self.close()
                raise NotForkedError(rest)
            if word == "pid":
                self.pid = int(rest)
            elif word == "exit":
                self.returncode = int(rest)
                self.close()
            self._up = self._up or word == "up"

    def _lost(self) -> None:
        """The server is gone, and the system has killed the kernel with it."""
        self.returncode = -signal.SIGKILL
        self.close()

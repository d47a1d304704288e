"""The server that forks warm kernels: `python -m victor_nb.testing.kernels.server DESCRIPTOR`. It has one thread, and
ends, with its kernels, when the process that started it does. What it cannot do right it refuses.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import replace
from typing import Final

from victor_nb.testing.kernels.job import Files, Job, receive
from victor_nb.testing.kernels.warmth import NotWarmError, Warmth, warm_up

_LOOKS_UP_S: Final = 1.0


class ForkServer:
    """Forks, passes signals on and reaps."""

    def __init__(self, requests: socket.socket, warmth: Warmth) -> None:
        self._requests = requests
        self._warmth = warmth
        self._client = os.getppid()
        self._channels: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(requests, selectors.EVENT_READ)
        self._woken = _wake_up_when_children_end()
        self._selector.register(self._woken, selectors.EVENT_READ)

    def serve(self) -> tuple[Job, Files] | None:
        """Returns in the server when all is over, with None; and in each kernel, with what it shall be."""
        while os.getppid() == self._client:
            for key, _ in self._selector.select(_LOOKS_UP_S):
                if key.fileobj is self._requests:
                    if not (asked := receive(self._requests)):
                        return self._end()
                    if self._fork(*asked):
                        return self._leave(*asked)
                elif key.fileobj is self._woken:
                    self._woken.recv(4096)
                    self._reap()
                elif key.data in self._channels:
                    self._heed(key.data)
        return self._end()

    def _fork(self, job: Job, files: Files) -> bool:
        """Whether this is the kernel."""
        channel = socket.socket(fileno=files.channel)
        try:
            pid = self._forked(job)
        except (NotWarmError, OSError) as error:
            _tell(channel, f"refused {error}")
            channel.close()
        else:
            if not pid:
                channel.detach()
                return True
            _tell(channel, f"pid {pid}")
            self._channels[pid] = channel
            self._selector.register(channel, selectors.EVENT_READ, pid)
        for descriptor in (files.stdin, files.stdout, files.stderr):
            os.close(descriptor)
        return False

    def _forked(self, job: Job) -> int:
        """
        Raises:
            NotWarmError: a kernel from nothing would be another one.
            OSError: there can be no more processes; the kernel's folder cannot be read.
        """
        if unfit := self._warmth.unfit(job):
            raise NotWarmError(unfit)
        return os.fork()

    def _leave(self, job: Job, files: Files) -> tuple[Job, Files]:
        """In the kernel: nothing of the server's stays open. What it shall be."""
        signal.set_wakeup_fd(-1)
        self._selector.close()
        for other in (self._requests, self._woken, _WAKING[0], *self._channels.values()):
            other.close()
        return replace(job, environment={**job.environment, **self._warmth.written}), files

    def _heed(self, pid: int) -> None:
        """Each byte that the client sends is a signal for the kernel and what it has started. When the client lets go
        of the kernel, it ends."""
        try:
            received = self._channels[pid].recv(64)
        except ConnectionResetError:  # it has gone without having read everything
            received = b""
        for number in received or [signal.SIGKILL]:
            _signal(pid, number)
        if not received:
            self._selector.unregister(self._channels[pid])

    def _reap(self) -> None:
        while self._channels:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            channel = self._channels.pop(pid)
            if channel in self._selector.get_map():
                self._selector.unregister(channel)
            _tell(channel, f"exit {os.waitstatus_to_exitcode(status)}")
            channel.close()

    def _end(self) -> None:
        for pid in self._channels:
            _signal(pid, signal.SIGKILL)
        for pid in self._channels:
            os.waitpid(pid, 0)


_WAKING: list[socket.socket] = []


def _wake_up_when_children_end() -> socket.socket:
    woken, waking = socket.socketpair()
    waking.setblocking(False)
    _WAKING[:] = [waking]
    signal.signal(signal.SIGCHLD, _no_more)
    signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
    return woken


def _no_more(_number: int, _frame: object) -> None:
    """A signal with a handler, whatever that does, wakes up the selector."""


def _signal(pid: int, number: int) -> None:
    """To the kernel's group; to the kernel alone while it has none yet."""
    with suppress(ProcessLookupError):
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            os.kill(pid, number)


def _tell(channel: socket.socket, line: str) -> None:
    with suppress(OSError):  # who asked has gone
        channel.sendall(f"{line}\n".encode())


def main() -> None:
    """
    Raises:
        SystemExit: with the kernel's exit code, in a kernel.
    """
    del sys.path[0]  # the folder in which this was started; a kernel puts its own there
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = socket.socket(fileno=int(sys.argv[1]))
    try:
        server = ForkServer(requests, warm_up())
    except (NotWarmError, ImportError) as error:
        _tell(requests, f"refused {error}")
        return
    _tell(requests, "ready")
    if kernel := server.serve():
        from victor_nb.testing.kernels.forked import become

        become(*kernel)


if __name__ == "__main__":
    main()

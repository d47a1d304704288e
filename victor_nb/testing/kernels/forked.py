"""A forked process becomes what `python -m ipykernel_launcher` would be: with its own session, streams, environment,
folder and random numbers. Nothing here runs in the server.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import time
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, Final

from victor_nb.testing.kernels.job import Files, Job

_LAUNCHER: Final = "ipykernel_launcher"
_PR_SET_PDEATHSIG: Final = 1


def become(job: Job, files: Files) -> None:
    """Run the kernel to its end.

    Raises:
        SystemExit: with what the kernel's application says.
    """
    server = os.getppid()
    os.setsid()
    _end_with(server)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _take_streams(files)
    os.chdir(job.folder)
    os.environ.clear()
    os.environ.update(job.environment)
    time.tzset()
    _draw_random_numbers_anew()
    _name_the_process(job)
    _run(server, socket.socket(fileno=files.channel))


def _end_with(server: int) -> None:
    """The system kills this process when the server ends, however that does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # it has ended just now
        os._exit(1)


def _take_streams(files: Files) -> None:
    """Python's own objects for the streams stay: they were made by the same environment. A terminal shows each line."""
    for standard, given in enumerate((files.stdin, files.stdout, files.stderr)):
        os.dup2(given, standard)
        os.close(given)
    output: Any = sys.__stdout__
    output.reconfigure(line_buffering=os.isatty(1) and not output.write_through)


def _draw_random_numbers_anew() -> None:
    """Python's own generator sees to itself; those that were seeded at their import do not."""
    if numpy := sys.modules.get("numpy.random"):
        numpy.seed()
    if processes := sys.modules.get("multiprocessing.process"):
        processes.current_process().authkey = os.urandom(32)


def _name_the_process(job: Job) -> None:
    main = ModuleType("__main__")
    main.__spec__ = find_spec(_LAUNCHER)
    main.__file__ = main.__spec__.origin if main.__spec__ else None
    sys.modules["__main__"] = main
    sys.argv = [main.__file__ or _LAUNCHER, *job.arguments]
    sys.orig_argv = list(job.command)


def _run(server: int, channel: socket.socket) -> None:
    """What the launcher does, with a word to the client when the ports are open."""
    kernel: Any = import_module("ipykernel.kernelapp").IPKernelApp.instance(parent_handle=server)
    kernel.initialize()
    channel.sendall(b"up\n")
    channel.close()
    kernel.start()

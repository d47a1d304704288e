"""`victor-fork`, a provisioner for jupyter_client: a kernel of this interpreter is forked from a warm process, and is
there in a moment. All others, and all when anything is odd, are started as jupyter_client does it.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from victor_nb.testing.kernels.forked_kernel import ForkedKernel, NotForkedError
from victor_nb.testing.kernels.job import Job
from victor_nb.testing.kernels.warm_server import Interpreter, server_of, with_parent

NAME: Final = "victor-fork"
_EXIT_S: Final = 1.0
_OPTION: Final = re.compile(r"-X\w+(=\S*)?")
_KNOWN: Final = {"cwd", "env", "stdin", "stdout", "stderr", "independent", "kernel_id", "extra_arguments"}
_LAUNCH: Final = ["-m", "ipykernel_launcher"]

_listeners: list[list[str]] = []


@contextmanager
def tell_plain_kernels() -> Generator[list[str]]:
    """The list comes to hold why kernels that are started in the block were not forked, a text for each; kernels of
    other interpreters and languages are not told of."""
    reasons: list[str] = []
    _listeners.append(reasons)
    try:
        yield reasons
    finally:
        _listeners[:] = [other for other in _listeners if other is not reasons]


class _AnotherKernelError(NotForkedError):
    """It is none that could be forked."""


class ForkProvisioner(LocalProvisioner):
    """Forks where that gives the same kernel."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        try:
            kernel = await _forked(cmd, kwargs)
        except (NotForkedError, OSError) as error:
            for reasons in [] if isinstance(error, _AnotherKernelError) else _listeners:
                reasons.append(str(error))
            self.log.info("%s: a plain kernel, since %s", NAME, error)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = cast("Any", kernel)
        self.pid = self.pgid = cast("Any", kernel.pid)
        self.cwd = kwargs.get("cwd") or Path.cwd()  # type: ignore[assignment]
        return self.connection_info

    async def send_signal(self, signum: int) -> None:
        """Through the server, its parent: a number that has been given to another process since is never hit."""
        if isinstance(kernel := cast("object", self.process), ForkedKernel):
            kernel.send_signal(signum)
        else:
            await super().send_signal(signum)

    async def shutdown_requested(self, restart: bool = False) -> None:
        """Hear of its end when it comes; jupyter_client looks ten times a second."""
        if isinstance(kernel := cast("object", self.process), ForkedKernel):
            await kernel.ended(_EXIT_S)


async def _forked(command: Sequence[str], given: Mapping[str, Any]) -> ForkedKernel:
    """
    Raises:
        NotForkedError: a kernel from nothing would not be the same.
        OSError: there can be no server.
    """
    if sys.platform != "linux":
        raise NotForkedError(f"forking is for Linux, not for {sys.platform}")
    if odd := sorted(name for name in given if name not in _KNOWN and given[name] is not None):
        raise NotForkedError(f"the argument {odd[0]} is given")
    if given.get("independent") or given.get("stdin") is not None:
        raise NotForkedError("it is to be independent, or to have an input of its own")
    environment = with_parent(given.get("env") or os.environ)
    interpreter, job = _job(command, environment, os.fspath(given.get("cwd") or Path.cwd()))
    outputs = [_descriptor(given.get(name), standard) for standard, name in ((1, "stdout"), (2, "stderr"))]
    return await server_of(interpreter, environment).fork(job, *outputs)


def _job(command: Sequence[str], environment: Mapping[str, str], folder: str) -> tuple[Interpreter, Job]:
    command = [os.path.expanduser(part) for part in command]  # noqa: PTH111 (as jupyter_client does)
    if not Path(folder).is_dir():
        raise NotForkedError(f"there is no folder {folder}")
    if any(not os.path.isabs(part) for part in environment.get("PYTHONPATH", "/").split(os.pathsep)):  # noqa: PTH117
        raise NotForkedError("PYTHONPATH is relative to the notebook's folder")
    try:
        at = command.index("-m")
    except ValueError:
        at = len(command)
    if list(command[at : at + 2]) != _LAUNCH or not _is_this(command[0]):
        raise _AnotherKernelError("it is not ipykernel in this interpreter")
    options = tuple(command[1:at])
    if not all(map(_OPTION.fullmatch, options)):
        raise NotForkedError(f"the interpreter has options of its own: {' '.join(options)}")
    return Interpreter(sys.executable, options), Job(tuple(command), tuple(command[at + 2 :]), environment, folder)


def _is_this(executable: str) -> bool:
    """Also by another name, as `python3`; not a link to it in another environment."""
    its, own = Path(executable), Path(sys.executable)
    return its.parent == own.parent and its.resolve() == own.resolve()


def _descriptor(given: Any, standard: int) -> int:
    """What a `subprocess` argument means: None is the client's own stream.

    Raises:
        NotForkedError: it is a pipe, or no open file.
    """
    found = standard if given is None else given if isinstance(given, int) else given.fileno()
    try:
        os.fstat(found)
    except OSError:
        raise NotForkedError("an output of the kernel is a pipe, or closed") from None
    return found

"""What a client asks the server for: a kernel, with all that a new process is given. The request goes over a private
socket, with the kernel's streams and a channel of its own as file descriptors.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final

_SIZE_BYTES: Final = 4
_FILES: Final = 4


@dataclass(frozen=True)
class Job:
    """`arguments` are those behind the launcher's name; `command` is the whole, as a plain kernel would see it."""

    command: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(repr=False)
    folder: str


@dataclass(frozen=True)
class Files:
    """Descriptors: the kernel's standard streams, and the channel over which server and client speak of it."""

    stdin: int
    stdout: int
    stderr: int
    channel: int


def send(requests: socket.socket, job: Job, files: Files) -> None:
    """
    Raises:
        OSError: the server is gone.
    """
    text = json.dumps(asdict(job)).encode("ascii")
    whole = len(text).to_bytes(_SIZE_BYTES, "big") + text
    sent = socket.send_fds(requests, [whole], [files.stdin, files.stdout, files.stderr, files.channel])
    requests.sendall(whole[sent:])


def receive(requests: socket.socket) -> tuple[Job, Files] | None:
    """The next request; None when there will be none: the client has gone, be it in the middle of one."""
    try:
        head, descriptors, _, _ = socket.recv_fds(requests, _SIZE_BYTES, _FILES)
        head += _up_to(requests, _SIZE_BYTES - len(head))
        size = int.from_bytes(head, "big")
        text = _up_to(requests, size)
    except ConnectionResetError:
        return None
    if len(descriptors) != _FILES or len(text) < size:
        return None
    return Job(**json.loads(text)), Files(*descriptors)


def _up_to(requests: socket.socket, size: int) -> bytes:
    """So many bytes, or what comes before the end."""
    parts: list[bytes] = []
    while size and (part := requests.recv(min(size, 1 << 16))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)

"""A conversation as a JSON Lines file: a header, then one operation a line. Written whole or not at all, and read whole
or not at all: what is wrong is told with its line.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from victor_nb import clock
from victor_nb.context.conversation import Conversation
from victor_nb.context.journal import JournalCodec, Operation
from victor_nb.errors import SessionError

FORMAT: Final = "victor_nb.session"
FORMAT_VERSION: Final = 1


@dataclass(frozen=True)
class SessionFile:
    """What a file holds. `created_at` is None when its writer did not know."""

    session_id: str
    notebook: str
    created_at: dt.datetime | None
    operations: list[Operation]


def write(path: Path, content: SessionFile) -> None:
    """
    Raises:
        SessionError: there is such a file already, or it cannot be written.
    """
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "session_id": content.session_id,
        "notebook": content.notebook,
        "created_at": content.created_at and content.created_at.isoformat(),
        "exported_at": clock.now().isoformat(),
        "victor_nb": version("victor-nb"),
        "operations": len(content.operations),
    }
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with path.open("x", encoding="utf-8"):  # the name is ours, or somebody else's
            pass
        with part.open("w", encoding="utf-8") as file:
            for line in (header, *content.operations):
                file.write(f"{json.dumps(line)}\n")
        part.replace(path)
    except FileExistsError:
        raise SessionError(f"{path} is there already.", hint="name a file that does not exist") from None
    except OSError as error:
        with contextlib.suppress(OSError):  # where nothing can be written, nothing was
            part.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        raise SessionError(f"{path} cannot be written: {error}.", hint="name another folder") from None


def read(path: Path) -> SessionFile:
    """
    Raises:
        SessionError: it cannot be read, is of a newer format, breaks off, or a line of it is wrong.
    """
    try:
        lines = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")  # texts may hold other line ends
    except (OSError, UnicodeDecodeError) as error:
        raise SessionError(f"{path} cannot be read: {error}.", hint="sessions.export writes such files") from None
    header = _header(path, _object(path, 1, lines[0] if lines else ""))
    operations = [_object(path, number, line) for number, line in enumerate(lines[1:], 2)]
    if len(operations) != header["operations"]:
        raise SessionError(
            f"{path} should have {header['operations']} operations and has {len(operations)}.",
            hint="it breaks off, or was changed: export it again",
        )
    _check(path, operations)
    created = header.get("created_at")
    return SessionFile(
        header["session_id"],
        str(header.get("notebook", "")),
        dt.datetime.fromisoformat(created) if created else None,
        operations,
    )


def replayed(session_id: str, operations: Sequence[Mapping[str, Any]]) -> Conversation:
    """The conversation, apart from all others; what providers sent along stays as it was written.

    Raises:
        SessionError: an operation cannot be understood.
    """
    conversation = Conversation(session_id, JournalCodec(lambda wire: wire, lambda wire: wire))
    conversation.replay(operations)
    return conversation


def _check(path: Path, operations: Sequence[Operation]) -> None:
    try:
        replayed("", operations)
    except SessionError:
        conversation = replayed("", [])
        for number, operation in enumerate(operations, 2):  # slower, but it knows the line
            try:
                conversation.apply(operation)
            except SessionError as error:
                raise _wrong(path, number, error.message) from None
        raise


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _wrong(path, number, f"it is no JSON ({error})") from None
    if not isinstance(found, dict):
        raise _wrong(path, number, "it is no JSON object")
    return found  # pyright: ignore[reportUnknownVariableType] (JSON objects have text for keys)


def _header(path: Path, header: dict[str, Any]) -> dict[str, Any]:
    if header.get("format") != FORMAT:
        raise _wrong(path, 1, f"it should be a header with the format {FORMAT!r}")
    found = header.get("version")
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise _wrong(path, 1, f"its version is {found!r}")
    if found > FORMAT_VERSION:
        raise SessionError(
            f"{path} has format {found}, this victor_nb knows {FORMAT_VERSION}.", hint="upgrade victor_nb"
        )
    if not isinstance(header.get("session_id"), str) or not isinstance(header.get("operations"), int):
        raise _wrong(path, 1, "it should name session_id and operations")
    try:
        dt.datetime.fromisoformat(header.get("created_at") or "2026-01-01")
    except (TypeError, ValueError):
        raise _wrong(path, 1, f"created_at is {header['created_at']!r}") from None
    return header


def _wrong(path: Path, number: int, why: str) -> SessionError:
    return SessionError(f"line {number} of {path} cannot be used: {why}.", hint="nothing of it was imported")

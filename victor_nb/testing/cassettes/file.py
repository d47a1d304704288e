"""The file of a cassette on the disk: read whatever editors and git have done to its line ends, written whole or not
at all, and with the line ends that it had.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from victor_nb.testing.cassettes.form import Content, from_text
from victor_nb.testing.cassettes.missing import CassetteError
from victor_nb.testing.cassettes.wrong_form import UnreadableForm

_CONFLICT: Final = re.compile(r"^(<<<<<<<|=======|>>>>>>>|\|\|\|\|\|\|\|)( |$)", re.MULTILINE)
_AGAIN: Final = "mend it, or delete it and record it again"
_MERGE: Final = "merge it, or take one side and record again: VICTOR_CASSETTE_MODE=record"


@dataclass(frozen=True)
class CassetteFile:
    """What was read. `text` has plain line ends, `newline` is what the file has."""

    content: Content = field(default_factory=lambda: Content([], {}))
    text: str = ""
    newline: str = "\n"


def read(path: Path) -> CassetteFile:
    """The file, or what an empty one would be where there is none.

    Raises:
        CassetteError: it cannot be read, in one line that says why.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return CassetteFile()
    except OSError as error:
        folder = isinstance(error, IsADirectoryError)
        hint = "name a file in it" if folder else "look at its permissions, and at those of its folder"
        raise CassetteError(f"the cassette {path} cannot be read: {_reason(error)}.", hint=hint) from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _unreadable(path, f"line {line} is not UTF-8", "save it as UTF-8") from None
    return parsed(text, path)


def parsed(text: str, path: Path) -> CassetteFile:
    """The same of a text that is already read, of the file `path`.

    Raises:
        CassetteError: it is no cassette.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    if not text.strip():
        raise _unreadable(path, "it is empty", "delete it, and record it again")
    try:
        return CassetteFile(from_text(text), text, newline)
    except UnreadableForm as error:
        if found := _CONFLICT.search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise _unreadable(path, f"it has merge conflict markers, line {line}", _MERGE) from None
        raise _unreadable(path, str(error), _AGAIN) from None


def write(path: Path, text: str, newline: str = "\n") -> bool:
    """Whether the file has changed: one that holds the same with other line ends is left alone.

    Raises:
        CassetteError: the file cannot be written; what was there is as it was.
    """
    try:
        if path.is_file() and path.read_bytes().replace(b"\r\n", b"\n") == text.encode():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text.replace("\n", newline))
    except OSError as error:
        raise _unwritable(path, error) from None
    return True


def check_writable(path: Path) -> None:
    """
    Raises:
        CassetteError: the file could not be written: better known before a model is paid for its answers.
    """
    there = next(folder for folder in (path.parent, *path.parent.absolute().parents) if folder.exists())
    if path.is_dir():
        raise _unwritable(path, IsADirectoryError(21, "it is a folder"))
    if not there.is_dir():
        raise _unwritable(path, NotADirectoryError(20, f"{there} is no folder"))
    if not os.access(there, os.W_OK | os.X_OK):
        raise _unwritable(path, PermissionError(13, f"nothing may be written to {there}"))


def _replace(path: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise


def _unreadable(path: Path, reason: str, hint: str) -> CassetteError:
    return CassetteError(f"the cassette {path} cannot be read: {reason}.", hint=hint)


def _unwritable(path: Path, error: OSError) -> CassetteError:
    return CassetteError(
        f"the cassette {path} cannot be written: {_reason(error)}.", hint="record to a folder that is yours"
    )


def _reason(error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        return "it is a folder"
    if isinstance(error, NotADirectoryError | FileExistsError):
        return "its folder is a file"
    return error.strerror or str(error)

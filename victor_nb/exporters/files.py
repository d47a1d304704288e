"""Events to files: JSON lines, CSV, or a Parquet dataset.

The exporter checks what it is told and names errors; the writing is in `files_append` and `files_parquet`. It writes in
the thread that calls it, and opens files for one batch at a time: there is nothing to close.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from victor_nb.errors import ConfigError, ExportError, did_you_mean
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.files_append import Appender
from victor_nb.exporters.files_folder import make_folder
from victor_nb.exporters.files_lines import CsvLines, JsonLines
from victor_nb.exporters.files_lock import locked
from victor_nb.exporters.files_parquet import PART_BYTES, ParquetDataset
from victor_nb.exporters.files_rotation import Rotation
from victor_nb.protocols import AnalyticsEvent, ExportResult

FileFormat: TypeAlias = Literal["jsonl", "csv", "parquet"]

_FORMATS: Final[dict[str, FileFormat]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    "": "parquet",
}
_HINTS = {
    errno.ENOSPC: "make room on the disk; the events are kept until then",
    errno.EDQUOT: "make room in your quota; the events are kept until then",
    errno.EACCES: "check the permissions; the events are kept until then",
    errno.EPERM: "check the permissions; the events are kept until then",
    errno.EROFS: "it is on a read-only file system; choose another path",
}


class FileAnalyticsExporter(BaseAnalyticsExporter):
    """Write events to the file, or for Parquet to the folder, `path`. What is confirmed is on the disk.

    Args:
        path: `….jsonl`, `….csv`, or a folder for a Parquet dataset. `~` is expanded; folders are made.
        format: when the name does not tell.
        include_content: write prompts, answers, tool arguments and results too.
        max_bytes: JSONL and CSV: a file that would grow beyond it is set aside as `name.000001.jsonl` and a new one
            begun. Parquet: a part that has reached it (compressed; 1 MiB by default) is not added to any more.
        max_files: how many files to keep, the growing one included; the oldest are deleted. None keeps all.
        daily: begin a new file each UTC day.
        batch_size: the most events written at once.
        batch_bytes: about the most JSON written at once.
        timeout_s: seconds to wait for another process that writes to the same path.

    Raises:
        ConfigError: the format is not known, or an option does not go with it.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: FileFormat | None = None,
        include_content: bool = False,
        max_bytes: int | None = None,
        max_files: int | None = None,
        daily: bool = False,
        batch_size: int = 1000,
        batch_bytes: int = 4 * 1024 * 1024,
        timeout_s: float = 30.0,
    ) -> None:
        self.path = _absolute(path)
        self.format: FileFormat = format or _format_of(self.path)
        _check(self.path, self.format, Rotation(max_bytes, max_files, daily))
        self.include_content = include_content
        self.batch_size = batch_size
        self.batch_bytes = batch_bytes
        self.timeout_s = timeout_s
        self.destination = str(self.path)
        self._write = _writer(self.path, self.format, Rotation(max_bytes, max_files, daily))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.destination!r}, format={self.format!r})"

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        """Write `events`, those that are there already excepted. Blocks while it writes.

        Raises:
            ExportError: they were not written, or not all; they may be later.
        """
        try:
            make_folder(self.path.parent)
            with locked(self.path, self.timeout_s * 0.9):
                self._write(events)
        except OSError as error:
            raise _explained(self.path, error) from error
        return ExportResult(True, len(events))


def _explained(path: Path, error: OSError) -> ExportError:
    where = f" ({error.filename})" if error.filename not in (None, str(path)) else ""
    hint = _HINTS.get(error.errno or 0, "")
    return ExportError(f"{path} cannot be written: {error.strerror or error}{where}.", hint=hint)


def _absolute(path: str | os.PathLike[str]) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigError(f"{path!r} is not the path of a file or folder.", hint='as in "events.jsonl"')
    return Path(path).expanduser().absolute()


def _format_of(path: Path) -> FileFormat:
    suffix = path.suffix.lower()
    if path.is_dir() and suffix not in _FORMATS:
        suffix = ""
    if suffix not in _FORMATS:
        raise ConfigError(
            f"what to write to {path.name!r} is not clear: its name does not tell the format.",
            hint='let it end in .jsonl or .csv, name a folder for Parquet, or pass format="jsonl"',
        )
    return _FORMATS[suffix]


def _check(path: Path, format: FileFormat, rotation: Rotation) -> None:
    known = sorted(set(_FORMATS.values()))
    if format not in known:
        raise ConfigError(f"{format!r} is not a format.{did_you_mean(format, known)}", hint=f"use {', '.join(known)}")
    if path.exists() and path.is_dir() != (format == "parquet"):
        raise ConfigError(
            f"{path} is there already, and is {'a folder' if path.is_dir() else 'no folder'}.",
            hint="name another, or pass format=",
        )
    limits = {"max_bytes": rotation.max_bytes, "max_files": rotation.max_files}
    for name, value in limits.items():
        if value is not None and value < 1:
            raise ConfigError(f"{name} must be at least 1, not {value}.", hint=f"leave {name} out for no limit")
    if format == "parquet" and (rotation.max_files is not None or rotation.daily):
        raise ConfigError("a Parquet dataset has a folder for each day, and keeps them all.", hint="leave both out")
    if rotation.max_files is not None and rotation.max_bytes is None and not rotation.daily:
        raise ConfigError("max_files needs to know when a file ends.", hint="pass max_bytes or daily=True with it")


def _writer(path: Path, format: FileFormat, rotation: Rotation) -> Callable[[Sequence[AnalyticsEvent]], None]:
    if format == "parquet":
        return ParquetDataset(path, rotation.max_bytes or PART_BYTES).write
    return Appender(path, CsvLines() if format == "csv" else JsonLines(), rotation).append

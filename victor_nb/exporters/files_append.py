"""Whole lines at the end of a file: on the disk when it returns, and none twice.

Several processes may append to one file. What a killed one left half-written is cut off; what it had written whole
without having told anybody is found again, and not written a second time.
"""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from victor_nb.exporters.files_folder import sync_folder
from victor_nb.exporters.files_lines import LineFormat
from victor_nb.exporters.files_rotation import Rotation, set_aside
from victor_nb.protocols import AnalyticsEvent

TAIL_BYTES = 4 * 1024 * 1024
_REMEMBERED = 50_000
_BLOCK = 64 * 1024
_BINARY = getattr(os, "O_BINARY", 0)


@dataclass
class Appender:
    """Appends events to `path`. The caller holds the lock of `path`."""

    path: Path
    format: LineFormat
    rotation: Rotation
    _runs: set[str] = field(default_factory=set[str])
    _written: dict[str, None] = field(default_factory=dict[str, None])

    def append(self, events: Sequence[AnalyticsEvent]) -> None:
        """Write those of `events` that are not there yet.

        Raises:
            OSError: nothing, or only the first part of them, was written.
        """
        try:
            self._mend()  # first of all: an id in a line that is not whole is not written
            pending = self._new(events)
            while pending:
                done = self._append_to_one(pending)
                self._remember(event.id for event in pending[:done])
                pending = pending[done:]
        except BaseException:
            self._runs.clear()  # look into the file again: who knows what it holds now
            raise

    def _new(self, events: Sequence[AnalyticsEvent]) -> list[AnalyticsEvent]:
        """A kernel run that is seen for the first time may have been written to by a process that is gone."""
        runs = {event.kernel_run_id for event in events}
        if not runs <= self._runs:
            longest = sum(len(line) for line in self.format.lines(events, self.format.header()))
            self._remember(self._ids_at_the_end(max(TAIL_BYTES, 4 * longest)))
            self._runs |= runs
        return [event for event in events if event.id not in self._written]

    def _remember(self, ids: Generator[str]) -> None:
        self._written.update(dict.fromkeys(ids))
        while len(self._written) > _REMEMBERED:
            del self._written[next(iter(self._written))]

    def _ids_at_the_end(self, size: int) -> Generator[str]:
        """The ids in the last `size` bytes, oldest first, those of files that are set aside included."""
        tail = b""
        files = [*set_aside(self.path), self.path]
        for file in reversed(files if self.path.exists() else files[:-1]):
            tail = _tail(file, size - len(tail)) + tail
            if len(tail) >= size:
                break
        return (found.decode("utf-8", "replace") for found in self.format.ids.findall(tail))

    def _append_to_one(self, events: Sequence[AnalyticsEvent]) -> int:
        """Append as many of `events` as the file has room for, at least one; how many these were."""
        lines, header = self._lines_for_the_file(events)
        if self.rotation.is_due(self.path, len(lines[0])):
            self.rotation.rotate(self.path)
            lines, header = self._lines_for_the_file(events)
        with _opened(self.path) as file:
            end = os.fstat(file).st_size
            count = self._room_for(lines, end + len(header))
            try:
                _write_whole(file, header + b"".join(lines[:count]))
                os.fsync(file)
            except OSError:
                os.ftruncate(file, end)
                raise
        if end == 0:
            sync_folder(self.path.parent)
        return count

    def _lines_for_the_file(self, events: Sequence[AnalyticsEvent]) -> tuple[list[bytes], bytes]:
        """The lines as the file wants them, and its header if it has none yet."""
        first_line = self._first_line()
        header = b"" if first_line else self.format.header()
        return self.format.lines(events, first_line or header), header

    def _mend(self) -> None:
        if first_line := self._first_line():
            mend(self.path, self.format, first_line)

    def _first_line(self) -> bytes:
        if not self.path.exists():
            return b""
        with self.path.open("rb") as file:
            return file.readline()

    def _room_for(self, lines: Sequence[bytes], end: int) -> int:
        if self.rotation.max_bytes is None:
            return len(lines)
        for count, line in enumerate(lines):
            end += len(line)
            if count and end > self.rotation.max_bytes:
                return count
        return len(lines)


def mend(path: Path, format: LineFormat, first_line: bytes) -> None:
    """Cut off a last line that was begun and not ended; end one that lacks only its end."""
    with _opened(path) as file:
        end = os.fstat(file).st_size
        start = _last_line(file, end)
        torn = _read(file, start, end - start)
        if not torn:
            return
        alone = start == 0  # a header, or the only line
        if not alone and not format.is_whole(torn, first_line) and format.is_ours(torn):
            os.ftruncate(file, start)
        elif alone and _is_begun(torn, format):
            os.ftruncate(file, 0)
        else:
            _write_whole(file, b"\n")
        os.fsync(file)


def _is_begun(torn: bytes, format: LineFormat) -> bool:
    """Whether the only line of a file is the beginning of what we write first."""
    header = format.header()
    return header.startswith(torn) if header else format.is_ours(torn) and not format.is_whole(torn, b"")


@contextmanager
def _opened(path: Path) -> Generator[int]:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
    try:
        yield file
    finally:
        os.close(file)


def _read(file: int, start: int, size: int) -> bytes:
    os.lseek(file, start, os.SEEK_SET)
    parts: list[bytes] = []
    while size > 0 and (part := os.read(file, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _last_line(file: int, end: int) -> int:
    """Where the last, unfinished line begins; `end` when there is none."""
    start = end
    while start > 0:
        size = min(_BLOCK, start)
        found = _read(file, start - size, size).rfind(b"\n")
        if found >= 0:
            return start - size + found + 1
        start -= size
    return 0


def _tail(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - size))
        return file.read()


def _write_whole(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]

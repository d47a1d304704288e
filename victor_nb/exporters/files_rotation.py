"""Which file grows and which ones are kept: `events.jsonl`, until it is set aside as `events.000001.jsonl`.

Set-aside files are never written again. Names sort by age, and the file that grows sorts last.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Rotation:
    """`max_bytes` of one file; `max_files` that are kept, the growing one included; a new file each UTC day."""

    max_bytes: int | None = None
    max_files: int | None = None
    daily: bool = False

    def is_due(self, path: Path, more_bytes: int) -> bool:
        """Whether `path` must be set aside before a line of `more_bytes` is added."""
        try:
            found = path.stat()
        except FileNotFoundError:
            return False
        if not found.st_size:
            return False
        written = dt.datetime.fromtimestamp(found.st_mtime, dt.UTC).date()
        full = self.max_bytes is not None and found.st_size + more_bytes > self.max_bytes
        return full or (self.daily and written != dt.datetime.now(dt.UTC).date())

    def rotate(self, path: Path) -> None:
        """Set `path` aside, and delete the oldest files beyond `max_files`."""
        earlier = set_aside(path)
        number = _number(path, earlier[-1]) + 1 if earlier else 1
        path.rename(path.with_name(f"{path.stem}.{number:06d}{path.suffix}"))
        if self.max_files is not None:
            kept = set_aside(path)
            for old in kept[: max(0, len(kept) - self.max_files + 1)]:
                old.unlink(missing_ok=True)


def set_aside(path: Path) -> list[Path]:
    """The files that `path` once was, oldest first."""
    return sorted((p for p in path.parent.iterdir() if _number(path, p)), key=lambda p: _number(path, p))


def _number(path: Path, candidate: Path) -> int:
    found = re.fullmatch(rf"{re.escape(path.stem)}\.(\d{{6,}}){re.escape(path.suffix)}", candidate.name)
    return int(found[1]) if found else 0

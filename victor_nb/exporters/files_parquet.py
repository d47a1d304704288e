"""Events as a Parquet dataset, `date=2026-01-31/part-<kernel run>-000001.parquet`: which part an event belongs to.

A part is only ever replaced as a whole, so that a reader never sees half of one. Small batches of a kernel run are
added to its last part until that is large enough. What is in a part is `files_parts`'s.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from victor_nb.exporters.files_folder import make_folder
from victor_nb.exporters.files_parts import PartInfo, add, ids, measured
from victor_nb.protocols import AnalyticsEvent

PART_BYTES = 1024 * 1024
_PART_ROWS = 5_000


@dataclass
class ParquetDataset:
    """Adds events to the dataset in `folder`. The caller holds its lock.

    A part smaller than `part_bytes` (compressed) is added to.
    """

    folder: Path
    part_bytes: int = PART_BYTES
    _known: dict[tuple[Path, int, int], PartInfo] = field(default_factory=dict[tuple[Path, int, int], PartInfo])

    def write(self, events: Sequence[AnalyticsEvent]) -> None:
        """Write those of `events` that are not in the dataset yet.

        Raises:
            OSError: some days and kernel runs may be written, the others are as they were.
        """
        for (date, run), group in groupby(sorted(events, key=_place), key=_place):
            partition = self.folder / f"date={date}"
            make_folder(partition)
            self._write_run(partition, _slug(run), list(group))

    def _write_run(self, partition: Path, run: str, events: Sequence[AnalyticsEvent]) -> None:
        parts = self._parts(partition, run)
        first_seq = min(event.seq for event in events)
        there = {id for part in parts if part.last_seq >= first_seq for id in ids(part.path)}
        new = [event for event in events if event.id not in there]
        if new:
            grows = bool(parts) and self._takes_more(parts[-1])
            path = parts[-1].path if grows else partition / f"part-{run}-{len(parts) + 1:06d}.parquet"
            add(new, path, self._unfinished())

    def _unfinished(self) -> Path:
        """Outside of the dataset, since not every reader leaves out hidden files; a killed writer's is overwritten."""
        home = self.folder if self.folder.is_mount() else self.folder.parent
        return home / f".{self.folder.name}.unfinished"

    def _takes_more(self, part: PartInfo) -> bool:
        return part.is_current and part.size_bytes < self.part_bytes and part.rows < _PART_ROWS

    def _parts(self, partition: Path, run: str) -> list[PartInfo]:
        """The parts of a kernel run, oldest first."""
        name = re.compile(rf"part-{re.escape(run)}-\d{{6,}}\.parquet")
        found = sorted((p for p in partition.iterdir() if name.fullmatch(p.name)), key=lambda p: (len(p.name), p.name))
        return [self._info(path) for path in found]

    def _info(self, path: Path) -> PartInfo:
        found = path.stat()
        key = (path, found.st_mtime_ns, found.st_size)
        if key not in self._known:
            if len(self._known) > 10_000:
                self._known.clear()
            self._known[key] = measured(path)
        return self._known[key]


def _place(event: AnalyticsEvent) -> tuple[dt.date, str]:
    return event.timestamp.astimezone(dt.UTC).date(), event.kernel_run_id


def _slug(run: str) -> str:
    """A kernel run as part of a file's name: its id, unless that is none of ours."""
    if re.fullmatch(r"[0-9a-f-]{1,64}", run):
        return run
    return hashlib.sha256(run.encode("utf-8", "replace")).hexdigest()[:32]

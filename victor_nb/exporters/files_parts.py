"""One part of a Parquet dataset: its columns, what it holds, and how events are added to it. The only module of the
exporters that knows pyarrow, which comes without types."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

import contextlib
import os
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from victor_nb.errors import ExportError
from victor_nb.exporters.files_columns import COLUMNS, PAYLOAD_COLUMNS, cells
from victor_nb.exporters.files_folder import sync_folder
from victor_nb.protocols import AnalyticsEvent

if TYPE_CHECKING:
    import pyarrow as pa

_SEQ_UNKNOWN = 2**63


@dataclass(frozen=True)
class PartInfo:
    """A part as it is on the disk. `is_current`: it has the columns of this version."""

    path: Path
    size_bytes: int
    rows: int
    last_seq: int
    is_current: bool


def add(events: Sequence[AnalyticsEvent], path: Path, unfinished: Path) -> None:
    """Add events to the part at `path`, made when it is not there; it is replaced at once, or not at all.

    `unfinished` is where it is written first, on the same file system.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = _table(events)
    if path.exists():
        with _readable(path):
            table = pa.concat_tables([_read(path), table])
    try:
        pq.write_table(table, unfinished, compression="zstd")
        with unfinished.open("rb+") as file:
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def ids(path: Path) -> list[str]:
    with _readable(path):
        return _read(path, ["id"]).column("id").to_pylist()


def measured(path: Path) -> PartInfo:
    """What a part says of itself at its end; nothing else of it is read."""
    import pyarrow.parquet as pq

    with _readable(path), pq.ParquetFile(path) as file:
        metadata = file.metadata
        column = file.schema_arrow.get_field_index("seq")
        seqs = [metadata.row_group(i).column(column).statistics for i in range(metadata.num_row_groups)]
        last_seq = max((seq.max if seq and seq.has_min_max else _SEQ_UNKNOWN for seq in seqs), default=0)
        return PartInfo(path, path.stat().st_size, metadata.num_rows, last_seq, file.schema_arrow.equals(schema()))


def schema() -> pa.Schema:
    """`timestamp` is timestamp[us, UTC], counts are int64, `data` is JSON text."""
    import pyarrow as pa

    kinds = {"int": pa.int64(), "float": pa.float64(), "text": pa.string(), "bool": pa.bool_()}
    types = {name: kinds[kind] for name, kind in PAYLOAD_COLUMNS.items()}
    types |= {"seq": pa.int64(), "timestamp": pa.timestamp("us", tz="UTC")}
    return pa.schema([(name, types.get(name, pa.string())) for name in COLUMNS])


def _table(events: Sequence[AnalyticsEvent]) -> pa.Table:
    import pyarrow as pa

    rows = [cells(event) for event in events]
    columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in COLUMNS}
    columns["timestamp"] = [event.timestamp for event in events]
    return pa.table(columns, schema=schema())


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        return file.read(columns)


@contextlib.contextmanager
def _readable(path: Path) -> Generator[None]:
    import pyarrow as pa

    try:
        yield
    except pa.ArrowInvalid:
        raise ExportError(f"{path} is not a Parquet file.", hint="move it out of the dataset") from None

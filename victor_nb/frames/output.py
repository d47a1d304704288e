"""Frames as files and for other libraries: Parquet, Arrow, Polars."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from victor_nb.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

SUFFIX = ".parquet"


def write_parquet(
    path: str | os.PathLike[str], frames: Iterable[str], read: Callable[[str], pd.DataFrame]
) -> list[Path]:
    """Write each frame into the folder `path`, or the only one into the file `path`; the files that were written.

    A file is replaced at once when its frame is written whole, or stays as it was.
    """
    if not isinstance(path, str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"{path!r} is no path.", hint='name a folder, or a file such as "turns.parquet"')
    target, names = Path(path).expanduser(), list(frames)
    if target.suffix != SUFFIX and target.exists() and not target.is_dir():
        raise UsageError(f"{target} is a file, and no Parquet file.", hint='name a folder, or end it in ".parquet"')
    if target.suffix != SUFFIX:
        target.mkdir(parents=True, exist_ok=True)
        return [_write(read(name), target / f"{name}{SUFFIX}") for name in names]
    if len(names) != 1:
        raise UsageError(
            f"{target.name} is one file, and these are {len(names)} frames.",
            hint=f'name one, as in to_parquet("{target.name}", "turns"), or give a folder',
        )
    return [_write(read(names[0]), target)]


def _write(frame: pd.DataFrame, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        frame.to_parquet(draft, engine="pyarrow", index=False)
        draft.replace(target)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    return target


def with_proof(table: pa.Table, proof: dict[str, Any]) -> pa.Table:
    """The proof of losses as metadata of the schema, under `victor`, as JSON."""
    return table.replace_schema_metadata({"victor": json.dumps(proof)})


def to_polars(table: pa.Table) -> pl.DataFrame:
    try:
        import polars as pl
    except ImportError as error:
        raise MissingExtraError("polars is not installed.", hint="pip install polars") from error
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found

"""One cassette of the command line, which must be there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from victor_nb.errors import UsageError

if TYPE_CHECKING:
    from victor_nb.testing.cassettes.file import CassetteFile


def read_one(path: Path) -> CassetteFile:
    """
    Raises:
        UsageError: there is none.
        CassetteError: it cannot be read.
    """
    from victor_nb.testing.cassettes.file import read

    if not path.exists():
        raise UsageError(f"there is no {path}.", hint="victor-nb cassette ls shows those that there are")
    return read(path)

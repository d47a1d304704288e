"""Recordings that nothing asked for are taken out of their file. What a test run has found unused is left for the
command line, with the digest of the file that it is true of."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from pathlib import Path

from victor_nb.testing.cassettes.cassette import save_takes
from victor_nb.testing.cassettes.file import read


def digest_of(path: Path) -> str:
    """Of the content of the file, whatever its line ends; empty if there is none."""
    try:
        return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    except OSError:
        return ""


def prune(path: Path, numbers: Collection[int]) -> int:
    """Take out the recordings of these numbers, counted from 1; how many that were. A file that would hold nothing is
    removed.

    Raises:
        CassetteError: the file cannot be read or written.
    """
    found = read(path)
    takes = found.content.takes
    kept = [take for number, take in enumerate(takes, 1) if number not in numbers]
    embeddings = found.content.embeddings
    if kept or embeddings:
        save_takes(path, kept, found.content.players, found.newline, embeddings=embeddings)
    else:
        path.unlink(missing_ok=True)
    return len(takes) - len(kept)

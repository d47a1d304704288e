"""Where the recordings of notebooks are under pytest, and what cannot be so. Only the standard library is imported."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from victor_nb.testing.notebooks.notebook_file import file_name, read

_MENTIONED: Final = '"victor_nb"'


def cassette_for(notebook: Path, folder: str) -> Path:
    """What the notebook's metadata name, else a file of its name in `folder`, which is seen from the notebook."""
    found = read(notebook, mentioning=_MENTIONED)
    if found and found.settings.get("cassette"):
        return _plain(found.cassette)
    return _plain(notebook.parent / folder / file_name(notebook.stem))


def complaint(cassette: Path, notebook: Path, root: Path, shared: Iterable[Path]) -> str:
    """Why the notebook cannot have that cassette, with what to do about it; empty if it can. `shared` are the other
    notebooks that would have it too."""
    others = sorted(_from(root, other) for other in shared if other != notebook)
    if others:
        return (
            f"{_from(root, notebook)} and {others[0]} would have the same cassette, {_from(root, cassette)}.\n"
            '  → give one of them its own, in its metadata: {"victor_nb": {"cassette": "cassettes/NAME.json"}}'
        )
    place = cassette.resolve()
    if not any(place.is_relative_to(inside.resolve()) for inside in (root, notebook.parent)):
        return (
            f"the cassette of {_from(root, notebook)} is outside of the project: {cassette}.\n"
            "  → name a path inside of it: ini victor_cassettes, or victor_nb.cassette in the notebook's metadata"
        )
    return ""


def sharing(notebooks: Iterable[Path], folder: str) -> dict[Path, set[Path]]:
    """The notebooks of each cassette."""
    found: defaultdict[Path, set[Path]] = defaultdict(set)
    for notebook in set(notebooks):
        found[cassette_for(notebook, folder).resolve()].add(notebook)
    return found


def _plain(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))


def _from(root: Path, path: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)

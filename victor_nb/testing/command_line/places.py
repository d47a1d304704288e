"""Which files are cassettes, and which notebook or test each is for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

from victor_nb.errors import UsageError
from victor_nb.testing.notebooks.notebook_file import FOLDER, file_name
from victor_nb.testing.notebooks.notebook_file import read as read_notebook

_MARK: Final = '"victor_cassette"'
_SKIPPED: Final = ("node_modules", "__pycache__", "site-packages")
_ROOTS: Final = (".git", "pyproject.toml", "setup.cfg", "pytest.ini", "tox.ini")
_TEXTS: Final = (".py", ".ipynb", ".md", ".toml", ".cfg", ".ini", ".yml", ".yaml", ".rst", ".txt")
_TEST: Final = re.compile(r"^\s*(?:async\s+)?def\s+(\w+)", re.MULTILINE)


def cassettes(paths: Sequence[Path]) -> list[Path]:
    """The files among `paths`, and the cassettes in the folders among them.

    Raises:
        UsageError: there is no such file or folder.
    """
    found: dict[Path, None] = {}
    for path in paths or [Path()]:
        if path.is_dir():
            found |= dict.fromkeys(sorted(one for one in files(path) if one.suffix == ".json" and _is_ours(one)))
        elif path.exists():
            found[path] = None
        else:
            raise UsageError(f"there is no {path}.")
    return list(found)


def files(folder: Path) -> Iterator[Path]:
    """All files below, but for those of tools and environments."""
    for root, names, here in os.walk(folder):
        names[:] = sorted(name for name in names if not _is_skipped(Path(root, name)))
        yield from (Path(root, name) for name in sorted(here))


def _is_skipped(folder: Path) -> bool:
    return folder.name.startswith(".") or folder.name in _SKIPPED or (folder / "pyvenv.cfg").exists()


def _is_ours(path: Path) -> bool:
    """One that is broken is told by its folder: another program's JSON there is whole."""
    try:
        head = path.read_bytes()[:400].decode("utf-8", "replace")
    except OSError:
        return path.parent.name == FOLDER
    if _MARK in head:
        return True
    return path.parent.name == FOLDER and not re.match(r'\ufeff?\s*(\{\s*"\w|\[)', head)


class Project:
    """The folder in which a cassette's notebook or test may be."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def of(cls, path: Path) -> Project:
        """The nearest folder above that is under version control or has a configuration, else the one beside whose
        notebooks the folder of the cassette is."""
        above = path.absolute().parents
        return cls(
            next((one for one in above if any((one / name).exists() for name in _ROOTS)), above[min(1, len(above) - 1)])
        )

    @cached_property
    def _files(self) -> list[Path]:
        return [path for path in files(self.root) if path.suffix in _TEXTS]

    @cached_property
    def _notebooks(self) -> list[tuple[Path, Path]]:
        """Each with the cassette that its metadata or its name tells."""
        found: list[tuple[Path, Path]] = []
        for path in self._files:
            if path.suffix == ".ipynb":
                named = read_notebook(path, mentioning='"victor_nb"')
                found.append((path, named.cassette if named else path.parent / FOLDER / file_name(path.stem)))
        return found

    def owners(self, cassette: Path) -> list[Path]:
        """The notebooks and test files whose recordings these are; those that only mention the file are the last
        resort. Empty for an orphan."""
        path = cassette.absolute()
        return (
            [notebook for notebook, its in self._notebooks if its.absolute() == path]
            or [test for test in self._tests(path) if test.parent == path.parent.parent]
            or [notebook for notebook, its in self._notebooks if its.name == path.name]
            or list(self._tests(path))
            or self._mentioning(path.name)
        )

    def _tests(self, cassette: Path) -> Iterable[Path]:
        module, dot, rest = cassette.stem.partition(".")
        for path in self._files:
            if dot and path.suffix == ".py" and path.stem == module:
                names = _TEST.findall(path.read_text(encoding="utf-8", errors="replace"))
                if any(re.search(rf"(?:^|\.){name}(?:-|$)", rest) for name in names):  # a class may stand before it
                    yield path

    def _mentioning(self, name: str) -> list[Path]:
        return [path for path in self._files if name in path.read_text(encoding="utf-8", errors="replace")][:1]


def shown(path: Path) -> str:
    """As short as it can be said from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)

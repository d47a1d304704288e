"""`victor-nb cassette prune`: recordings that the last test run did not ask for, and cassettes that are nobody's."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

_CACHE: Final = Path(".pytest_cache")
_LEFT: Final = Path("v", "victor_nb", "unused")
"""Where pytest's plugin leaves what the last run of each cassette has found."""


def add(verbs: Any) -> None:
    """Tell the parser of it."""
    what = (
        "remove recordings that the last run of pytest did not ask for, or with --orphans cassettes that are nobody's"
    )
    parser: ArgumentParser = verbs.add_parser("prune", help="remove what nothing asks for", description=what)
    parser.add_argument("paths", nargs="*", type=Path, metavar="FILE", help="cassettes; with --orphans also folders")
    parser.add_argument("--orphans", action="store_true", help="remove cassettes whose notebook or test is gone")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="pytest's cache, if cache_dir says so")
    parser.set_defaults(command=prune)


def prune(options: Namespace) -> int:
    """
    Raises:
        UsageError: neither files nor --orphans were given, or there is no such file.
        CassetteError: a file cannot be read or written, or no run of it as it is now is known.
    """
    from victor_nb.errors import UsageError
    from victor_nb.testing.command_line.output import say

    if options.orphans:
        say(*_orphans(options.paths, dry=options.dry_run))
        return 0
    if not options.paths:
        raise UsageError("name the cassettes to prune.", hint="or --orphans, for those that are nobody's")
    unused = [(path, _unused(path, options.cache)) for path in options.paths]  # all are known before one is changed
    for path, numbers in unused:
        say(*_pruned(path, numbers, dry=options.dry_run))
    return 0


def _orphans(paths: Sequence[Path], *, dry: bool) -> list[str]:
    from victor_nb.testing.command_line.places import Project, cassettes, shown

    projects: dict[Path, Project] = {}
    told: list[str] = []
    for path in cassettes(paths):
        project = Project.of(path)
        if not projects.setdefault(project.root, project).owners(path):
            told.append(f"{'would remove' if dry else 'removed'} {shown(path)}: no notebook and no test is of its name")
            if not dry:
                path.unlink()
    return told or ["There is no orphan."]


def _unused(path: Path, cache: Path | None) -> list[int]:
    from victor_nb.testing.cassettes.missing import CassetteError
    from victor_nb.testing.cassettes.pruning import digest_of
    from victor_nb.testing.command_line.reading import read_one

    read_one(path)
    hint = "run it: pytest --nbmake NOTEBOOK, then prune; or let the run do it: -o victor_unused=prune"
    for folder in [cache] if cache else [above / _CACHE for above in path.absolute().parents]:
        left = _left(folder / _LEFT).get(str(path.absolute()))
        if left is None:
            continue
        if left.get("digest") != digest_of(path):
            raise CassetteError(f"{path} has changed since the last run.", hint=hint)
        return [int(number) for number in left["unused"]]
    raise CassetteError(f"no run is known that has used {path} to its end.", hint=hint)


def _left(path: Path) -> dict[str, dict[str, Any]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return cast("dict[str, dict[str, Any]]", found) if isinstance(found, dict) else {}


def _pruned(path: Path, numbers: Sequence[int], *, dry: bool) -> list[str]:
    from victor_nb.testing.cassettes.pruning import prune as pruned
    from victor_nb.testing.cassettes.sent import first_line
    from victor_nb.testing.command_line.output import counted
    from victor_nb.testing.command_line.reading import read_one

    takes = read_one(path).content.takes
    lines = [f'  {number}. "{first_line(takes[number - 1].sent.messages)}"' for number in numbers]
    if not dry and numbers:
        pruned(path, numbers)
    what = f"{counted(len(numbers), 'recording')} of {len(takes)} {'would be removed' if dry else 'removed'}"
    return [f"{path}: {what}", *lines]

"""Recordings that nothing asked for, in a run of pytest: an error, a warning, taken out, or ignored. What a run has
found is left in pytest's cache, for `victor-nb cassette prune`."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import pytest

WISHES: Final = ("error", "warn", "prune", "ignore")
FOUND: Final = "victor_nb_unused"
"""The property of a test's report that says what was unused."""
LEFT: Final = "victor_nb/unused"


def wish_of(config: pytest.Config) -> str:
    wanted = str(config.getini("victor_unused") or "warn")
    if wanted not in WISHES:
        raise pytest.UsageError(f"victor_nb: victor_unused is {wanted!r}, and must be one of {', '.join(WISHES)}")
    return wanted


def settle_unused(item: pytest.Item, path: Path, numbers: list[int], *, whole: bool) -> int:
    """For a replay that has passed; how many recordings were taken out of the file. That is done only when the
    `whole` notebook has run, and never under CI.

    Raises the failure of the test where unused recordings are an error.
    """
    from victor_nb.testing.cassettes.pruning import digest_of, prune

    wanted, pruned = wish_of(item.config), 0
    if numbers and wanted == "prune" and whole and not _is_ci():
        pruned, numbers = prune(path, numbers), []
    if whole and path.is_file():
        left = {"cassette": str(path.absolute()), "digest": digest_of(path), "unused": numbers}
        item.user_properties.append((FOUND, left))
    if numbers and wanted != "ignore":
        what, them = ("1 recording was", "it") if len(numbers) == 1 else (f"{len(numbers)} recordings were", "them")
        told = f"{path.name}: {what} not asked for; --victor=rewrite leaves {them} out"
        if wanted == "prune":
            told += f" (not taken out {'under CI' if _is_ci() else 'where not all has run that may use it'})"
        if wanted == "error":
            pytest.fail(told, pytrace=False)
        item.warn(pytest.PytestWarning(told))
    return pruned


def runs_whole(notebook: Path) -> bool:
    """Whether no cell of it is tagged to be skipped."""
    from victor_nb.testing.notebooks.notebook_file import SKIPPED

    try:
        cells = json.loads(notebook.read_text(encoding="utf-8")).get("cells", [])
        return not any(SKIPPED in cell.get("metadata", {}).get("tags", []) for cell in cells)
    except (OSError, ValueError, AttributeError, TypeError):
        return False


def leave(config: pytest.Config, reports: Iterable[Any]) -> None:
    """Where the command line looks for it. Of a cassette that two tests share, what neither has used."""
    cache = getattr(config, "cache", None)
    now: dict[str, dict[str, Any]] = {}
    for report in reports:
        for name, value in report.user_properties:
            if name == FOUND:
                known = now.get(value["cassette"])
                both = set(value["unused"]) & set(known["unused"]) if known else set(value["unused"])
                now[value["cassette"]] = {"digest": value["digest"], "unused": sorted(both)}
    if cache is not None and now:
        cache.set(LEFT, {**(cache.get(LEFT, None) or {}), **now})


def _is_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")

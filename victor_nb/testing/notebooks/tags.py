"""The tags of the cell that a request comes from, as the notebook's file has them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from victor_nb.testing.notebooks.kernel import RunningCell
from victor_nb.testing.notebooks.matching import normal
from victor_nb.testing.notebooks.notebook_file import Notebook

LIVE: Final = "victor-live"


def tags_of(notebook: Notebook, running: RunningCell, executed: Sequence[str]) -> frozenset[str]:
    """By the cell's id, else by what stands in it: of several cells that say the same, the one that has its turn."""
    by_id = next((cell for cell in notebook.cells if cell.id and cell.id == running.id), None)
    if by_id:
        return by_id.tags
    source = normal(running.source)
    same = [cell for cell in notebook.cells if normal(cell.source) == source]
    times = sum(normal(one) == source for one in executed)
    return same[min(max(times, 1), len(same)) - 1].tags if same else frozenset()

"""Which notebook of a folder a kernel runs, told by the cells that it has run: nbclient, which stands behind papermill,
nbconvert and `jupyter execute`, says neither a path nor ids of cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from victor_nb.testing.notebooks.notebook_file import CodeCell, Notebook, read

_INJECTED: Final = "injected-parameters"
_PARAMETERS: Final = "# Parameters\n"
_WORD: Final = "victor_nb"


def normal(source: str) -> str:
    """Without the white space that front ends and IPython add or take away."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def reached(notebook: Notebook, executed: Sequence[str]) -> int | None:
    """How many cells of the notebook have run, if it begins with what was `executed`; None if it does not.

    The cell of parameters that papermill puts in is not in the notebook, or with other values.
    """
    cells, count = notebook.cells, 0
    for source in executed:
        cell = cells[count] if count < len(cells) else None
        if cell and _is(cell, source):
            count += 1
        elif not source.startswith(_PARAMETERS):
            return None
    return count


def _is(cell: CodeCell, source: str) -> bool:
    return normal(cell.source) == normal(source) or (_INJECTED in cell.tags and source.startswith(_PARAMETERS))


def candidates(folder: Path, executed: Sequence[str]) -> list[Notebook]:
    """The notebooks of the folder that begin with what was executed; without copies, and without what papermill and
    nbconvert have made from others of them."""
    word = _WORD if any(_WORD in source for source in executed) else ""
    paths = sorted(path for path in folder.glob("*.ipynb") if not path.name.startswith("."))
    notebooks = [found for path in paths if (found := read(path, mentioning=word))]
    begun = [notebook for notebook in notebooks if reached(notebook, executed)]
    return [one for one in begun if not any(_comes_from(one, other) for other in begun if other is not one)]


def _comes_from(one: Notebook, other: Notebook) -> bool:
    if one.made_from and Path(one.made_from).name == other.path.name:
        return True
    named = one.path.stem.startswith(other.path.stem) and one.path.stem != other.path.stem
    return named and [cell.source for cell in one.cells] == [cell.source for cell in other.cells]

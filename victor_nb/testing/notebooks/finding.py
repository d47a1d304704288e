"""Where a kernel's recordings are: where the environment says, else beside the notebook that the front end names, else
beside the one whose cells were executed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from victor_nb.testing.notebooks.matching import candidates
from victor_nb.testing.notebooks.notebook_file import FOLDER, Notebook, read

if TYPE_CHECKING:
    from victor_nb.testing.notebooks.kernel import IKernel

CASSETTE: Final = "VICTOR_CASSETTE"
NOTEBOOK: Final = "VICTOR_CASSETTE_NOTEBOOK"
_SAY_IT: Final = f"say where its recordings are: {CASSETTE}=cassettes/NAME.json"


@dataclass(frozen=True)
class Found:
    """`notebook` is None where only the environment says which cassette to use."""

    cassette: Path
    notebook: Notebook | None


class Finder:
    """For one kernel, and the environment that it was started in."""

    def __init__(self, kernel: IKernel | None, environment: Mapping[str, str]) -> None:
        self._kernel = kernel
        self._environment = environment

    @property
    def told(self) -> bool:
        """Whether the environment names the cassette."""
        return bool(self._environment.get(CASSETTE))

    @property
    def in_batch(self) -> bool:
        return self._kernel is not None and self._kernel.in_batch() and self._kernel.notebook() is None

    def candidates(self) -> list[Notebook]:
        """The notebooks of the working folder that this one may be; none where nothing was executed."""
        executed = self._kernel.executed() if self._kernel else ()
        return candidates(Path.cwd(), executed) if executed else []

    def place(self) -> Found:
        """
        Raises:
            CassetteError: it cannot be told which notebook this is.
        """
        if path := self._environment.get(CASSETTE):
            return Found(Path(path).absolute(), self._notebook())
        notebook = self._named() or self._only(self.candidates())
        return Found(notebook.cassette, notebook)

    def may_be_recorded(self) -> bool:
        """Whether there are recordings of one of the notebooks that this may be."""
        return any(notebook.cassette.is_file() for notebook in self.candidates())

    def has_folder(self) -> bool:
        """Whether notebooks of this folder have recordings, this one or others."""
        return (Path.cwd() / FOLDER).is_dir()

    def _notebook(self) -> Notebook | None:
        if path := self._environment.get(NOTEBOOK):
            return read(Path(path))
        if named := self._named():
            return named
        found = self.candidates() if self.in_batch else []
        return found[0] if len(found) == 1 else None

    def _named(self) -> Notebook | None:
        path = self._kernel.notebook() if self._kernel else None
        if path is None:
            return None
        return read(path) or Notebook(path, ())

    def _only(self, found: list[Notebook]) -> Notebook:
        from victor_nb.testing.cassettes.missing import CassetteError

        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(notebook.path.name for notebook in found)
            raise CassetteError(f"which notebook this is cannot be told yet: {names} begin alike.", hint=_SAY_IT)
        if not self.in_batch:
            raise CassetteError("the front end does not say which notebook this is.", hint=_SAY_IT)
        raise CassetteError(f"no notebook in {Path.cwd()} begins with the cells that were executed.", hint=_SAY_IT)

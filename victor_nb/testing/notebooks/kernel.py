"""What is asked of the kernel that runs a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class RunningCell:
    """The cell that a request comes from. `id` is what the front end calls it, if it says."""

    source: str
    id: str | None = None


class IKernel(Protocol):
    """The notebook folder has one for IPython; see `victor_nb.notebook.kernel.executed`."""

    def executed(self) -> Sequence[str]:
        """The sources of the cells so far, in order, with the one that runs now."""
        ...

    def in_batch(self) -> bool:
        """Whether cells are sent by a program: nobody can answer a question, and cells have no ids."""
        ...

    def notebook(self) -> Path | None:
        """The notebook's file, where the front end says it."""
        ...

    def running(self) -> RunningCell | None: ...

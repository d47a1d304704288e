"""Which events a frame is about: this notebook's, another's, or all that the store holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from victor_nb.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from victor_nb.protocols import IEventStore, KernelRun, StoredEvent


@dataclass(frozen=True, slots=True)
class Scope:
    """The kernel runs that a frame reads, and the session it is narrowed to.

    `everything` is true when they are all runs of the store, so that a query need not name them.
    """

    store: IEventStore
    runs: Sequence[KernelRun]
    session_id: str | None = None
    everything: bool = False

    def read(self, *types: str) -> list[StoredEvent]:
        """The events of these types (of all, when none is given), in the order in which they became durable."""
        from victor_nb.protocols import EventQuery

        run_ids = None if self.everything else [run.id for run in self.runs]
        return self.store.read(EventQuery(kernel_run_ids=run_ids, session_id=self.session_id, types=types or None))


def scope_of(
    store: IEventStore, here: str | None, *, session: str | None, notebook: str | None, everything: bool
) -> Scope:
    """The scope that the arguments of a frame ask for. `here` is the path of the notebook that asks, if known."""
    known = store.runs()
    if notebook is not None:
        return Scope(store, _runs_of(notebook, known), session)
    if everything:
        return Scope(store, known, session, everything=True)
    own = next((run for run in known if run.id == store.kernel_run_id), None)
    here = (own.notebook if own else None) or here
    mine = [run for run in known if run is own or (here is not None and run.notebook == here)]
    return Scope(store, mine, session)


def _runs_of(notebook: str, known: Sequence[KernelRun]) -> list[KernelRun]:
    """The runs of a notebook, given by its path as recorded or by its file name alone."""
    paths = {run.notebook for run in known if run.notebook is not None}
    wanted = {notebook} & paths or {path for path in paths if PurePath(path).name == notebook}
    if not wanted:
        raise UsageError(
            f"the store has nothing of a notebook {notebook!r}.{did_you_mean(notebook, sorted(paths))}",
            hint="sessions(all=True) lists every notebook",
        )
    return [run for run in known if run.notebook in wanted]

"""Which events a frame is about: this notebook's, another's, or all that the store holds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.records import EventQuery, KernelRun

if TYPE_CHECKING:
    from victor_nb.frames.filters import Filter
    from victor_nb.protocols import IEventStore


PAGE_ROWS: Final = 4096
PAGE_BYTES: Final = 8 * 1024 * 1024
_TEXTS: Final = {"data", "content"}


@runtime_checkable
class _ReadsColumns(Protocol):
    """What a store may have beyond `IEventStore`: `read`, but only some columns, as plain tuples. It knows those of
    `StoredEvent`, and of `turn_completed` the fields of its payload that are added up (`facts.py`)."""

    def rows(self, query: EventQuery, columns: Sequence[str], *, ordered: bool = True) -> list[tuple[Any, ...]]: ...


@dataclass(frozen=True, slots=True)
class Scope:
    """The kernel runs that a frame reads, and the session it is narrowed to.

    `everything` is true when they are all runs of the store, so that a query need not name them. `accepted` is how
    many events this kernel had recorded when the scope was made, if it is among them, and `flushed` whether the store
    has them all. `after_position` leaves out what is older.
    """

    store: IEventStore
    runs: Sequence[KernelRun]
    session_id: str | None = None
    everything: bool = False
    accepted: int = 0
    flushed: bool = True
    after_position: int = 0

    @property
    def reads_columns(self) -> bool:
        return isinstance(self.store, _ReadsColumns)

    def query(self, types: Sequence[str]) -> EventQuery:
        """All events of these types (of any, when none is given)."""
        run_ids = None if self.everything else [run.id for run in self.runs]
        return EventQuery(
            kernel_run_ids=run_ids,
            session_id=self.session_id,
            types=list(types) or None,
            after_position=self.after_position,
        )

    def all_of(self, kernel_run_id: str) -> EventQuery:
        """All events of one run, whatever the session."""
        return EventQuery(kernel_run_ids=[kernel_run_id])

    def rows(self, query: EventQuery, columns: Sequence[str], *, ordered: bool = True) -> list[tuple[Any, ...]]:
        """These attributes of the events of a query; at least two of them."""
        store = self.store
        if isinstance(store, _ReadsColumns):
            return store.rows(query, columns, ordered=ordered)
        return [attrgetter(*columns)(event) for event in store.read(query)]

    def pages(self, query: EventQuery, columns: Sequence[str]) -> Iterator[Sequence[tuple[Any, ...]]]:
        """The same in pieces of bounded size, unless the query has a limit; `position` is the first column."""
        in_one = not _TEXTS & set(columns) and len(query.types or ()) == 1  # an index may give them, in its own order
        if in_one or query.limit is not None:
            yield from sliced(self.rows(query, columns))
            return
        after = last = query.after_position
        while True:
            page = replace(query, after_position=after, limit=PAGE_ROWS, max_bytes=PAGE_BYTES)
            found = self.rows(page, columns)
            if not found or (last := found[-1][0]) <= after:
                return
            after = last
            yield found


def sliced(rows: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """In pieces that a processor's cache can hold: turning all of them into columns at once takes twice as long."""
    return (rows[start : start + PAGE_ROWS] for start in range(0, len(rows), PAGE_ROWS))


def scope_of(store: IEventStore, here: str | None, filter: Filter, *, patience_s: float) -> Scope:
    """The scope that a filter asks for, with the store brought up to date first. `here` is the path of the notebook
    that asks, if known.

    Raises:
        UsageError: the store has nothing of the notebook.
    """
    accepted = store.accepted
    flushed = store.flush(patience_s)
    known = store.runs()
    runs = _wanted(known, store.kernel_run_id, here, filter)
    is_own = filter.notebook is None or any(run.id == store.kernel_run_id for run in runs)
    everything = filter.all and filter.notebook is None
    return Scope(store, runs, filter.session, everything, accepted if is_own else 0, flushed)


def _wanted(known: Sequence[KernelRun], own_id: str, here: str | None, filter: Filter) -> Sequence[KernelRun]:
    if filter.notebook is not None:
        return _runs_of(filter.notebook, known)
    if filter.all:
        return known
    own = next((run for run in known if run.id == own_id), None)
    here = (own.notebook if own else None) or here
    return [run for run in known if run is own or (here is not None and run.notebook == here)]


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

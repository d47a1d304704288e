"""Started and completed events become rows. Events of one pair share the kernel run, the turn and the id that the
payload gives them; a start that was never completed stays a row, and so does a completion without its start.
Works on whole arrays; knows nothing of columns.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from victor_nb.frames.reading import Events
    from victor_nb.records import KernelRun

    Indices: TypeAlias = npt.NDArray[np.int64]

NONE = -1


@dataclass(frozen=True, slots=True)
class Rows:
    """For each row the number of the event that opened it among the started ones, and of the one that closed it among
    the completed ones; `NONE` where there is no such event."""

    opened: Indices
    closed: Indices

    def __len__(self) -> int:
        return len(self.opened)


def single(count: int) -> Rows:
    """One row an event, for types that come alone."""
    import numpy as np

    return Rows(np.arange(count), np.full(count, NONE))


def paired(starts: Events, ends: Events, id_field: str) -> Rows:
    """One row a pair, in the order in which the pairs were opened.

    Some models give every tool call the same id, so a completion goes to the oldest open row of its key.
    """
    import numpy as np

    began, ended = _positions(starts), _positions(ends)
    names = ("kernel_run_id", "turn_id", f"data.{id_field}")
    if _in_step(starts, ends, began, ended, names):
        match = np.arange(len(ended))
    else:
        match = _first_in_first_out(began, ended, *_keys(starts, ends, names))
    closed = np.full(len(began), NONE)
    closed[match[match != NONE]] = np.flatnonzero(match != NONE)
    unopened = np.flatnonzero(match == NONE)
    if not len(unopened):
        return Rows(np.arange(len(began)), closed)
    opened = np.concatenate([np.arange(len(began)), np.full(len(unopened), NONE)])
    order = np.argsort(np.concatenate([began, ended[unopened]]))
    return Rows(opened[order], np.concatenate([closed, unopened])[order])


def statuses(
    rows: Rows, starts: Events, runs: Mapping[str, KernelRun], completed_turns: Callable[[], pa.Array]
) -> pa.Array:
    """For rows that were never completed `interrupted`, or null while the work still runs; null for all others.

    It still runs when the kernel is alive and the turn it belongs to is not completed. `completed_turns`, the ids of
    those that are, is asked only when needed.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    unfinished = np.flatnonzero(rows.closed == NONE)
    interrupted = np.zeros(len(rows), dtype=bool)
    if len(unfinished):
        opened = pa.array(rows.opened[unfinished])
        ids = starts["kernel_run_id"].take(opened)
        living = pa.array([run.id for run in runs.values() if not is_over(run)], ids.type)
        over = pc.invert(pc.is_in(ids, living))
        if not pc.all(over).as_py():
            over = pc.or_(over, pc.is_in(starts["turn_id"].take(opened), completed_turns()))
        interrupted[unfinished] = over.to_numpy()
    return pc.if_else(pa.array(interrupted), pa.scalar("interrupted", pa.large_string()), None)


def is_over(run: KernelRun | None) -> bool:
    """Whether a kernel run has ended, by itself or by being killed; a run that the store does not know has."""
    return run is None or run.ended_at_us is not None or not run.alive


def _positions(events: Events) -> Indices:
    return events["position"].to_numpy()


def _in_step(starts: Events, ends: Events, began: Indices, ended: Indices, names: Sequence[str]) -> bool:
    """Whether the n-th end plainly belongs to the n-th start, as where one turn followed the other."""
    count = len(ended)
    if count > len(began) or (began[:count] > ended).any():
        return False
    return all(starts[name].slice(0, count).equals(ends[name]) for name in names)


def _keys(starts: Events, ends: Events, names: Sequence[str]) -> tuple[Indices, Indices]:
    """A number for each combination of run, turn and id; null is a value."""
    import numpy as np
    import pyarrow as pa

    keys = np.zeros(len(starts["position"]) + len(ends["position"]), dtype=np.int64)
    for name in names:
        values = pa.chunked_array([*starts[name].chunks, *ends[name].chunks], starts[name].type)
        codes, count = _codes(values.combine_chunks())
        keys, _ = _codes(pa.array(keys * count + codes))
    return keys[: len(starts["position"])], keys[len(starts["position"]) :]


def _codes(values: pa.Array) -> tuple[Indices, int]:
    encoded = values.dictionary_encode(null_encoding="encode")
    return encoded.indices.to_numpy(zero_copy_only=False).astype("int64"), len(encoded.dictionary) or 1


def _first_in_first_out(began: Indices, ended: Indices, start_keys: Indices, end_keys: Indices) -> Indices:
    """For each end the number of the start that it belongs to, or `NONE`; `began` and `ended` are positions.

    The n-th end of a key belongs to its n-th start, unless it came before that: then it had none, and the ends and
    starts of that key are gone through one after the other.
    """
    import numpy as np

    match = _same_rank(_ranked(start_keys), _ranked(end_keys))
    has = np.flatnonzero(match != NONE)
    early = has[began[match[has]] > ended[has]]
    if len(early):
        odd = np.unique(end_keys[early])
        starts, ends = np.flatnonzero(np.isin(start_keys, odd)), np.flatnonzero(np.isin(end_keys, odd))
        events = [(began[start], int(start_keys[start]), int(start), True) for start in starts]
        events += [(ended[end], int(end_keys[end]), int(end), False) for end in ends]
        _match_in_order(sorted(events), match)
    return match


def _ranked(keys: Indices) -> tuple[Indices, Indices]:
    """The keys, and how many of the same came before each."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    sorted_keys = keys[order]
    begins = np.r_[True, sorted_keys[1:] != sorted_keys[:-1]][: len(keys)]
    places = np.arange(len(keys))
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = places - np.maximum.accumulate(np.where(begins, places, 0))
    return keys, ranks


def _same_rank(left: tuple[Indices, Indices], right: tuple[Indices, Indices]) -> Indices:
    """For each entry of `right` the place of the equal entry of `left`, or `NONE`."""
    import numpy as np

    if not len(left[0]):
        return np.full(len(right[0]), NONE)
    width = 1 + max(int(left[1].max()), int(right[1].max(initial=0)))
    ours, theirs = left[0] * width + left[1], right[0] * width + right[1]
    order = np.argsort(ours)
    places = np.minimum(np.searchsorted(ours, theirs, sorter=order), len(ours) - 1)
    return np.where(ours[order[places]] == theirs, order[places], NONE)


def _match_in_order(events: Iterable[tuple[int, int, int, bool]], match: Indices) -> None:
    """Fill in `match` for events of (position, key, number, whether it is a start), in this order."""
    waiting: dict[int, deque[int]] = defaultdict(deque)
    for _, key, number, is_start in events:
        if is_start:
            waiting[key].append(number)
        else:
            match[number] = waiting[key].popleft() if waiting[key] else NONE

"""Whether events were lost: within a kernel run `seq` counts from 1 without gaps, so a missing number is a loss."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from victor_nb.protocols import IEventStore, KernelRun

LossProof: TypeAlias = dict[str, Any]


def loss_proof(store: IEventStore, runs: Sequence[KernelRun], *, flushed: bool) -> LossProof:
    """What `df.attrs["victor"]` holds, plain data that survives copies and `to_parquet`:

    - `accepted`: how many events these kernel runs recorded (the sum of the highest `seq` of each)
    - `stored`: how many of them the store has
    - `gaps`: `{kernel_run_id: [[first, last], ...]}`, the `seq` that are missing; empty when nothing is lost
    - `flushed`: False when the store could not be brought up to date in time, so the frame may lack the newest events
    """
    accepted = stored = 0
    gaps: dict[str, list[list[int]]] = {}
    for run in runs:
        last_seq, count = run.last_seq, run.stored
        if last_seq is None or count is None or last_seq != count:
            seqs = _seqs(store, run)
            last_seq, count = max(seqs, default=0), len(seqs)
            if found := missing(seqs):
                gaps[run.id] = found
        accepted += last_seq
        stored += count
    return {"accepted": accepted, "stored": stored, "gaps": gaps, "flushed": flushed}


def missing(seqs: Sequence[int]) -> list[list[int]]:
    """The ranges (both ends included) that `seqs` leaves out between 1 and its highest."""
    present = sorted({0, *seqs})
    return [[low + 1, high - 1] for low, high in itertools.pairwise(present) if high - low > 1]


def _seqs(store: IEventStore, run: KernelRun) -> list[int]:
    from victor_nb.protocols import EventQuery

    return list({event.seq for event in store.read(EventQuery(kernel_run_ids=[run.id]))})

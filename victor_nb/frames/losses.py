"""Whether events were lost: within a kernel run `seq` counts from 1 without gaps, so a missing number is a loss."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from victor_nb.records import KernelRun

if TYPE_CHECKING:
    from victor_nb.frames.scope import Scope

LossProof: TypeAlias = dict[str, Any]


def loss_proof(scope: Scope) -> LossProof:
    """What `df.attrs["victor"]` holds, plain data that survives copies and `to_parquet`:

    - `accepted`: how many events these kernel runs recorded. This kernel counts its own, whatever became of the store;
      of another run it is the highest `seq` that is known
    - `stored`: how many of them the store has
    - `pruned`: how many of them were deleted on purpose; `accepted == stored + pruned` unless events were lost
    - `gaps`: `{kernel_run_id: [[first, last], ...]}`, the `seq` that were lost; empty when nothing is
    - `flushed`: False when the store could not be brought up to date in time, so the frame may lack the newest events
    - `exporters`: `{name: {"accepted", "delivered", "pending", "dead"}}`; the first is the sum of the others
    """
    accounts = {run.id: _account(scope, run) for run in _runs(scope)}
    return {
        "accepted": sum(account.accepted for account in accounts.values()),
        "stored": sum(account.stored for account in accounts.values()),
        "pruned": sum(account.pruned for account in accounts.values()),
        "gaps": {run_id: account.gaps for run_id, account in accounts.items() if account.gaps},
        "flushed": scope.flushed,
        "exporters": _exporters(scope),
    }


def missing(seqs: Sequence[int], after: int, last: int) -> list[list[int]]:
    """The ranges (both ends included) that `seqs` leaves out behind `after` and up to `last`."""
    present = sorted({after, *(seq for seq in seqs if seq > after), last + 1})
    return [[low + 1, high - 1] for low, high in itertools.pairwise(present) if high - low > 1]


@dataclass(frozen=True, slots=True)
class _Account:
    """Of one kernel run."""

    accepted: int
    stored: int
    pruned: int
    gaps: list[list[int]] = field(default_factory=list[list[int]])


def _runs(scope: Scope) -> list[KernelRun]:
    """Those of the scope, and this kernel's also where the store does not know it any more."""
    own = scope.store.kernel_run_id
    if not scope.accepted or any(run.id == own for run in scope.runs):
        return list(scope.runs)
    return [*scope.runs, KernelRun(own, None, 0, None, alive=True, last_seq=0, stored=0)]


def _account(scope: Scope, run: KernelRun) -> _Account:
    """What is not written yet is accepted, and no gap."""
    accepted = scope.accepted if run.id == scope.store.kernel_run_id else 0
    last, count = run.last_seq, run.stored
    if last is not None and count is not None:
        last = max(last, run.pruned_seq)
        if last - run.pruned_seq == count and last >= accepted:
            return _Account(last, count, run.pruned_seq)
    seqs = _seqs(scope, run)
    last = max(last or 0, run.pruned_seq, *seqs[-1:], accepted if scope.flushed else 0)
    pruned = run.pruned_seq - sum(seq <= run.pruned_seq for seq in seqs)
    return _Account(max(last, accepted), len(seqs), pruned, missing(seqs, run.pruned_seq, last))


def _seqs(scope: Scope, run: KernelRun) -> list[int]:
    query = scope.all_of(run.id)
    return sorted({seq for page in scope.pages(query, ["position", "seq"]) for _, seq in page})


def _exporters(scope: Scope) -> dict[str, dict[str, int]]:
    mine = {run.id for run in scope.runs}
    found: dict[str, dict[str, int]] = {}
    for outbox in scope.store.outboxes():
        if outbox.kernel_run_id in mine:
            counts = found.setdefault(outbox.exporter, {"accepted": 0, "delivered": 0, "pending": 0, "dead": 0})
            for name in counts:
                counts[name] += getattr(outbox, name)
    return found

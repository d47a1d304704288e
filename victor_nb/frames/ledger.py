"""The ledger of deliveries: what became of every event that an exporter was to deliver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from victor_nb.frames.arrow import from_lists
from victor_nb.frames.columns import EXPORTS
from victor_nb.frames.reading import Wanted, read_events

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from victor_nb.frames.scope import Scope
    from victor_nb.records import DeadLetter, Outbox

    Numbers: TypeAlias = npt.NDArray[np.int64]
    Recorded: TypeAlias = Mapping[tuple[str, int], tuple[Numbers, Numbers]]


_FATES: Final = ("delivered", "pending", "dead")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A row, in the order of `EXPORTS`."""

    exporter: str
    kernel_run_id: str
    channel: int
    status: str
    first_seq: int | None
    last_seq: int | None
    events: int
    attempts: int | None
    last_error: str | None
    updated_at: int | None


def exports(scope: Scope) -> pa.Table:
    """One row per exporter, kernel run, channel and unbroken stretch of its events that met the same fate. Rows of
    delivered events that are no longer stored, and so have no `seq`, come first."""
    mine = {run.id for run in scope.runs}
    outboxes = [outbox for outbox in scope.store.outboxes() if outbox.kernel_run_id in mine]
    letters: dict[tuple[str, str, int], list[DeadLetter]] = defaultdict(list)
    for letter in scope.store.dead_letters():
        letters[letter.exporter, letter.kernel_run_id, letter.channel].append(letter)
    recorded = _recorded(scope, {outbox.kernel_run_id for outbox in outboxes})
    rows = [
        astuple(stretch)
        for outbox in outboxes
        for stretch in _stretches(outbox, letters[outbox.exporter, outbox.kernel_run_id, outbox.channel], recorded)
    ]
    values = zip(*rows, strict=True) if rows else ((),) * len(EXPORTS)
    return from_lists({column.name: list(each) for column, each in zip(EXPORTS, values, strict=True)}, EXPORTS)


def _recorded(scope: Scope, run_ids: Iterable[str]) -> Recorded:
    """For each run and channel the positions and the `seq` of its events."""
    import numpy as np

    found: dict[tuple[str, int], tuple[Numbers, Numbers]] = {}
    for run_id in run_ids:
        events = read_events(scope, scope.all_of(run_id), Wanted(("seq", "channel")))
        positions, seqs, channels = (events[name].to_numpy() for name in ("position", "seq", "channel"))
        for channel in np.unique(channels):
            its = channels == channel
            found[run_id, int(channel)] = (positions[its], seqs[its])
    return found


def _stretches(outbox: Outbox, letters: Sequence[DeadLetter], recorded: Recorded) -> Iterator[_Stretch]:
    import numpy as np

    nothing = np.zeros(0, dtype=np.int64)
    positions, seqs = recorded.get((outbox.kernel_run_id, outbox.channel), (nothing, nothing))
    dead = {letter.position: letter for letter in letters}
    fates = np.where(positions <= outbox.position, 0, 1)
    fates[np.isin(positions, np.fromiter(dead, np.int64, len(dead)))] = 2
    gone = outbox.delivered - int((fates == 0).sum())
    if gone > 0:
        yield _row(outbox, "delivered", None, None, gone)
    lost = outbox.dead - int((fates == 2).sum())
    if lost > 0:
        yield _row(outbox, "dead", None, None, lost)
    begins = np.flatnonzero(np.r_[True, fates[1:] != fates[:-1]][: len(fates)])
    for first, end in zip(begins, np.r_[begins[1:], len(fates)], strict=False):
        seq = (int(seqs[first]), int(seqs[end - 1]), int(end - first))
        letter = dead.get(int(positions[end - 1]))
        yield _row(outbox, _FATES[int(fates[first])], *seq, letter=letter)


def _row(
    outbox: Outbox,
    status: str,
    first_seq: int | None,
    last_seq: int | None,
    events: int,
    *,
    letter: DeadLetter | None = None,
) -> _Stretch:
    """A dead stretch tells of its last event; failures in a row are those of what is pending."""
    attempts = outbox.attempts if status == "pending" else letter and letter.attempts
    error = outbox.last_error if status == "pending" else letter and letter.error
    updated = letter.died_at_us if letter else outbox.updated_at_us
    key = (outbox.exporter, outbox.kernel_run_id, outbox.channel)
    return _Stretch(*key, status, first_seq, last_seq, events, attempts, error, updated)

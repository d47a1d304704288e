"""Started and completed events become rows. Events of one pair share the kernel run, the turn and the id that the
payload gives them; a start that was never completed stays a row, and so does a completion without its start.
Knows nothing of pandas or of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

if TYPE_CHECKING:
    from victor_nb.protocols import KernelRun, StoredEvent

Payload: TypeAlias = "Mapping[str, Any]"
NOTHING: Payload = {}


@dataclass(slots=True)
class Rows:
    """Parallel lists, one entry a row: the event that opened it, the one that closed it, and their payloads.

    An absent event is None and its payload empty. `events` holds the first of the two that is there, which tells the
    row's session, turn and kernel run; `status` is set for rows that were never completed.
    """

    events: list[StoredEvent] = field(default_factory=list["StoredEvent"])
    opened: list[StoredEvent | None] = field(default_factory=list["StoredEvent | None"])
    closed: list[StoredEvent | None] = field(default_factory=list["StoredEvent | None"])
    before: list[Payload] = field(default_factory=list[Payload])
    after: list[Payload] = field(default_factory=list[Payload])
    status: list[str | None] = field(default_factory=list["str | None"])

    def open(self, event: StoredEvent, payload: Payload) -> None:
        self._add(event, event, None, payload, NOTHING)

    def add_unopened(self, event: StoredEvent, payload: Payload) -> None:
        self._add(event, None, event, NOTHING, payload)

    def close(self, row: int, event: StoredEvent, payload: Payload) -> None:
        self.closed[row] = event
        self.after[row] = payload

    def _add(
        self,
        event: StoredEvent,
        opened: StoredEvent | None,
        closed: StoredEvent | None,
        before: Payload,
        after: Payload,
    ) -> None:
        self.events.append(event)
        self.opened.append(opened)
        self.closed.append(closed)
        self.before.append(before)
        self.after.append(after)
        self.status.append(None)


def payloads(events: Sequence[StoredEvent]) -> list[Payload]:
    """The payload of every event; one that is no JSON object reads as empty."""
    from pydantic_core import from_json  # three times as fast as the standard library's parser

    def parse(text: str) -> Payload:
        try:
            found = from_json(text)
        except ValueError:
            return NOTHING
        return cast("Payload", found) if isinstance(found, dict) else NOTHING

    return [parse(event.data) for event in events]


def single(events: Sequence[StoredEvent]) -> Rows:
    """One row an event, for types that come alone."""
    return Rows(events=list(events), before=payloads(events))


def paired(events: Sequence[StoredEvent], id_field: str) -> Rows:
    """One row a pair, in the order in which the pairs were opened.

    Some models give every tool call the same id, so a completion goes to the oldest open row of its key.
    """
    rows = Rows()
    waiting: dict[tuple[str, str | None, Any], list[int]] = {}
    for event, payload in zip(events, payloads(events), strict=True):
        key = (event.kernel_run_id, event.turn_id, str(payload.get(id_field)))
        if event.type.endswith("_started"):
            waiting.setdefault(key, []).append(len(rows.events))
            rows.open(event, payload)
            continue
        queue = waiting.get(key)
        if queue:
            rows.close(queue.pop(0), event, payload)
        else:
            rows.add_unopened(event, payload)
    return rows


def mark_interrupted(
    rows: Rows, runs: Mapping[str, KernelRun], completed_turns: Callable[[], AbstractSet[str | None]]
) -> None:
    """Give rows that were never completed their status: `interrupted`, or None while the work still runs.

    It still runs when the kernel is alive and the turn it belongs to (asked for only when needed) is not completed.
    """
    unfinished = [row for row, closed in enumerate(rows.closed) if closed is None]
    turns: AbstractSet[str | None] | None = None
    for row in unfinished:
        event = rows.events[row]
        if is_over(runs.get(event.kernel_run_id)):
            rows.status[row] = "interrupted"
            continue
        turns = completed_turns() if turns is None else turns
        rows.status[row] = "interrupted" if event.turn_id in turns else None


def is_over(run: KernelRun | None) -> bool:
    """Whether a kernel run has ended, by itself or by being killed; a run that the store does not know has."""
    return run is None or run.ended_at_us is not None or not run.alive

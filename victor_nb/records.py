"""What crosses the edge of a store, as plain data: events, queries, kernel runs, the ledger of deliveries, and the
journals of conversations.

Times are Unix time in µs. A `position` orders all events of a store by the time they became durable, and is never used
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is read back: `data` and `content` are JSON text.

    `channel` tells the recorders of one kernel run apart; 0 is nobody's.
    """

    id: str
    seq: int
    session_id: str
    type: str
    timestamp_us: int
    turn_id: str | None
    data: str
    content: str | None = None
    kernel_run_id: str = ""
    position: int = 0
    channel: int = 0


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events to read; None means any. Events come in `position` order, or the other way round.

    `since_us` is included, `until_us` is not. `max_bytes` ends the answer behind the event whose `data` and `content`
    bring it to so many bytes, so that an answer with one event at least is never empty.
    """

    kernel_run_ids: Sequence[str] | None = None
    notebook: str | None = None
    session_id: str | None = None
    types: Sequence[str] | None = None
    channel: int | None = None
    since_us: int | None = None
    until_us: int | None = None
    after_position: int = 0
    positions: Sequence[int] | None = None
    newest_first: bool = False
    limit: int | None = None
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class KernelRun:
    """One life of a kernel (or script). `ended_at_us` is None while it runs and when it was killed; `alive` tells
    the two apart. `last_seq` (highest) and `stored` (how many) tell of its events; None when the store does not say.
    Events up to `pruned_seq` were deleted on purpose; they count as accepted, and are not lost."""

    id: str
    notebook: str | None
    started_at_us: int
    ended_at_us: int | None
    alive: bool
    last_seq: int | None = None
    stored: int | None = None
    pruned_seq: int = 0


@dataclass(frozen=True, slots=True)
class Outbox:
    """How far an exporter has come with the events that one kernel run recorded on one channel.

    What is at or below `position` was `delivered` (how many events), or was set aside as dead. `attempts` counts the
    failures in a row since, `last_error` is the latest. The store itself counts `accepted` (events of that run and
    channel, pruned ones included), `pending` (those behind `position`) and `dead`, and knows the `owner`, the kernel
    run that delivers them; `save_outbox` ignores these four. Always `delivered + pending + dead == accepted`.
    """

    exporter: str
    kernel_run_id: str
    channel: int
    position: int = 0
    delivered: int = 0
    attempts: int = 0
    last_error: str | None = None
    updated_at_us: int | None = None
    owner: str = ""
    accepted: int = 0
    pending: int = 0
    dead: int = 0


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a destination refuses for good: set aside so that those behind it are delivered, and kept."""

    exporter: str
    kernel_run_id: str
    channel: int
    position: int
    seq: int
    error: str
    attempts: int = 1
    died_at_us: int | None = None


@dataclass(frozen=True, slots=True)
class SessionEntry:
    """One change of a conversation: a whole turn, a compaction, an undo, a pin, … `data` is JSON text.

    `number` counts from 1 in each session, without gaps. Reading all entries in order gives the conversation. A session
    that was shortened has lost its first ones: it begins with a `reset`.
    """

    number: int
    kind: str
    data: str
    timestamp_us: int = 0


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A conversation that the store keeps. `notebook` is the one that it belongs to (`""`: none), and with
    `session_id` names it. `holder` is the kernel run, alive, that has it open. `summary` is JSON text of whoever keeps
    the conversations, who gave it with the last entries; the store does not look into it."""

    session_id: str
    notebook: str
    entries: int
    size_bytes: int
    created_at_us: int
    updated_at_us: int
    holder: KernelRun | None = None
    summary: str | None = None

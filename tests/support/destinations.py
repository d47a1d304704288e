"""Exporters for tests of the delivery, and coordinators that have recorded something for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.protocols import AnalyticsEvent, ExportResult
from victor_nb.store import SQLiteStore


class Kept:
    """Takes everything, and keeps it, but when it is `down`."""

    def __init__(self, destination: str | None = None) -> None:
        self.destination = destination
        self.batches: list[list[AnalyticsEvent]] = []
        self.calls = 0
        self.down = False

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        self.calls += 1
        if self.down:
            raise ConnectionError("refused")
        self.batches.append(events)
        return ExportResult(True, len(events))

    @property
    def ids(self) -> list[str]:
        return [event.id for batch in self.batches for event in batch]

    @property
    def numbers(self) -> list[int]:
        """Which of the numbered events of `record` arrived, in that order."""
        return [event.data["n"] for batch in self.batches for event in batch if event.type == "x_numbered"]


class Picky(Kept):
    """Raises `error` when one of a batch is in `poison`."""

    def __init__(
        self,
        poison: Iterable[int],
        error: Exception | None,
        batch_size: int = 500,
        *,
        destination: str | None = None,
    ) -> None:
        super().__init__(destination)
        self.poison = set(poison)
        self.error = error
        self.batch_size = batch_size

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        if self.error and any(event.data.get("n") in self.poison for event in events):
            self.calls += 1
            raise self.error
        return await super().export(events)


def recording(*exporters: Any, events: int = 3, store: SQLiteStore | None = None) -> AnalyticsCoordinator:
    """A coordinator that has recorded so many numbered events, in a store in memory by default."""
    coordinator = AnalyticsCoordinator(exporters)
    coordinator.attach(store or SQLiteStore(), session_id="s")
    record(coordinator, events)
    return coordinator


def record(coordinator: AnalyticsCoordinator, events: int, first: int = 0) -> None:
    for n in range(first, first + events):
        coordinator.track_event("x_numbered", {"n": n})

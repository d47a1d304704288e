"""What a user subclasses to send events somewhere. Stateless: a subclass need not call `super().__init__()`."""

from __future__ import annotations

from victor_nb.protocols import AnalyticsEvent, ExportResult


class BaseAnalyticsExporter:
    """Send batches of events to a destination.

    Override `export`. It may raise: the batch is kept and tried again. Delivery is at least once, so a destination
    that must not count twice keeps `event.id`.

    Attributes:
        include_content: whether events carry prompts, answers, tool arguments and results; off unless you say so.
        batch_size: the most events in one call.
        timeout_s: seconds after which one call counts as failed.
    """

    include_content: bool = False
    batch_size: int = 500
    timeout_s: float = 30.0

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        raise NotImplementedError

"""What a user subclasses to send events somewhere. Stateless: a subclass need not call `super().__init__()`."""

from __future__ import annotations

from victor_nb.protocols import AnalyticsEvent, ExportResult


class BaseAnalyticsExporter:
    """Send batches of events to a destination.

    Override `export`. It may raise: the batch is kept and tried again. Delivery is at least once, so a destination
    that must not count twice keeps `event.id`. An `ExportError` can say more: that these events are refused for good
    (not that a password is wrong), or when to try again. One exporter never has two calls at once.

    Attributes:
        include_content: whether events carry prompts, answers, tool arguments and results; off unless you say so.
        batch_size: the most events in one call.
        batch_bytes: about the most JSON in one call; a single larger event still goes.
        timeout_s: seconds after which one call counts as failed.
        destination: names where events go, without any secret, such as `https://example.org/events`. A kernel delivers
            what another one that is gone left undelivered to the same destination, and one destination has one
            exporter: adding it again replaces the one before. None: known by its class, within the same notebook.
    """

    include_content: bool = False
    batch_size: int = 500
    batch_bytes: int = 8 * 1024 * 1024
    timeout_s: float = 30.0
    destination: str | None = None

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections. Called where `export` was called, after the last batch; may be called twice. After a
        further chat there are events again, and `export` is called once more."""

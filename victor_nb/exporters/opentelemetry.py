"""Events as OpenTelemetry traces and metrics, by OTLP over HTTP.

What a span is belongs to `opentelemetry_spans`, what is counted to `metric_totals`, where it goes to
`opentelemetry_wire`. Spans are sent first: they may come twice and stay the same spans.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import AsyncExitStack
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING

from victor_nb.errors import MissingExtraError
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.measurements import Measurer
from victor_nb.exporters.metric_totals import MetricTotals, SharedTotals
from victor_nb.exporters.opentelemetry_metrics import metrics_data
from victor_nb.exporters.opentelemetry_spans import SpanMaker
from victor_nb.exporters.opentelemetry_wire import Wire
from victor_nb.protocols import AnalyticsEvent, ExportResult

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

log = logging.getLogger(__name__)
_MOST_RUNS = 64


class OpenTelemetryExporter(BaseAnalyticsExporter):
    """A trace for each turn, with spans for its requests and tool calls, and metrics of tokens, durations and costs.

    Names are those of OpenTelemetry's conventions for generative AI. The trace id is the turn's id without its dashes.

    Args:
        endpoint: base URL of a receiver of OTLP over HTTP; by default what the variables `OTEL_EXPORTER_OTLP_…` say,
            else `http://localhost:4318`. User and password in it are sent as basic authentication, never shown.
        headers: sent with every request, never shown; beside those of `OTEL_EXPORTER_OTLP_HEADERS`.
        include_content: put prompts, answers, tool arguments and results into the spans.
        service_name: the resource's `service.name`.
        resource_attributes: more of the resource, as `{"deployment.environment.name": "lab"}`.
        metrics: False for a receiver of traces alone.
        timeout_s: seconds that each of the two requests may take; 10 unless the environment says otherwise.

    Raises:
        MissingExtraError: OpenTelemetry is not installed.
        ConfigError: the endpoint, or what the environment says, cannot be used.
    """

    def __init__(
        self,
        endpoint: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        include_content: bool = False,
        service_name: str = "victor_nb",
        resource_attributes: Mapping[str, str | bool | int | float] | None = None,
        metrics: bool = True,
        timeout_s: float | None = None,
    ) -> None:
        _require_opentelemetry()
        from opentelemetry.sdk.util.instrumentation import InstrumentationScope

        self._wire = Wire(endpoint, headers or {}, timeout_s)
        self._named = {"service.name": service_name, "service.version": version("victor-nb")}
        self._named |= dict(resource_attributes or {})
        self._scope = InstrumentationScope("victor_nb", version("victor-nb"))
        self._metrics = metrics
        self._measurer = Measurer()
        self._spans = SpanMaker(self._scope, self._resource, include_content=include_content)
        self._resources: OrderedDict[str, Resource] = OrderedDict()
        self._totals: OrderedDict[str, SharedTotals] = OrderedDict()
        self.include_content = include_content
        self.timeout_s = self._wire.timeout_s + 5
        self.destination = self._wire.destination

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.destination!r})"

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        """Send the spans that end with `events`, then the metrics that count them.

        Raises:
            ExportError: one of the two was not taken; the spans are the same when they are sent again, and nothing is
                counted twice.
        """
        await self._send_spans(self._spans.spans(events))
        if self._metrics:
            await self._count(events)
        self._spans.keep()
        return ExportResult(True, len(events))

    async def _send_spans(self, spans: list[ReadableSpan]) -> None:
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

        if spans:
            answer = await self._wire.send("traces", encode_spans(spans).SerializeToString())
            partial = ExportTraceServiceResponse.FromString(answer).partial_success
            _tell_rejected(partial.rejected_spans, "spans", partial.error_message)

    async def _count(self, events: list[AnalyticsEvent]) -> None:
        async with AsyncExitStack() as stack:
            found: dict[str, MetricTotals] = {}
            for run in sorted({event.kernel_run_id for event in events}):
                shared = self._totals_of(run)
                await stack.enter_async_context(shared.alone())
                own = [event for event in events if event.kernel_run_id == run]
                if new := (shared.now or MetricTotals()).with_events(own, self._measurer):
                    found[run] = new
            if found:
                await self._send_metrics(found)
            for run, new in found.items():
                self._totals_of(run).now = new

    async def _send_metrics(self, found: Mapping[str, MetricTotals]) -> None:
        from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse

        data = metrics_data({run: (self._resource(run), totals) for run, totals in found.items()}, self._scope)
        answer = await self._wire.send("metrics", encode_metrics(data).SerializeToString())
        partial = ExportMetricsServiceResponse.FromString(answer).partial_success
        _tell_rejected(partial.rejected_data_points, "data points", partial.error_message)

    def _resource(self, run: str) -> Resource:
        """What the spans and metrics of a kernel run are of: each run is an instance of the service."""
        from opentelemetry.sdk.resources import Resource

        if run not in self._resources:
            self._resources[run] = Resource.create({**self._named, "service.instance.id": run})
            while len(self._resources) > _MOST_RUNS:
                self._resources.popitem(last=False)
        return self._resources[run]

    def _totals_of(self, run: str) -> SharedTotals:
        """Shared with every exporter of this process that is the same instance of the service at the same receiver."""
        key = ("otlp", self._wire.destination, repr(sorted(self._named.items())), run)
        totals = self._totals.setdefault(run, SharedTotals.of(*key))
        self._totals.move_to_end(run)
        while len(self._totals) > _MOST_RUNS:
            self._totals.popitem(last=False)
        return totals


def _require_opentelemetry() -> None:
    for module in ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.common"):
        try:
            found = find_spec(module)
        except ImportError:
            found = None
        if found is None:
            raise MissingExtraError("OpenTelemetryExporter needs OpenTelemetry.", hint='pip install "victor-nb[otel]"')


def _tell_rejected(count: int, what: str, said: str) -> None:
    """A receiver that took a part must not be sent the rest again; that it is gone must not be silent."""
    if count:
        log.warning("the OTLP receiver took the batch but rejected %d %s: %s", count, what, said[:200])

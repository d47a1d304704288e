"""A receiver of OTLP over HTTP on 127.0.0.1: what it was sent, decoded by OpenTelemetry's own protocol classes."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from support.services import Posted, Webhook


@dataclass(frozen=True)
class Span:
    """A span as it arrived; ids in hex, times in ns. `parent` is empty for a root."""

    name: str
    trace: str
    id: str
    parent: str
    kind: int
    start: int
    end: int
    status: int
    message: str
    attributes: dict[str, Any]
    resource: dict[str, Any]


class OtlpReceiver(Webhook):
    """Answers as a `Webhook` does; `endpoint` is its base URL."""

    def __init__(self) -> None:
        super().__init__()
        self.endpoint = self.url.removesuffix("/events")

    def of(self, signal: str) -> list[Posted]:
        return [posted for posted in self.requests if posted.path.endswith(f"/v1/{signal}")]

    def spans(self) -> list[Span]:
        """Every span that was sent, as often as it was sent."""
        found: list[Span] = []
        for posted in self.of("traces"):
            request = ExportTraceServiceRequest.FromString(_body(posted))
            for group in request.resource_spans:
                resource = _attributes(group.resource)
                found += [_span(span, resource) for scope in group.scope_spans for span in scope.spans]
        return found

    def metrics(self, index: int = -1) -> dict[str, list[dict[str, Any]]]:
        """Points by metric of one request: `value`, or `count`, `sum`, `buckets` and `bounds`; and all else of them."""
        request = ExportMetricsServiceRequest.FromString(_body(self.of("metrics")[index]))
        found: dict[str, list[dict[str, Any]]] = {}
        for group in request.resource_metrics:
            for metric in (metric for scope in group.scope_metrics for metric in scope.metrics):
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                common = {"unit": metric.unit, "cumulative": data.aggregation_temporality == 2}
                common |= {"kind": kind, "resource": _attributes(group.resource)}
                found.setdefault(metric.name, []).extend(_point(point) | common for point in data.data_points)
        return found


def _body(posted: Posted) -> bytes:
    return gzip.decompress(posted.body) if posted.headers.get("content-encoding") == "gzip" else posted.body


def _span(span: Any, resource: dict[str, Any]) -> Span:
    ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
    times = (span.start_time_unix_nano, span.end_time_unix_nano)
    ending = (span.status.code, span.status.message, _attributes(span), resource)
    return Span(span.name, *ids, span.kind, *times, *ending)


def _point(point: Any) -> dict[str, Any]:
    shared = {"attributes": _attributes(point), "start": point.start_time_unix_nano, "time": point.time_unix_nano}
    if hasattr(point, "bucket_counts"):
        buckets = {"buckets": list(point.bucket_counts), "bounds": list(point.explicit_bounds)}
        return {**shared, **buckets, "count": point.count, "sum": point.sum}
    return {**shared, "value": getattr(point, point.WhichOneof("value"))}


def _attributes(holder: Any) -> dict[str, Any]:
    return {item.key: _value(item.value) for item in holder.attributes}


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


@pytest.fixture
def otlp() -> Iterator[OtlpReceiver]:
    """An `OtlpReceiver` on a free port; its `endpoint` is what an exporter is given."""
    receiver = OtlpReceiver()
    yield receiver
    receiver.close()

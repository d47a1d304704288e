"""Totals as OpenTelemetry's metrics: cumulative sums and histograms, one stream of them for each kernel run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from victor_nb.exporters.metric_totals import MetricTotals

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import Metric, MetricsData
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope


def metrics_data(totals: Mapping[str, tuple[Resource, MetricTotals]], scope: InstrumentationScope) -> MetricsData:
    """The totals of kernel runs, each with the resource that it is, as of now."""
    from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics

    return MetricsData(
        [
            ResourceMetrics(resource, [ScopeMetrics(scope, list(_metrics(own)), "")], "")
            for resource, own in totals.values()
        ]
    )


def _metrics(totals: MetricTotals) -> Iterator[Metric]:
    now_ns = max(time.time_ns(), totals.began_ns)  # the clock may have been set back
    yield from _sums(totals, now_ns)
    yield from _histograms(totals, now_ns)


def _sums(totals: MetricTotals, now_ns: int) -> Iterator[Metric]:
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Metric, NumberDataPoint, Sum

    for instrument, points in totals.counters.items():
        data_points = [
            NumberDataPoint(
                dict(attributes), totals.began_ns, now_ns, value if instrument.unit == "USD" else int(value)
            )
            for attributes, value in points.items()
        ]
        data = Sum(data_points, AggregationTemporality.CUMULATIVE, is_monotonic=True)
        yield Metric(instrument.name, instrument.description, instrument.unit, data)


def _histograms(totals: MetricTotals, now_ns: int) -> Iterator[Metric]:
    from opentelemetry.sdk.metrics.export import AggregationTemporality, Histogram, HistogramDataPoint, Metric

    for instrument, points in totals.histograms.items():
        data_points = [
            HistogramDataPoint(
                attributes=dict(attributes),
                start_time_unix_nano=totals.began_ns,
                time_unix_nano=now_ns,
                count=sum(found.counts),
                sum=found.total,
                bucket_counts=found.counts,
                explicit_bounds=instrument.buckets,
                min=None,  # pyright: ignore[reportArgumentType]
                max=None,  # pyright: ignore[reportArgumentType]
            )
            for attributes, found in points.items()
        ]
        data = Histogram(data_points, AggregationTemporality.CUMULATIVE)
        yield Metric(instrument.name, instrument.description, instrument.unit, data)

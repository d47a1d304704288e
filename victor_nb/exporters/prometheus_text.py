"""Totals in Prometheus' words, and back: names, families, and what a Pushgateway shows of a group.

Names follow OpenTelemetry's translation: dots become underscores, units and `_total` suffixes. With the totals goes
which events are in them, so that whoever reads them can go on counting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from victor_nb.exporters.genai import Instrument
from victor_nb.exporters.measurements import METRICS
from victor_nb.exporters.metric_ranges import Ranges
from victor_nb.exporters.metric_totals import Attributes, MetricTotals

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric
    from prometheus_client.samples import Sample

_UNITS: Final = {"s": "_seconds", "USD": "_usd"}
_MOST_RANGES = 16
_FIRST, _LAST = "victor_counted_first_seq", "victor_counted_last_seq"


def metric_name(instrument: Instrument) -> str:
    """Without the `_total` of a counter."""
    return instrument.name.replace(".", "_") + _UNITS.get(instrument.unit, "")


def label_name(attribute: str) -> str:
    return attribute.replace(".", "_")


LABELS: Final = frozenset(label_name(name) for instrument in METRICS for name in instrument.attributes) | {
    "le",
    "range",
}
"""Every label that a sample may have."""


def families(totals: MetricTotals) -> Iterator[Metric]:
    """One family for each metric that has a value."""
    from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

    for instrument, points in totals.counters.items():
        counter = CounterMetricFamily(metric_name(instrument), instrument.description, labels=_labels(instrument))
        for attributes, value in points.items():
            counter.add_metric(_label_values(instrument, attributes), value)
        yield counter
    for instrument, distributions in totals.histograms.items():
        histogram = HistogramMetricFamily(metric_name(instrument), instrument.description, labels=_labels(instrument))
        for attributes, found in distributions.items():
            buckets = list(zip(_bounds(instrument), accumulate(map(float, found.counts)), strict=True))
            histogram.add_metric(_label_values(instrument, attributes), buckets, found.total)
        yield histogram


def families_of_group(totals: MetricTotals, run: str) -> Iterator[Metric]:
    """`families`, and which events of the kernel run they count, so that its group can be continued."""
    from prometheus_client.core import GaugeMetricFamily

    yield from families(totals)
    ranges = totals.counted.get(run, Ranges()).joined(_MOST_RANGES).as_list()
    for name, side, description in ((_FIRST, 0, "first"), (_LAST, 1, "last")):
        gauge = GaugeMetricFamily(name, f"The {description} event of a range that is counted here.", labels=["range"])
        for index, ends in enumerate(ranges):
            gauge.add_metric([str(index)], ends[side])
        yield gauge


def read_group(text: str, run: str, grouping: Mapping[str, str]) -> MetricTotals:
    """The totals of one group, from all that a Pushgateway shows; empty if it has no such group."""
    from prometheus_client.parser import text_string_to_metric_families

    own = "".join(f"{line}\n" for line in text.splitlines() if run in line and not line.startswith("#"))
    samples = [
        sample
        for family in text_string_to_metric_families(own)
        for sample in family.samples
        if all(sample.labels.get(name, "") == value for name, value in grouping.items())
    ]
    totals = MetricTotals()
    _read_counters(samples, totals)
    _read_histograms(samples, totals)
    totals.counted[run] = Ranges(_read_ranges(samples))
    return totals


def _read_counters(samples: Iterable[Sample], totals: MetricTotals) -> None:
    for sample in samples:
        if (instrument := _COUNTERS.get(sample.name)) is not None:
            totals.counters.setdefault(instrument, {})[_attributes(instrument, sample, totals)] = sample.value


def _read_histograms(samples: Iterable[Sample], totals: MetricTotals) -> None:
    """A bound that is not there (another version had others) has as many values as the one below."""
    cumulative: dict[tuple[Instrument, Attributes], dict[float, float]] = defaultdict(dict)
    for sample in samples:
        if (instrument := _BUCKETS.get(sample.name)) is not None:
            cumulative[instrument, _attributes(instrument, sample, totals)][float(sample.labels["le"])] = sample.value
        elif (instrument := _SUMS.get(sample.name)) is not None:
            totals.distribution(instrument, _attributes(instrument, sample, totals)).total = sample.value
    for (instrument, attributes), upto in cumulative.items():
        found, below = totals.distribution(instrument, attributes), 0.0
        for index, bound in enumerate(map(float, _bounds(instrument))):
            reached = upto.get(bound, below)
            found.counts[index], below = int(reached - below), reached


def _read_ranges(samples: Iterable[Sample]) -> list[tuple[int, int]]:
    firsts, lasts = (
        {sample.labels["range"]: int(sample.value) for sample in samples if sample.name == name}
        for name in (_FIRST, _LAST)
    )
    return [(first, lasts[index]) for index, first in firsts.items() if index in lasts]


def _attributes(instrument: Instrument, sample: Sample, totals: MetricTotals) -> Attributes:
    return totals.known({name: sample.labels.get(label_name(name), "") for name in instrument.attributes})


def _labels(instrument: Instrument) -> list[str]:
    return [label_name(name) for name in instrument.attributes]


def _label_values(instrument: Instrument, attributes: Attributes) -> list[str]:
    known = dict(attributes)
    return [known.get(name, "") for name in instrument.attributes]


def _bounds(instrument: Instrument) -> list[str]:
    return [*(str(bound) for bound in instrument.buckets), "+Inf"]


_COUNTERS: Final = {f"{metric_name(i)}_total": i for i in METRICS if i.kind == "counter"}
_BUCKETS: Final = {f"{metric_name(i)}_bucket": i for i in METRICS if i.kind == "histogram"}
_SUMS: Final = {f"{metric_name(i)}_sum": i for i in METRICS if i.kind == "histogram"}

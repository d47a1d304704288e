"""Counters and histograms that only grow, and that count no event twice however often it is delivered.

`MetricTotals` know which events are in them. They are copied, counted into and, once their destination has the copy,
replaced by it: a failure leaves no trace. They know no format and no destination.
"""

from __future__ import annotations

import asyncio
import threading
import time
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import ClassVar, TypeAlias
from weakref import WeakValueDictionary

from victor_nb.exporters.genai import Instrument
from victor_nb.exporters.measurements import METRICS, Measurement, Measurer
from victor_nb.exporters.metric_ranges import Ranges
from victor_nb.protocols import AnalyticsEvent

OTHER = "other"
MOST_VALUES = 50
_MOST_RUNS = 64
_LONGEST_VALUE = 120
_TURN_S = 0.005

Attributes: TypeAlias = tuple[tuple[str, str], ...]


class Distribution:
    """How many values fell up to each bound of a histogram and beyond the last one, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self, counts: Iterable[int], total: float = 0.0) -> None:
        self.counts = list(counts)
        self.total = total

    def copy(self) -> Distribution:
        return Distribution(self.counts, self.total)


class MetricTotals:
    """What was counted: `counters` and `histograms` by instrument and attributes, and by `counted` of which events.

    An attribute has at most `MOST_VALUES` different values; further ones are `other`. They began at `began_ns` (Unix).
    """

    def __init__(self) -> None:
        self.counters: dict[Instrument, dict[Attributes, float]] = {}
        self.histograms: dict[Instrument, dict[Attributes, Distribution]] = {}
        self.counted: OrderedDict[str, Ranges] = OrderedDict()
        self.began_ns = time.time_ns()
        self._values: dict[str, set[str]] = {}

    @classmethod
    def of_nothing(cls) -> MetricTotals:
        """Every metric there is, without values."""
        new = cls()
        new.counters = {instrument: {} for instrument in METRICS if instrument.kind == "counter"}
        new.histograms = {instrument: {} for instrument in METRICS if instrument.kind == "histogram"}
        return new

    def copy(self) -> MetricTotals:
        new = MetricTotals()
        new.counters = {instrument: dict(points) for instrument, points in self.counters.items()}
        for instrument, points in self.histograms.items():
            new.histograms[instrument] = {attributes: found.copy() for attributes, found in points.items()}
        new.counted = OrderedDict((run, ranges.copy()) for run, ranges in self.counted.items())
        new.began_ns = self.began_ns
        new._values = {name: set(values) for name, values in self._values.items()}
        return new

    def with_events(self, events: Iterable[AnalyticsEvent], measurer: Measurer) -> MetricTotals | None:
        """A copy that counts `events` too; None when it would be the same, because all of them are counted."""
        new, changed = self.copy(), False
        for event in events:
            measured = list(measurer.measure(event))
            if new._is_new(event):
                changed = True
                for measurement in measured:
                    new._add(measurement)
        return new if changed else None

    def known(self, attributes: Mapping[str, str]) -> Attributes:
        """`attributes` as they are counted: cleaned, in order, without empty ones, too many values as `other`."""
        return tuple(sorted((name, self._value(name, value)) for name, value in attributes.items() if value))

    def distribution(self, instrument: Instrument, attributes: Attributes) -> Distribution:
        points = self.histograms.setdefault(instrument, {})
        return points.setdefault(attributes, Distribution([0] * (len(instrument.buckets) + 1)))

    def _is_new(self, event: AnalyticsEvent) -> bool:
        ranges = self.counted.setdefault(event.kernel_run_id, Ranges())
        self.counted.move_to_end(event.kernel_run_id)
        while len(self.counted) > _MOST_RUNS:
            self.counted.popitem(last=False)
        return ranges.add(event.seq)

    def _add(self, measurement: Measurement) -> None:
        instrument, attributes = measurement.instrument, self.known(measurement.attributes)
        if instrument.kind == "counter":
            points = self.counters.setdefault(instrument, {})
            points[attributes] = points.get(attributes, 0.0) + measurement.value
            return
        found = self.distribution(instrument, attributes)
        found.counts[bisect_left(instrument.buckets, measurement.value)] += 1
        found.total += measurement.value

    def _value(self, name: str, value: str) -> str:
        clean, values = cleaned(value), self._values.setdefault(name, set())
        if clean not in values and len(values) >= MOST_VALUES:
            return OTHER
        values.add(clean)
        return clean


class SharedTotals:
    """The totals that all exporters of this process with the same key count into, one at a time. `now` is None until
    one of them has begun."""

    _all: ClassVar[WeakValueDictionary[tuple[str, ...], SharedTotals]] = WeakValueDictionary()
    _finding: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self.now: MetricTotals | None = None
        self._counting = threading.Lock()

    @classmethod
    def of(cls, *key: str) -> SharedTotals:
        with cls._finding:
            return cls._all.setdefault(key, cls())

    @asynccontextmanager
    async def alone(self) -> AsyncGenerator[None]:
        """Nobody else counts meanwhile, on whatever loop or thread they are."""
        while not self._counting.acquire(blocking=False):  # noqa: ASYNC110 - they may be on several loops
            await asyncio.sleep(_TURN_S)
        try:
            yield
        finally:
            self._counting.release()


def cleaned(value: str) -> str:
    """Printable (half of a surrogate pair is not) and short."""
    printable = "".join(c if c.isprintable() else " " for c in value[:_LONGEST_VALUE])
    return printable.strip() or OTHER

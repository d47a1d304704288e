"""Events as Prometheus metrics: pushed to a Pushgateway, or kept for Prometheus to scrape.

Counting is that of `metric_totals`, the words those of `prometheus_text`. Pushing puts the whole group of a kernel run,
so that a push that comes twice, or whose answer was lost, changes nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary
from wsgiref.simple_server import WSGIServer

from victor_nb.errors import ConfigError
from victor_nb.exporters.base import BaseAnalyticsExporter
from victor_nb.exporters.measurements import Measurer
from victor_nb.exporters.metric_totals import MetricTotals, SharedTotals
from victor_nb.exporters.prometheus_push import Pushgateway
from victor_nb.exporters.prometheus_text import families, families_of_group, read_group
from victor_nb.protocols import AnalyticsEvent, ExportResult

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.metrics_core import Metric
    from prometheus_client.registry import Collector

_MOST_GROUPS = 64


class PrometheusMetricsExporter(BaseAnalyticsExporter):
    """Counters and histograms of turns, requests, tokens, tools, costs and errors.

    With `pushgateway` they are pushed, one group (`job`, `instance` = the kernel run, `grouping_key`) per kernel run.
    A group is continued where it stands: by the next exporter, by the next kernel for one that was killed. With `port`
    they are served at `url`, with `registry` alone they are registered there and nothing else.

    Args:
        pushgateway: its URL, or `host:port`. User and password in it are sent as basic authentication, never shown.
        job: the label `job` of the groups.
        port: serve on this port of `address`; 0 for any that is free.
        registry: count into this registry instead of one of our own; with `port`, serve all of it.
        grouping_key: more labels of the groups, the same for each, as `{"team": "research"}`.
        address: what `port` listens on; only this machine can ask by default.
        timeout_s: seconds that each request to the Pushgateway may take.

    Raises:
        ConfigError: nothing says where the metrics go, or two things do; the URL, a label or the port cannot be used.
    """

    batch_size = 1000

    def __init__(
        self,
        pushgateway: str | None = None,
        *,
        job: str = "victor_nb",
        port: int | None = None,
        registry: CollectorRegistry | None = None,
        grouping_key: Mapping[str, str] | None = None,
        address: str = "127.0.0.1",
        timeout_s: float = 10.0,
    ) -> None:
        _check_destinations(pushgateway, port, registry)
        self._measurer = Measurer()
        self._groups: OrderedDict[str, SharedTotals] = OrderedDict()
        self._gateway = Pushgateway(pushgateway, job, grouping_key or {}, timeout_s) if pushgateway else None
        self._totals = None if self._gateway else _totals_of(registry := registry or _new_registry())
        self._server: tuple[WSGIServer, threading.Thread] | None = None
        self.url: str | None = None
        self.timeout_s = 2 * timeout_s + 5  # a group is read once before it is replaced
        self.destination = self._gateway.destination if self._gateway else None
        if port is not None and registry is not None:
            self._server = _serve(port, address, registry)
            self.url = f"http://{address}:{self._server[0].server_port}/metrics"
            self.destination = self.url if port else None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.destination or self.url or 'a registry'!r})"

    async def export(self, events: list[AnalyticsEvent]) -> ExportResult:
        """Count `events` that are not counted yet.

        Raises:
            ExportError: the Pushgateway did not take them; nothing is counted then.
        """
        if self._totals:
            async with self._totals.alone():
                old = self._totals.now or MetricTotals()
                self._totals.now = old.with_events(events, self._measurer) or old
            return ExportResult(True, len(events))
        for run, own in _by_run(events):
            await self._push(run, own)
        return ExportResult(True, len(events))

    async def close(self) -> None:
        if self._server:
            (server, thread), self._server = self._server, None
            server.shutdown()
            server.server_close()
            thread.join()

    async def _push(self, run: str, events: list[AnalyticsEvent]) -> None:
        from prometheus_client import generate_latest

        assert self._gateway
        group = self._group(run)
        async with group.alone():
            if group.now is None:
                group.now = read_group(await self._gateway.read(), run, self._gateway.grouping(run))
            new = group.now.with_events(events, self._measurer)
            if new:
                shown: Collector = _Shown(lambda: families_of_group(new, run))
                await self._gateway.put(run, generate_latest(shown))
                group.now = new

    def _group(self, run: str) -> SharedTotals:
        assert self._gateway
        group = self._groups.setdefault(run, SharedTotals.of("pushgateway", self._gateway.destination, run))
        self._groups.move_to_end(run)
        while len(self._groups) > _MOST_GROUPS:
            self._groups.popitem(last=False)
        return group


class _Shown:
    """What prometheus_client asks for families: those that there are, and with no values those that there may be."""

    def __init__(self, now: Callable[[], Iterable[Metric]]) -> None:
        self._now = now

    def collect(self) -> Iterable[Metric]:
        return self._now()

    def describe(self) -> Iterable[Metric]:
        return families(MetricTotals.of_nothing())


def _check_destinations(pushgateway: str | None, port: int | None, registry: CollectorRegistry | None) -> None:
    if pushgateway is None and port is None and registry is None:
        raise ConfigError(
            "PrometheusMetricsExporter does not know where to put the metrics.",
            hint='name a Pushgateway, as "http://localhost:9091", or a port=, or a registry=',
        )
    if pushgateway is not None and (port is not None or registry is not None):
        raise ConfigError(
            "metrics are pushed or scraped, not both.", hint="add two exporters, one with the URL and one with port="
        )


def _by_run(events: Iterable[AnalyticsEvent]) -> Iterable[tuple[str, list[AnalyticsEvent]]]:
    runs: dict[str, list[AnalyticsEvent]] = {}
    for event in events:
        runs.setdefault(event.kernel_run_id, []).append(event)
    return runs.items()


def _new_registry() -> CollectorRegistry:
    from prometheus_client import CollectorRegistry

    return CollectorRegistry()


_registered: WeakKeyDictionary[CollectorRegistry, SharedTotals] = WeakKeyDictionary()
_registering = threading.Lock()


def _totals_of(registry: CollectorRegistry) -> SharedTotals:
    """The totals that `registry` shows: the same for every exporter that counts into it."""
    with _registering:
        totals = _registered.get(registry)
        if totals is None:
            totals = _registered[registry] = SharedTotals()
            shown: Collector = _Shown(lambda: families(totals.now or MetricTotals()))
            registry.register(shown)
    return totals


def _serve(port: int, address: str, registry: CollectorRegistry) -> tuple[WSGIServer, threading.Thread]:
    from prometheus_client import start_http_server

    try:
        return start_http_server(port, addr=address, registry=registry)
    except (OSError, OverflowError) as error:
        raise ConfigError(
            f"metrics cannot be served on port {port} of {address}: {error}.",
            hint="another kernel may serve there; port=0 takes one that is free",
        ) from None

"""What an exporter has to stand, as one call in a test of yours: `check_exporter(lambda: MyExporter(…))`.

Each rule is tried on an exporter of its own. One that is broken fails with an AssertionError that names the rule.
"""

from __future__ import annotations

import asyncio
import copy
import inspect
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar, cast

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.errors import UsageError
from victor_nb.exporters.home import running_loop
from victor_nb.protocols import AnalyticsEvent, ExportResult, IAnalyticsExporter
from victor_nb.store import InMemoryStore
from victor_nb.testing.conformance import sample_events

T = TypeVar("T")
Factory: TypeAlias = Callable[[], "IAnalyticsExporter | Awaitable[IAnalyticsExporter]"]
Received: TypeAlias = Callable[[], "Iterable[object] | Awaitable[Iterable[object]]"]
_LONGEST_CALL_S = 60.0


def check_exporter(factory: Factory, *, received: Received | None = None, deduplicates: bool = False) -> None:
    """Try every rule of an exporter, on an event loop of its own.

    Args:
        factory: makes an exporter, always with the same destination; it may be async.
        received: tells the ids of all events that the destination has now; it may be async. With it, it is checked that
            every event arrives.
        deduplicates: whether the destination is to keep an event once that is sent twice. Needs `received`.

    Raises:
        AssertionError: the exporter breaks a rule, which the message names.
        UsageError: an event loop is running here: `await check_exporter_async(…)` then.
    """
    if running_loop():
        raise UsageError("an event loop is running here.", hint="write: await check_exporter_async(…)")
    asyncio.run(check_exporter_async(factory, received=received, deduplicates=deduplicates))


async def check_exporter_async(
    factory: Factory, *, received: Received | None = None, deduplicates: bool = False
) -> None:
    """`check_exporter` on the running loop, for exporters with connections that were opened there."""
    if deduplicates and received is None:
        raise UsageError("without received= nobody can tell what was kept twice.", hint="say what the destination has")
    check = _Check(factory, received)
    await check.attributes()
    await check.takes("an empty batch", [])
    await check.takes("a batch", sample_events.of_your_own())
    await check.takes("every type of event with every form of payload", sample_events.of_every_type())
    await check.takes("text with quotes, control characters and every script", sample_events.with_odd_text())
    await check.takes("an event of 10 MB", sample_events.ten_megabytes())
    await check.takes_again(deduplicates=deduplicates)
    await check.takes_two_at_once()
    await check.closes_twice()
    await check.works_in_a_coordinator()


class _Check:
    """The rules; each makes an exporter and lets go of it."""

    def __init__(self, factory: Factory, received: Received | None) -> None:
        self._factory = factory
        self._received = received

    async def attributes(self) -> None:
        async with self._exporter() as exporter:
            given = getattr(exporter, "include_content", False)
            _rule("include_content is True or False", isinstance(given, bool), f"it is {given!r}")
            destination = getattr(exporter, "destination", None)
            _rule("destination is text or None", isinstance(destination, str | None), f"it is {destination!r}")
            for name in ("batch_size", "batch_bytes", "timeout_s"):
                value = getattr(exporter, name, 1)
                usable = isinstance(value, int | float) and not isinstance(value, bool) and value > 0
                _rule(f"{name} is a number above 0", usable, f"it is {value!r}")

    async def takes(self, what: str, events: list[AnalyticsEvent]) -> None:
        async with self._exporter() as exporter:
            await self._export(what, exporter, events)
            await self._arrived(what, events)

    async def takes_again(self, *, deduplicates: bool) -> None:
        """From the same exporter, and from another one, as after a restart of the kernel."""
        what, events = "the same batch once more", sample_events.of_your_own()
        for _ in range(2):
            async with self._exporter() as exporter:
                await self._export(what, exporter, events)
                await self._export(what, exporter, events)
        await self._arrived(what, events)
        if deduplicates:
            kept = await self._kept()
            twice = [event.id for event in events if kept[event.id] != 1]
            _rule("an event that is sent again is kept once", not twice, f"{len(twice)} of {len(events)} were not")

    async def takes_two_at_once(self) -> None:
        """As of two kernels. One exporter never has two calls at once."""
        what = "two batches at once, from two exporters"
        mine, yours = sample_events.of_your_own(), sample_events.of_your_own()
        async with self._exporter() as one, self._exporter() as other:
            await asyncio.gather(self._export(what, one, mine), self._export(what, other, yours))
            await self._arrived(what, [*mine, *yours])

    async def closes_twice(self) -> None:
        async with self._exporter() as exporter:
            await _close(exporter)

    async def works_in_a_coordinator(self) -> None:
        """In the thread, and with the calls, that it will have."""
        coordinator = AnalyticsCoordinator([await _awaited(self._factory())])
        coordinator.attach(InMemoryStore(), session_id="session")
        for event in sample_events.of_your_own():
            coordinator.track_event(event.type, event.data)
        result = await coordinator.export_analytics()
        recorded = await coordinator.query_analytics(types=["x_empty", "x_nested"])
        await coordinator.aclose()
        coordinator.store.close()
        _rule("it works in an AnalyticsCoordinator", result.success, result.error or "")
        await self._arrived("events in an AnalyticsCoordinator", recorded)

    @asynccontextmanager
    async def _exporter(self) -> AsyncGenerator[IAnalyticsExporter]:
        exporter = await _awaited(self._factory())
        try:
            yield exporter
        finally:
            await _close(exporter)

    async def _export(self, what: str, exporter: IAnalyticsExporter, events: list[AnalyticsEvent]) -> None:
        before = copy.deepcopy([event.model_dump() for event in events])
        try:
            async with asyncio.timeout(_LONGEST_CALL_S):
                result = await _awaited(cast("Any", exporter.export(list(events))))
        except Exception as error:
            raise AssertionError(f"export() takes {what}: it raised {type(error).__name__}: {error}") from error
        _check_result(what, result, len(events))
        same = before == [event.model_dump() for event in events]
        _rule("export() leaves its events as they are", same, f"it changed {what}")

    async def _arrived(self, what: str, events: Sequence[AnalyticsEvent]) -> None:
        if self._received is None or not events:
            return
        kept = await self._kept()
        missing = [event.type for event in events if not kept[event.id]]
        _rule(f"{what}: all of it arrives", not missing, f"{len(missing)} of {len(events)} did not: {missing[:3]}")

    async def _kept(self) -> Counter[str]:
        assert self._received
        return Counter(str(id) for id in await _awaited(self._received()))


async def _close(exporter: IAnalyticsExporter) -> None:
    close: Any = getattr(exporter, "close", None)
    try:
        if callable(close):
            await _awaited(close())
    except Exception as error:
        text = f"close() can be called at any time, and twice: it raised {type(error).__name__}: {error}"
        raise AssertionError(text) from error


def _check_result(what: str, result: object, count: int) -> None:
    if result is None:
        return
    rule = "export() returns an ExportResult or None"
    _rule(rule, isinstance(result, ExportResult), f"for {what} it returned {type(result).__name__}")
    given = cast("ExportResult", result)
    _rule(f"export() takes {what}", given.success, f"it said: {given.error}")
    _rule("exported_count is how many events were taken", given.exported_count in (0, count), str(given.exported_count))


def _rule(rule: str, holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(f"{rule}: {otherwise}")


async def _awaited(value: T | Awaitable[T]) -> T:
    return cast("T", await value if inspect.isawaitable(value) else value)

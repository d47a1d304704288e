"""How events get to a destination that fails, hangs, is slow, asks to wait, or is added twice."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from support.destinations import Kept, Picky, record, recording

from victor_nb.agent.coordinators import AnalyticsCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import ExportError
from victor_nb.protocols import EventQuery, ExportResult
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel


class Hanging(Kept):
    """Blocks its thread until it is released."""

    timeout_s = 0.1

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()
        self.entered = threading.Event()

    def export(self, events):
        self.calls += 1
        self.entered.set()
        assert self.release.wait(20)
        self.batches.append(events)


async def test_one_that_hangs_is_not_called_again_and_its_late_answer_counts():
    hanging = Hanging()
    coordinator = recording(hanging)
    first = await coordinator.export_analytics()
    second = await coordinator.export_analytics()
    assert "took longer than 0.1 s" in first.error
    assert "the last call is still running" in second.error
    hanging.release.set()
    while not (await coordinator.export_analytics()).success:
        await asyncio.sleep(0.001)
    assert len(set(hanging.ids)) == len(hanging.ids) == len(coordinator.store.read(EventQuery()))
    coordinator.close()


async def test_whatever_one_does_the_loop_and_the_others_go_on():
    class BlockingAsync(Hanging):
        async def export(self, events):
            return super().export(events)

    hanging, blocking, kept = Hanging(), BlockingAsync(), Kept()
    orchestrator = AgentOrchestrator(
        model=ScriptedModel("a", "b"), analytics_coordinator=AnalyticsCoordinator([hanging, blocking, kept])
    )
    stalls = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            stalls.append(time.perf_counter() - before)

    watching = asyncio.ensure_future(watch())
    assert (await orchestrator.chat("Hi")).content == "a"
    result = await orchestrator.analytics_coordinator.export_analytics()
    watching.cancel()
    assert result.results["Kept"].success
    assert not result.results["Hanging"].success
    assert not result.results["BlockingAsync"].success
    assert max(stalls) < 10  # a call on this loop would hold it for 20 s
    assert sorted(stalls)[len(stalls) * 3 // 4] < 0.05
    hanging.release.set()
    blocking.release.set()
    orchestrator.close()


async def test_a_slow_async_one_is_cancelled_and_asked_again():
    class Slow(Kept):
        timeout_s = 0.05

        async def export(self, events):
            if not self.calls:
                self.calls += 1
                await asyncio.sleep(60)
            return await super().export(events)

    slow = Slow()
    coordinator = recording(slow)
    assert "took longer" in (await coordinator.export_analytics()).error
    assert (await coordinator.export_analytics()).success
    assert len(set(slow.ids)) == len(slow.ids) == 5
    coordinator.close()


class AsksToWait(Kept):
    def __init__(self, answer) -> None:
        super().__init__()
        self.answer = answer

    async def export(self, events):
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Response:
    def __init__(self) -> None:
        self.headers = {"retry-after": "120"}


def http_error() -> Exception:
    error = RuntimeError("429 Too Many Requests")
    error.response = Response()
    return error


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (ExportResult(False, error="busy", retry_after_s=30), 30),
        (ExportError("busy", retry_after_s=40), 40),
        (ExportError("busy", retry_after_s=1e9), 900),
        (http_error(), 120),
    ],
    ids=["result", "error", "capped", "http"],
)
async def test_one_that_asks_to_wait_is_not_asked_before(answer, seconds):
    asks = AsksToWait(answer)
    coordinator = recording(asks)
    for _ in range(4):
        result = await coordinator.export_analytics()
    assert f"asked to wait another {seconds} s" in result.error
    assert (asks.calls, result.dead) == (1, 0)
    coordinator.close()


@pytest.mark.parametrize("odd", ["soon", -1, float("nan"), True, object(), "Wed, 21 Oct 2015 07:28:00 GMT"])
async def test_an_odd_wait_is_none(odd):
    asks = AsksToWait(ExportResult(False, error="busy", retry_after_s=odd))
    coordinator = recording(asks)
    for _ in range(2):
        await coordinator.export_analytics()
    assert asks.calls == 2
    coordinator.close()


async def test_it_tries_again_by_itself():
    class Once(Kept):
        done = threading.Event()

        async def export(self, events):
            if not self.calls:
                self.calls += 1
                raise ConnectionError("reset")
            self.done.set()
            return await super().export(events)

    once = Once()
    coordinator = recording(once)
    coordinator.store.flush()  # what is not written yet is not seen
    coordinator.notify()
    assert await asyncio.to_thread(once.done.wait, 20)
    coordinator.close()


async def test_the_same_batch_comes_again_whatever_was_recorded_meanwhile():
    class Remembers(Kept):
        async def export(self, events):
            self.batches.append(events)
            return ExportResult(len(self.batches) > 1, error="not yet")

    remembers = Remembers()
    coordinator = recording(remembers)
    assert not (await coordinator.export_analytics()).success
    record(coordinator, 5, first=3)
    assert (await coordinator.export_analytics()).success
    first, again, *_ = [[event.id for event in batch] for batch in remembers.batches]
    assert first == again
    coordinator.close()


async def test_a_batch_is_as_large_as_the_exporter_says():
    class Small(Kept):
        batch_bytes = 250_000
        batch_size = 4

    small = Small()
    coordinator = recording(small, events=0)
    for size in [10] * 9 + [100_000] * 7 + [900_000] * 2:
        coordinator.track_event("x_text", {"text": "a" * size})
    assert (await coordinator.export_analytics()).success
    assert max(len(batch) for batch in small.batches) == 4
    sizes = [[len(event.data.get("text", "")) for event in batch] for batch in small.batches]
    assert max(sum(batch[:-1]) for batch in sizes) < 250_000
    assert sum(len(batch) for batch in small.batches) == len(set(small.ids)) == 19
    coordinator.close()


@pytest.mark.parametrize("nonsense", [None, "many", 0, -3, float("inf"), True])
async def test_nonsense_about_itself_is_ignored(nonsense):
    kept = Kept()
    kept.batch_size = kept.batch_bytes = kept.timeout_s = kept.include_content = kept.destination = nonsense
    coordinator = recording(kept)
    assert (await coordinator.export_analytics()).success
    assert len(kept.batches) == 1
    coordinator.close()


async def test_two_coordinators_of_one_session_do_not_mix():
    store, first, second = SQLiteStore(), Kept(), Kept()
    coordinators = [recording(kept, events=0, store=store) for kept in (first, second)]
    for n, coordinator in enumerate(coordinators):
        coordinator.track_event("x_numbered", {"n": n}, session_id="shared")
    results = [await coordinator.export_analytics("shared") for coordinator in coordinators]
    assert (first.numbers, second.numbers) == ([0], [1])
    assert [result.exported_count for result in results] == [2, 2]
    for coordinator in coordinators:
        coordinator.close()


async def test_a_failure_is_an_event_once_a_streak_and_does_not_feed_itself():
    class EverySecond(Kept):
        async def export(self, events):
            self.calls += 1
            if self.calls % 2:
                raise ConnectionError("reset")
            self.batches.append(events)

    every_second = EverySecond()
    coordinator = recording(every_second, events=1)
    for _ in range(12):
        result = await coordinator.export_analytics()
    failed = await coordinator.query_analytics(types=["export_failed"])
    assert result.success
    assert len(failed) == 1
    assert (failed[0].data["exporter"], failed[0].data["first_seq"]) == ("EverySecond", 1)
    coordinator.close()


async def test_the_ledger_always_adds_up():
    class Odd(Kept):
        batch_size = 3

        async def export(self, events):
            if any(event.data.get("n") in (4, 5) for event in events):
                raise ExportError("no", retryable=False)
            if any(event.data.get("n") == 9 for event in events):
                raise ConnectionError("down")
            return await super().export(events)

    coordinator = recording(Odd(), events=10)
    result = await coordinator.export_analytics()
    (outbox,) = coordinator.store.outboxes()
    assert outbox.delivered + outbox.pending + outbox.dead == outbox.accepted
    assert outbox.dead in (2, 3)  # on a busy machine 9 has been tried again by now, alone, and set aside
    assert outbox.dead + outbox.pending >= 3
    assert (result.exported_count, result.dead) <= (outbox.delivered, outbox.dead)
    assert result.dead >= 2
    coordinator.close()


class FailsToClaim(SQLiteStore):
    failures = 2

    def claim(self, exporter, channel):
        if self.failures:
            self.failures -= 1
            raise OSError("the disk is away")
        return super().claim(exporter, channel)


async def test_a_store_that_fails_is_asked_again(caplog):
    kept = Kept()
    coordinator = recording(kept, store=FailsToClaim())
    assert "the disk is away" in (await coordinator.export_analytics()).error
    assert (await coordinator.export_analytics()).success
    coordinator.close()


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize("error", [Unspeakable(), UnicodeError("caf\udce9 \x00"), ValueError("x" * 1_000_000)])
async def test_an_error_that_cannot_be_read_is_a_failure_like_any_other(tmp_path, error):
    picky = Picky({1}, error, destination="caf\udce9.jsonl")
    coordinator = recording(picky, store=SQLiteStore(tmp_path / "victor.db"))
    async with asyncio.timeout(20):
        result = await coordinator.export_analytics()
        assert (result.success, len(result.error) < 5_000) == (False, True)
        picky.poison.clear()
        assert (await coordinator.export_analytics()).success
    assert coordinator.store.degraded is None
    await coordinator.aclose()
    coordinator.store.close()

"""Events that a destination refuses are found, set aside and shown; all others arrive, each of them once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.destinations import Kept, Picky, recording

from victor_nb.errors import ExportError, UsageError

some_events = st.lists(st.booleans(), min_size=1, max_size=24)


@settings(deadline=None, max_examples=60)
@given(
    poisoned=some_events,
    batch_size=st.integers(1, 9),
    error=st.sampled_from([ValueError("no"), ExportError("no", retryable=False)]),
)
def test_exactly_the_poison_is_dead_and_all_else_arrives_once(poisoned, batch_size, error):
    picky = Picky({n for n, bad in enumerate(poisoned) if bad}, error, batch_size)
    coordinator = recording(picky, events=len(poisoned))

    async def deliver() -> int:
        for _ in range(40):
            if not (result := await coordinator.export_analytics()).pending:
                return result.dead
        raise AssertionError(f"{result.pending} events are still pending")

    dead = asyncio.run(deliver())
    letters = coordinator.store.dead_letters()
    coordinator.close()
    assert picky.numbers == [n for n, bad in enumerate(poisoned) if not bad]
    assert dead == len(letters) == sum(poisoned)
    assert len(set(picky.ids)) == len(picky.ids)


async def test_one_refused_for_good_stops_nobody_and_can_be_retried(caplog):
    picky = Picky({3}, ExportError("event 3 is too old", retryable=False), batch_size=100)
    coordinator = recording(picky, events=10)
    result = await coordinator.export_analytics()
    assert (result.success, result.pending, result.dead) == (False, 0, 1)
    assert result.results["Picky"].exported_count == result.exported_count == len(picky.ids)
    assert "retry_dead()" in result.error
    assert "refuses 1 events" in caplog.text
    (letter,) = coordinator.store.dead_letters()
    assert (letter.error, letter.attempts) == ("event 3 is too old", 1)

    assert (await coordinator.retry_dead()).dead == 1
    picky.poison.clear()
    retried = await coordinator.retry_dead("Picky")
    assert (retried.success, retried.exported_count, retried.dead) == (True, 1, 0)
    assert sorted(picky.numbers) == list(range(10))
    assert (await coordinator.export_analytics()).success
    coordinator.close()


async def test_to_retry_an_exporter_that_is_not_there_says_which_are():
    coordinator = recording(Picky(set(), None), events=1)
    with pytest.raises(UsageError, match="Did you mean 'Picky'"):
        await coordinator.retry_dead("picky")
    coordinator.close()


async def test_a_destination_that_is_down_kills_nothing_and_is_not_hammered():
    down = Kept()
    down.down = True
    coordinator = recording(down, events=300)
    for _ in range(12):
        result = await coordinator.export_analytics()
    assert result.exported_count == result.dead == 0
    assert down.calls <= 12 * 3
    down.down = False
    result = await coordinator.export_analytics()
    assert (result.success, result.dead) == (True, 0)
    assert down.numbers == list(range(300))
    assert len(set(down.ids)) == len(down.ids)
    coordinator.close()


async def test_many_dead_come_back_in_few_calls():
    picky = Picky(set(range(200)), ExportError("closed today", retryable=False), batch_size=100)
    coordinator = recording(picky, events=200)
    assert (await coordinator.export_analytics()).dead == 200
    await coordinator.export_analytics()  # the news of the failure is an event, too
    picky.poison.clear()
    calls = picky.calls
    assert (await coordinator.retry_dead()).exported_count == 200
    assert picky.calls - calls == 2
    assert sorted(picky.numbers) == list(range(200))
    coordinator.close()


async def test_a_batch_that_is_too_large_gets_through_in_parts():
    class Small(Picky):
        async def export(self, events):
            if len(events) > 7:
                raise ValueError("too large")
            return await super().export(events)

    small = Small(set(), None, batch_size=100)
    coordinator = recording(small, events=50)
    results = [await coordinator.export_analytics() for _ in range(3)]
    assert [result.success for result in results] == [False, False, True]
    assert small.numbers == list(range(50))
    coordinator.close()

"""The clock of a replay: time passes as recorded answers say, ids are numbered, turns side by side keep one order."""

from __future__ import annotations

import asyncio
import random
import threading
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from victor_nb.testing.cassettes import taking_turns
from victor_nb.testing.cassettes.recorded_clock import BEGINS, RecordedClock

STEPS = st.lists(st.lists(st.integers(1, 5_000), min_size=1, max_size=4), min_size=1, max_size=5)
"""Milliseconds that the answers of several turns take."""


async def walk(recorded: RecordedClock, name: str, steps: list[int], log: list[tuple[str, int]]) -> float:
    """A turn whose answers take so long, with real waits of any length between them. Seconds that it took."""
    async with recorded.turn(name, numbered=True):
        began = recorded.now_us()
        for step in steps:
            await recorded.passes(step / 1_000)
            await asyncio.sleep(random.random() / 2_000)
            log.append((recorded.new_id("event"), recorded.now_us()))
        return (recorded.now_us() - began) / 1e6


def side_by_side(turns: list[list[int]]) -> tuple[list[float], list[tuple[str, int]]]:
    recorded, log = RecordedClock(), list[tuple[str, int]]()

    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(walk(recorded, f"s{n}", steps, log) for n, steps in enumerate(turns)))

    return asyncio.run(all_of_them()), [*log, (recorded.new_id("event"), recorded.now_us())]


@given(STEPS)
def test_turns_side_by_side_take_their_own_time_and_come_in_one_order(turns: list[list[int]]) -> None:
    took, log = side_by_side(turns)
    assert took == [sum(steps) / 1_000 for steps in turns]
    assert [us for _, us in log] == sorted(us for _, us in log)
    assert log[-1][1] - int(BEGINS.timestamp() * 1e6) == max(map(sum, turns)) * 1_000
    assert side_by_side(turns) == (took, log)


@given(STEPS)
def test_ids_are_uuids_of_their_time_unique_and_sorted(turns: list[list[int]]) -> None:
    _, log = side_by_side(turns)
    ids = [UUID(made) for made, _ in log]
    assert len(set(ids)) == len(ids)
    assert {(made.version, made.variant) for made in ids} == {(7, "specified in RFC 4122")}
    assert [made.int >> 80 for made in ids] == [us // 1_000 for _, us in log] == sorted(us // 1_000 for _, us in log)


def test_ids_of_one_kind_are_in_order_within_a_millisecond() -> None:
    recorded = RecordedClock()
    ids = [recorded.new_id("event") for _ in range(300)]
    assert ids == sorted(set(ids))
    assert not {recorded.new_id("turn") for _ in range(300)} & set(ids)


def test_ids_of_a_turn_do_not_depend_on_which_thread_was_first() -> None:
    def ids_of(names: str) -> dict[str, str]:
        recorded, found = RecordedClock(), dict[str, str]()

        async def turn(name: str) -> None:
            async with recorded.turn(name, numbered=True):
                found[name] = recorded.new_id("turn")

        for name in names:
            thread = threading.Thread(target=asyncio.run, args=(turn(name),))
            thread.start()
            thread.join()
        return found

    assert ids_of("abc") == ids_of("cab")


async def test_a_turn_within_a_turn_takes_its_time() -> None:
    recorded = RecordedClock()
    async with recorded.turn("outer", numbered=True):
        before = recorded.now_us()
        await asyncio.gather(*(walk(recorded, name, [step], []) for name, step in (("one", 5), ("two", 9))))
        assert recorded.now_us() - before == 9_000


async def test_who_waits_for_each_other_goes_on_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taking_turns, "PATIENCE_S", 0.05)
    recorded, free = RecordedClock(), asyncio.Semaphore(1)

    async def turn(name: str) -> None:
        async with recorded.turn(name, numbered=True), free:
            await recorded.passes(1)

    await asyncio.gather(turn("one"), turn("two"), turn("three"))
    assert recorded.now_us() - int(BEGINS.timestamp() * 1e6) == 1_000_000


async def test_a_turn_that_is_cancelled_while_it_waits_stops_nobody() -> None:
    recorded = RecordedClock()
    one, two, three = [asyncio.create_task(walk(recorded, name, [5, 5], [])) for name in ("one", "two", "three")]
    await asyncio.sleep(0)
    two.cancel()
    assert await asyncio.gather(one, three) == [0.01, 0.01]
    assert two.cancelled()

"""How the coordinator asks a provider: once at a time, in time, and only when what it knows is too old."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from victor_nb.agent.coordinators import ConfigCoordinator
from victor_nb.errors import ConfigError


class Counting:
    """Answers with how often it was asked, once the gate is open."""

    def __init__(self, ttl_s: float | None = None, timeout_s: float | None = None) -> None:
        self.ttl_s, self.timeout_s = ttl_s, timeout_s
        self.asked = 0
        self.cancelled = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()

    async def get_config(self, session_id: str) -> dict[str, Any]:
        self.asked += 1
        number = self.asked
        self.entered.set()
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return {"number": number, "session": session_id}


async def number(coordinator: ConfigCoordinator, session_id: str = "s") -> int:
    return (await coordinator.load_config(session_id))["number"]


async def test_without_a_ttl_every_load_asks() -> None:
    coordinator = ConfigCoordinator([Counting()])
    assert [await number(coordinator), await number(coordinator)] == [1, 2]


async def test_answers_are_kept_by_session_until_they_are_forgotten() -> None:
    coordinator = ConfigCoordinator([Counting()], ttl_s=60)
    assert [await number(coordinator), await number(coordinator), await number(coordinator, "t")] == [1, 1, 2]
    coordinator.invalidate("s")
    assert [await number(coordinator), await number(coordinator, "t")] == [3, 2]
    coordinator.invalidate()
    assert [await number(coordinator), await number(coordinator, "t")] == [4, 5]


async def test_a_provider_knows_better_how_long_its_answers_last() -> None:
    coordinator = ConfigCoordinator([Counting(ttl_s=0)], ttl_s=60)
    assert [await number(coordinator), await number(coordinator)] == [1, 2]
    brief = ConfigCoordinator([Counting(ttl_s=1e-9)])
    assert [await number(brief), await number(brief)] == [1, 2]


async def test_those_who_ask_at_the_same_time_share_one_answer() -> None:
    provider = Counting()
    provider.gate.clear()
    coordinator = ConfigCoordinator([provider])
    loads = [asyncio.create_task(number(coordinator)) for _ in range(10)]
    await provider.entered.wait()
    provider.gate.set()
    assert await asyncio.gather(*loads) == [1] * 10


async def test_one_who_gives_up_spoils_nothing_and_the_last_one_ends_it() -> None:
    provider = Counting()
    provider.gate.clear()
    coordinator = ConfigCoordinator([provider])
    first, second, third = (asyncio.create_task(number(coordinator)) for _ in range(3))
    await provider.entered.wait()
    first.cancel()
    await asyncio.wait([first])
    assert provider.cancelled == 0
    provider.gate.set()
    assert await asyncio.gather(second, third) == [1, 1]
    provider.gate.clear()
    provider.entered.clear()
    alone = asyncio.create_task(number(coordinator))
    await provider.entered.wait()
    alone.cancel()
    await asyncio.wait([alone])
    await asyncio.sleep(0)
    assert provider.cancelled == 1


async def test_what_is_forgotten_while_it_is_asked_is_not_kept() -> None:
    provider = Counting()
    provider.gate.clear()
    coordinator = ConfigCoordinator([provider], ttl_s=60)
    before = asyncio.create_task(number(coordinator))
    await provider.entered.wait()
    coordinator.invalidate("s")
    after = asyncio.create_task(number(coordinator))
    await asyncio.sleep(0)
    provider.gate.set()
    assert await asyncio.gather(before, after) == [1, 2]
    assert await number(coordinator) == 2


async def test_a_provider_that_is_too_slow_has_failed() -> None:
    slow, never = Counting(), Counting(timeout_s=0.01)
    never.gate.clear()
    coordinator = ConfigCoordinator([slow, never])
    with pytest.warns(UserWarning, match=r"Counting #2 gave no answer in 0\.01 s"):
        load = await coordinator.load("s")
    assert load.providers == ("Counting",)
    assert list(load.failed) == ["Counting #2"]
    assert never.cancelled == 1


async def test_failures_are_not_kept() -> None:
    class Once:
        asked = 0

        async def get_config(self, session_id: str) -> dict[str, Any]:
            self.asked += 1
            if self.asked == 1:
                raise OSError("not yet")
            return {"number": self.asked}

    coordinator = ConfigCoordinator([Once()], ttl_s=60)
    with pytest.raises(ConfigError, match="not yet"):
        await coordinator.load("s")
    assert [await number(coordinator), await number(coordinator)] == [2, 2]


async def test_a_provider_that_is_cancelled_by_itself_has_failed() -> None:
    class Cancelled:
        async def get_config(self, session_id: str) -> dict[str, Any]:
            raise asyncio.CancelledError

    with pytest.warns(UserWarning, match="Cancelled was cancelled"):
        assert (await ConfigCoordinator([Cancelled(), Counting()]).load("s")).config["number"] == 1


def test_two_event_loops_may_ask_at_once() -> None:
    coordinator = ConfigCoordinator([Counting()], ttl_s=60)
    results: list[int] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        barrier.wait()
        results.append(asyncio.run(number(coordinator)))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert asyncio.run(number(coordinator)) in results


@pytest.mark.parametrize(("name", "value"), [("ttl_s", -1), ("ttl_s", "1"), ("timeout_s", 0), ("timeout_s", True)])
def test_seconds_that_cannot_be_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"{name} is .* and must be a number of seconds"):
        ConfigCoordinator(**{name: value})

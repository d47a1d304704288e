"""One loop serves iterators to others: items arrive, errors cross over, and closing really closes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import cast

import pytest

from victor_nb.background import LoopThread, all_answers, iterate_on


class Source:
    """Counts up for ever; knows on which thread it ran and whether it was closed."""

    def __init__(self, fail_at: int | None = None, stop_at: int | None = None) -> None:
        self.closed = threading.Event()
        self.thread = ""
        self._fail_at, self._stop_at = fail_at, stop_at

    async def items(self) -> AsyncGenerator[int, None]:
        self.thread = threading.current_thread().name
        try:
            number = 0
            while number != self._stop_at:
                if number == self._fail_at:
                    raise LookupError("planted")
                yield number
                number += 1
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0.02)  # closing takes a while, as a connection does
            self.closed.set()


@pytest.fixture
def thread() -> Iterator[LoopThread]:
    thread = LoopThread("other-loop")
    yield thread
    thread.close()


def taken(thread: LoopThread, items: AsyncIterator[int]) -> AsyncGenerator[int, None]:
    return cast("AsyncGenerator[int, None]", iterate_on(thread, items))


def test_all_items_arrive_in_order(thread: LoopThread) -> None:
    source = Source(stop_at=1000)

    async def read() -> list[int]:
        return [item async for item in taken(thread, source.items())]

    assert asyncio.run(read()) == list(range(1000))
    assert source.thread == "other-loop"


def test_an_error_of_the_source_is_raised_to_the_consumer(thread: LoopThread) -> None:
    seen: list[int] = []

    async def read() -> None:
        async for item in taken(thread, Source(fail_at=3).items()):
            seen.append(item)  # noqa: PERF401

    with pytest.raises(LookupError, match="planted"):
        asyncio.run(read())
    assert seen == [0, 1, 2]


def test_closing_early_returns_when_the_source_is_closed(thread: LoopThread) -> None:
    source = Source()

    async def read_some() -> bool:
        async with aclosing(taken(thread, source.items())) as items:
            async for item in items:
                if item == 5:
                    break
        return source.closed.is_set()

    assert asyncio.run(read_some())


def test_closing_when_all_has_been_handed_over_does_not_wait(thread: LoopThread) -> None:
    source = Source(stop_at=3)

    async def read_one() -> float:
        async with aclosing(taken(thread, source.items())) as items:
            await anext(items)
            await asyncio.to_thread(source.closed.wait)
            before = asyncio.get_running_loop().time()
        return asyncio.get_running_loop().time() - before

    assert asyncio.run(read_one()) < 0.5


def test_cancelling_the_consumer_closes_the_source(thread: LoopThread) -> None:
    source, started = Source(), asyncio.Event()

    async def read() -> None:
        async for _ in taken(thread, source.items()):
            started.set()

    async def cancel() -> bool:
        task = asyncio.create_task(read())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return True

    assert asyncio.run(cancel())
    assert source.closed.wait(5)


def test_a_loop_that_is_closed_does_not_make_a_stream_look_finished(thread: LoopThread) -> None:
    async def read() -> None:
        async for item in taken(thread, Source().items()):
            if item == 2:
                await asyncio.to_thread(thread.close)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(read())


async def fails(error: BaseException) -> str:
    raise error


@pytest.mark.parametrize("error", [ValueError("no"), asyncio.CancelledError("its own")])
async def test_one_that_fails_is_an_answer_alone_as_among_others(error: BaseException):
    assert await all_answers([fails(error)]) == [error]
    found = await all_answers([fails(error), asyncio.sleep(0, "well")])
    assert (type(found[0]), found[1]) == (type(error), "well")


async def test_who_asks_one_alone_can_still_be_cancelled():
    started = asyncio.Event()

    async def waits() -> None:
        started.set()
        await asyncio.Event().wait()

    asking = asyncio.create_task(all_answers([waits()]))
    await started.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

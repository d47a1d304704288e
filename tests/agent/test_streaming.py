"""A stream that is left early: the turn behind it ends, and says nothing more."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import Any

import pytest

from victor_nb.agent.streaming import ChatStream
from victor_nb.errors import UsageError
from victor_nb.messages import ChatChunk, ChatResponse


async def test_a_break_stops_the_turn_also_when_the_stream_has_a_name() -> None:
    stopped = asyncio.Event()

    async def turn(emit: Callable[[ChatChunk], None]) -> ChatResponse:
        try:
            emit(ChatChunk(content="one"))
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    stream = ChatStream(turn)
    async for _ in stream:
        break
    await asyncio.wait_for(stopped.wait(), 5)
    with pytest.raises(UsageError, match="read already"):
        aiter(stream)


async def test_a_turn_that_fails_after_its_reader_left_is_not_reported_as_forgotten() -> None:
    reports: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    failed = asyncio.Event()

    async def turn(emit: Callable[[ChatChunk], None]) -> ChatResponse:
        try:
            emit(ChatChunk(content="one"))
            await asyncio.Event().wait()
        finally:
            failed.set()
            raise ValueError("while tidying up")

    async for _ in ChatStream(turn):
        break
    await asyncio.wait_for(failed.wait(), 5)
    for _ in range(3):  # until the task is gone
        await asyncio.sleep(0)
    gc.collect()
    assert reports == []

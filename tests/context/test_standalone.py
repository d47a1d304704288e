"""A coordinator on its own, with strategies that wait: for an embedder that nobody attached, or for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.talks import prepare, turn

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.context import HybridCompactionStrategy, SemanticCompactionStrategy
from victor_nb.errors import UsageError
from victor_nb.protocols import Context


class Hanging:
    """Waits for an answer that never comes, and is tidy about it."""

    ended = False

    async def compact(self, context: Context) -> Context:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended = True
        return context


def talking(coordinator: ContextCoordinator, turns: int = 8) -> ContextCoordinator:
    coordinator.use_session("s")
    for number in range(turns):
        turn(coordinator.conversation(), f"q{number}")
    return coordinator


@pytest.mark.parametrize("strategy", [SemanticCompactionStrategy(), HybridCompactionStrategy()])
@pytest.mark.parametrize("attached", [False, True])
async def test_words_are_compared_where_nobody_gave_an_embedder(strategy: Any, attached: bool) -> None:
    coordinator = ContextCoordinator(strategy)
    if attached:
        coordinator.attach(embed=None)
    record = await talking(coordinator).force_compact("s")
    assert (record.outcome, record.note) == ("completed", "23 messages folded")


async def test_a_strategy_that_hangs_has_failed() -> None:
    coordinator = talking(ContextCoordinator(Hanging(), timeout_s=0.01))
    before = coordinator.get_context()
    record = (await prepare(coordinator, threshold=0.1)).compaction
    assert record is not None
    assert (record.outcome, record.error_type, coordinator.get_context()) == ("failed", "ContextError", before)
    assert "Hanging.compact took longer than 0.01 s" in (error := (await coordinator.preview()).error or "")
    assert "timeout_s" in error


async def test_a_strategy_that_hangs_does_not_stop_a_request_that_would_not_fit() -> None:
    strategy = Hanging()
    coordinator = talking(ContextCoordinator(strategy, timeout_s=0.01), 40)
    prepared = await prepare(coordinator)
    assert prepared.compaction is not None
    assert (prepared.compaction.outcome, strategy.ended) == ("failed", True)
    assert prepared.tokens <= 4_000


def test_a_time_that_is_none_is_refused() -> None:
    for wrong in (0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="timeout_s"):
            ContextCoordinator(timeout_s=wrong)

"""Whatever is done in a session, by whichever orchestrator of a kernel: the next kernel has it as it was left."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.conversations import fresh, talker

from victor_nb import AgentOrchestrator
from victor_nb.agent.recorder import TurnOrigin
from victor_nb.agent.sessions.journal import journal_of
from victor_nb.agent.sessions.upkeep import shorten

CELLS = st.sampled_from([None, "cell-1", "cell-2"])
STEPS = st.one_of(
    st.tuples(st.just("ask"), CELLS),
    st.tuples(st.just("ask"), CELLS),
    st.tuples(st.just("pin"), st.integers(0, 9)),
    st.tuples(st.just("compact")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("reset")),
    st.tuples(st.just("shorten")),
    st.tuples(st.just("restart")),
)


class Kernel:
    """Two orchestrators on one store; they take turns at random."""

    def __init__(self, path: Path) -> None:
        self.path, self.executions = path, 0
        self.begin()

    def begin(self) -> None:
        self.store = fresh(self.path)
        self.both = [talker(self.store, *["an answer " * 50] * 20) for _ in range(2)]

    async def do(self, who: int, what: str, *arguments: Any) -> None:
        orchestrator = self.both[who]
        await orchestrator.context_coordinator.open("thesis")
        await getattr(self, what)(orchestrator, *arguments)

    async def ask(self, orchestrator: AgentOrchestrator, key: str | None) -> None:
        self.executions += 1
        origin = TurnOrigin(key=key, execution=str(self.executions))
        orchestrator._origin = lambda: origin
        await orchestrator.chat("a question " * 20)

    async def pin(self, orchestrator: AgentOrchestrator, place: int) -> None:
        log = orchestrator.context_coordinator.conversation("thesis").log
        if log:
            orchestrator.context_coordinator.pin(log[place % len(log)])

    async def compact(self, orchestrator: AgentOrchestrator) -> None:
        await orchestrator.context_coordinator.force_compact("thesis")

    async def undo(self, orchestrator: AgentOrchestrator) -> None:
        orchestrator.context_coordinator.undo("thesis")

    async def reset(self, orchestrator: AgentOrchestrator) -> None:
        orchestrator.context_coordinator.reset("thesis")

    async def shorten(self, orchestrator: AgentOrchestrator) -> None:
        before = await state(orchestrator)
        shorten(journal_of(self.store, self.store.kernel_run_id, "thesis"), times=1)
        for one in self.both:
            assert await state(one) == before

    async def restart(self, orchestrator: AgentOrchestrator) -> None:
        for one in self.both:
            one.close()
        self.store.close()
        self.begin()


async def state(orchestrator: AgentOrchestrator) -> list[Any]:
    found = await orchestrator.context_coordinator.open("thesis")
    return [found.view, found.log, found.turn_ids, list(found.records)]


async def play(path: Path, steps: list[tuple[int, tuple[Any, ...]]]) -> None:
    kernel = Kernel(path)
    for who, step in steps:
        await kernel.do(who, *step)
    left = await state(kernel.both[0])
    assert await state(kernel.both[1]) == left
    await kernel.restart(kernel.both[0])
    assert await state(kernel.both[0]) == left
    row = kernel.both[0].sessions.list().to_dict("records")
    counted = [(one["turns"], one["messages"]) for one in row]
    assert counted in ([], [(len(left[2]), len(left[1]))])
    kernel.store.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.integers(0, 1), STEPS), min_size=2, max_size=14))
def test_the_next_kernel_has_the_session_as_it_was_left(steps: list[tuple[int, tuple[Any, ...]]]):
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder) / "victor.db", steps))


async def test_the_window_is_known_before_the_next_question(tmp_path: Path) -> None:
    store = fresh(tmp_path / "victor.db")
    first = talker(store, "an answer")
    await first.chat("a question")
    known = first.context_coordinator.conversation("thesis").meter.limits
    first.close()
    store.close()
    later = talker(fresh(tmp_path / "victor.db"))
    assert known
    assert later.context_coordinator.conversation("thesis").meter.limits == known
    later.close()

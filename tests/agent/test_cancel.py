"""A turn that is stopped, wherever it is: conversation, events and locks are as if nothing could have gone wrong."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Generator
from typing import Any

import pytest

from victor_nb.agent.coordinators import ConfigCoordinator, ContextCoordinator
from victor_nb.agent.interruption import left_by
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.messages import Message
from victor_nb.protocols import CompactionResult
from victor_nb.testing import ScriptedModel, call

LONG = "a fact that is worth many tokens, " * 60


class Stopping:
    """Awaits a coroutine, and cancels the task that does when it waits for the `cut`-th time: at once, or when the
    event loop has gone round `later` times, if it has not been woken by then."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], cut: int, later: int) -> None:
        self.waits = 0
        self._coroutine = coroutine
        self._cut = cut
        self._later = later

    def __await__(self) -> Generator[Any, Any, Any]:
        thrown: BaseException | None = None
        while True:
            try:
                waited_for = self._coroutine.throw(thrown) if thrown else self._coroutine.send(None)
            except StopIteration as ended:
                return ended.value
            self.waits += 1
            if self.waits == self._cut:
                self._cancel(self._later)
            thrown = None
            try:
                yield waited_for
            except BaseException as error:
                thrown = error

    def _cancel(self, later: int, task: asyncio.Task[Any] | None = None) -> None:
        task = task or asyncio.current_task()
        assert task
        if later and self.waits == self._cut:
            asyncio.get_running_loop().call_soon(self._cancel, later - 1, task)
        else:
            task.cancel()


class Summarised:
    """A strategy that asks the model."""

    async def compact(self, context, budget):
        text = await budget.ask(context.messages, None)
        return CompactionResult([Message("user", text), context.messages[-1]])


class Slow:
    def priority(self):
        return 50

    async def get_config(self, session_id):
        await asyncio.sleep(0)
        return {}


async def pause(seconds: int) -> str:
    """Waits a little."""
    for _ in range(2 * seconds):
        await asyncio.sleep(0)
    return LONG


async def watch(request, next):
    await asyncio.sleep(0)
    answer = await next(request)
    await asyncio.sleep(0)
    return answer


class Working(ScriptedModel):
    """Calls two tools at once, then answers; sums up when it is asked to."""

    async def request(self, request):
        await asyncio.sleep(0)
        self._answers.append(self._answer(request))
        return await super().request(request)

    def stream(self, request):
        self._answers.append(self._answer(request))
        return super().stream(request)

    def _answer(self, request):
        if request.purpose == "compaction":
            return "In short: a fact."
        if "remember" in request.messages[-1].content:
            return LONG
        is_asked = request.messages[-1].role == "user" and "work" in request.messages[-1].content
        return [call("pause", seconds=1), call("pause", seconds=2)] if is_asked else "it is done"


def made() -> AgentOrchestrator:
    return AgentOrchestrator(
        Settings(context_compaction_threshold=1_200, context_compaction_target=800, context_window=9_000),
        model=Working(),
        tools=[pause],
        middleware=[watch],
        config_coordinator=ConfigCoordinator([Slow()]),
        context_coordinator=ContextCoordinator(Summarised()),
    )


def contents(orchestrator: AgentOrchestrator) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in orchestrator.context_coordinator.get_context().messages]


async def stopped_at(cut: int, streamed: bool, later: int = 0) -> tuple[int, set[str]]:
    """How often the turn waited, and what was found then."""
    orchestrator = made()
    for number in range(2):
        await orchestrator.chat(f"remember {number}")
    before = contents(orchestrator)
    on_chunk = (lambda _: None) if streamed else None
    turn = Stopping(orchestrator.chat("work", on_chunk=on_chunk), cut, later)

    async def run() -> None:
        await turn

    status = "ok"
    try:
        await asyncio.create_task(run())
    except asyncio.CancelledError:
        status = orchestrator.last_response.status if orchestrator.last_response else "interrupted"
    await check(orchestrator, before, status)
    assert (await asyncio.wait_for(orchestrator.chat("and now?"), 5)).content == "it is done"
    orchestrator.close()
    return turn.waits, {status}


async def check(orchestrator: AgentOrchestrator, before: list[tuple[str, str]], status: str) -> None:
    conversation = orchestrator.context_coordinator.conversation()
    assert conversation.turn_id is None
    log = conversation.log
    calls = [call.id for message in log for call in message.tool_calls]
    assert sorted(calls) == sorted(message.tool_call_id for message in log if message.role == "tool")
    recorded = await orchestrator.analytics_coordinator.query_analytics(session_id=orchestrator.session_id)
    counts = Counter(event.type for event in recorded)
    for kind in ("turn", "model_request", "tool_call"):
        assert counts[f"{kind}_started"] == counts[f"{kind}_completed"]
    last = [event.data for event in recorded if event.type == "turn_completed"][-1]
    assert last["status"] == status
    if not any(message.content == "work" for message in log):
        assert (contents(orchestrator), status) == (before, "interrupted")
    elif status == "ok":
        assert (log[-1].content, last["compactions"] > 0, last["tool_calls"]) == ("it is done", True, 2)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "streamed"])
async def test_at_every_point_at_which_it_waits(streamed):
    waits, found = await stopped_at(10_000, streamed)
    assert found == {"ok"}
    ends: Counter[str] = Counter()
    for cut in range(1, waits + 1):
        for later in (0, 3):
            _, status = await stopped_at(cut, streamed, later)
            ends.update(status)
    assert ends["interrupted"] > ends["ok"] > 0


async def test_a_cancelled_turn_keeps_its_partial_answer():
    orchestrator = AgentOrchestrator(model=ScriptedModel("one two three four five", delay_s=0.01))
    some = asyncio.Event()
    turn = asyncio.ensure_future(orchestrator.chat("go", on_chunk=lambda _: some.set()))
    await some.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError) as interruption:
        await turn
    role, text = contents(orchestrator)[-1]
    assert role == "assistant"
    assert text.startswith("one")
    assert "[interrupted by the user]" in text
    last = orchestrator.last_response
    assert left_by(interruption.value) is last
    assert (last.status, last.usage.source) == ("interrupted", "estimated")
    (recorded,) = await orchestrator.analytics_coordinator.query_analytics(types=["turn_completed"])
    assert recorded.data["status"] == "interrupted"


async def test_a_turn_cancelled_in_a_tool_leaves_no_open_call():
    started = asyncio.Event()

    async def wait() -> str:
        """Waits for ever."""
        started.set()
        await asyncio.Event().wait()
        return "never"

    model = ScriptedModel(call("wait"), "next answer")
    orchestrator = AgentOrchestrator(model=model, tools=[wait])
    turn = asyncio.ensure_future(orchestrator.chat("go"))
    await started.wait()
    turn.cancel()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert contents(orchestrator)[-1] == ("tool", "interrupted by the user")
    assert (await orchestrator.chat("and now?")).content == "next answer"

"""A model that goes on calling tools is stopped, and what it did is kept."""

from __future__ import annotations

import pytest

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import SessionInUseError, ToolLimitError
from victor_nb.testing import Reply, ScriptedModel, call

BOTH_WAYS = pytest.mark.parametrize("on_chunk", [None, lambda chunk: None], ids=["whole", "streamed"])


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def adding(count: int) -> list[Reply]:
    return [Reply(f"Step {n}.", [call("add", a=n, b=n)], cost_usd=0.5) for n in range(count)]


async def stopped(orchestrator: AgentOrchestrator, on_chunk=None) -> ToolLimitError:
    with pytest.raises(ToolLimitError, match="after 2 rounds") as caught:
        await orchestrator.chat("go", on_chunk=on_chunk)
    return caught.value


@BOTH_WAYS
async def test_the_error_carries_what_there_is(on_chunk):
    orchestrator = AgentOrchestrator(Settings(max_tool_rounds=2), model=ScriptedModel(*adding(9)), tools=[add])
    response = (await stopped(orchestrator, on_chunk)).response
    assert response is orchestrator.last_response
    assert ([done.result for done in response.tool_calls], response.status) == (["0", "2"], "error")
    assert (response.content, response.cost_usd) == ("Step 0.\n\nStep 1.\n\nStep 2.", 1.5)


async def test_the_conversation_goes_on_from_what_was_done():
    model = ScriptedModel(*adding(3), "It was 2.")
    orchestrator = AgentOrchestrator(Settings(max_tool_rounds=2), model=model, tools=[add])
    await stopped(orchestrator)
    assert (await orchestrator.chat("and?")).content == "It was 2."
    *_, unmade, note, question = model.requests[-1].messages
    assert (unmade.role, note.role, question.content) == ("tool", "assistant", "and?")
    assert "not made: the limit of 2 rounds" in unmade.content
    assert "stopped after 2 rounds of tool calls" in note.content


async def test_it_is_on_record_as_an_error_with_its_cost():
    orchestrator = AgentOrchestrator(Settings(max_tool_rounds=2), model=ScriptedModel(*adding(3)), tools=[add])
    await stopped(orchestrator)
    (recorded,) = await orchestrator.analytics_coordinator.query_analytics(types=["turn_completed"])
    wanted = ("error", "ToolLimitError", 3, 2, 1.5)
    names = ("status", "error_type", "requests", "tool_calls", "cost_usd")
    assert tuple(recorded.data[name] for name in names) == wanted


async def test_an_answer_after_the_last_round_is_one():
    model = ScriptedModel(*adding(2), "Done.", *adding(2), call("final_answer", value=2))
    orchestrator = AgentOrchestrator(Settings(max_tool_rounds=2), model=model, tools=[add])
    assert (await orchestrator.chat("go")).content.endswith("Done.")
    assert (await orchestrator.chat("go", output_type=int)).value == 2


async def test_what_cannot_be_kept_does_not_block_the_next_turn():
    orchestrator = AgentOrchestrator(
        Settings(max_tool_rounds=2), model=ScriptedModel(*adding(3), "fine"), tools=[add], session_id="s"
    )
    conversation = await orchestrator.context_coordinator.open("s")
    keep = conversation.save

    def refuse(operation: object) -> None:
        raise SessionInUseError("taken over meanwhile")

    conversation.save = refuse
    with pytest.raises(SessionInUseError):
        await orchestrator.chat("go")
    conversation.save = keep
    assert (await orchestrator.chat("and now?")).content == "fine"

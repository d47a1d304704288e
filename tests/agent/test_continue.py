"""An answer that stopped before its end is gone on with, also from a stored conversation."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from support.notebook_cells import Cells

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.errors import ToolLimitError, UsageError
from victor_nb.testing import Reply, ScriptedModel, call


def contents(orchestrator: AgentOrchestrator) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in orchestrator.context_coordinator.get_context().messages]


async def interrupt(orchestrator: AgentOrchestrator, message: str = "Tell me", **arguments: Any) -> None:
    """Once something has arrived."""
    begun = asyncio.Event()
    task = asyncio.create_task(orchestrator.chat(message, **arguments, on_chunk=lambda chunk: begun.set()))
    await begun.wait()
    task.cancel()
    await asyncio.wait([task])


def slow(*answers: Any) -> ScriptedModel:
    return ScriptedModel(*answers, delay_s=0.01)


async def test_after_an_interrupt_it_goes_on_at_the_last_words():
    model = slow("The first half and then a second half.", "second half.")
    orchestrator = AgentOrchestrator(model=model)
    await interrupt(orchestrator)
    response = await orchestrator.continue_chat(temperature=0.5)
    assert response.content == "second half."
    asked = model.requests[-1].messages
    assert [message.role for message in asked] == ["system", "user", "assistant", "user"]
    assert asked[2].content.endswith("[interrupted by the user]")
    assert asked[3].content.startswith("I interrupted your last answer. Go on exactly where it stops")
    assert asked[3].content.endswith(f"\n\n{asked[2].content.split()[0]}")
    assert model.requests[-1].settings == {"temperature": 0.5}


async def test_another_orchestrator_goes_on_with_what_is_stored():
    first = AgentOrchestrator(model=slow("The first half and more."), session_id="kept")
    await interrupt(first)
    first.close()
    model = ScriptedModel("and more.")
    second = AgentOrchestrator(model=model, session_id="kept")
    assert (await second.continue_chat()).content == "and more."
    assert [role for role, _ in contents(second)] == ["user", "assistant", "user", "assistant"]
    second.close()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply("One, two,", finish_reason="length"), "Your last answer reached its limit of tokens."),
        (Reply("One, two,", complete=False), "Your last answer broke off."),
    ],
)
async def test_after_an_answer_that_was_cut(reply: Reply, told: str):
    first = AgentOrchestrator(model=ScriptedModel(reply), session_id="cut")
    await first.chat("Count")
    first.close()
    model = ScriptedModel("three.")
    second = AgentOrchestrator(model=model, session_id="cut")
    await second.continue_chat()
    assert model.requests[0].messages[-1].content.startswith(told)
    with pytest.raises(UsageError, match="the last answer is whole"):
        await second.continue_chat()
    second.close()


async def test_after_tools_that_were_interrupted_or_too_many():
    async def wait() -> str:
        """Waits."""
        await asyncio.sleep(60)
        return ""

    def add(a: int) -> int:
        """Adds."""
        return a

    model = slow(Reply("", [call("wait")]), call("add", a=1), call("add", a=2), "Done.")
    options: dict[str, Any] = {"model": model, "tools": [wait, add], "session_id": "tools"}
    first = AgentOrchestrator(Settings(max_tool_rounds=1), **options)
    await interrupt(first)
    first.close()
    orchestrator = AgentOrchestrator(Settings(max_tool_rounds=1), **options)
    assert contents(orchestrator)[-1] == ("tool", "interrupted by the user")
    with pytest.raises(ToolLimitError):
        await orchestrator.continue_chat()
    assert model.requests[1].messages[-1].content.startswith("I interrupted your last answer. Go on with the task")
    assert (await orchestrator.continue_chat()).content == "Done."
    assert model.requests[-1].messages[-1].content.startswith("You were stopped before there was an answer.")


async def test_a_cell_that_continues_may_be_run_again():
    cells, model = Cells(), slow("The first half and more.", "and more.", "and other.")
    orchestrator = AgentOrchestrator(model=model, origin=lambda: cells.now)
    cells.run("asks")
    await interrupt(orchestrator)
    for _ in range(2):
        cells.run("continues")
        await orchestrator.continue_chat()
    assert model.requests[2].messages[-1].content == model.requests[1].messages[-1].content
    assert [text for role, text in contents(orchestrator) if role == "assistant"][1:] == ["and other."]


async def test_nothing_to_continue():
    orchestrator = AgentOrchestrator(model=ScriptedModel("Whole."))
    with pytest.raises(UsageError, match="nothing was asked yet"):
        await orchestrator.continue_chat()
    await orchestrator.chat("Hi")
    with pytest.raises(UsageError, match="the last answer is whole"):
        await orchestrator.continue_chat()
    assert contents(orchestrator) == [("user", "Hi"), ("assistant", "Whole.")]

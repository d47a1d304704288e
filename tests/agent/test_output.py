"""Answers of a type: validated, asked for again once with all that is wrong, and a typed error after that."""

from __future__ import annotations

import datetime
import json

import pydantic
import pytest

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.errors import OutputError
from victor_nb.testing import Reply, ScriptedModel, call

BOTH_WAYS = pytest.mark.parametrize("on_chunk", [None, lambda chunk: None], ids=["whole", "streamed"])


class City(pydantic.BaseModel):
    name: str
    population: int = pydantic.Field(gt=0)
    districts: list[str] = []


RIGHT = call("final_answer", name="Paris", population=2_100_000)
WRONG = call("final_answer", name="Paris", population="many", districts=["Marais", 4])


def contents(orchestrator: AgentOrchestrator) -> list[tuple[str, str]]:
    return [(m.role, m.content) for m in orchestrator.context_coordinator.get_context().messages]


@BOTH_WAYS
async def test_an_answer_is_repaired_once_with_all_that_is_wrong(on_chunk):
    model = ScriptedModel(WRONG, RIGHT)
    response = await AgentOrchestrator(model=model).chat("Paris?", output_type=City, on_chunk=on_chunk)
    assert response.value == response.output == City(name="Paris", population=2_100_000)
    told = model.requests[1].messages[-1].content
    assert "- population: Input should be a valid integer" in told
    assert "- districts.1: Input should be a valid string" in told
    assert json.loads(response.content)["name"] == "Paris"


@BOTH_WAYS
async def test_the_second_wrong_answer_fails_the_turn_with_its_text(on_chunk):
    model = ScriptedModel("fine", WRONG, WRONG, RIGHT)
    orchestrator = AgentOrchestrator(model=model)
    await orchestrator.chat("hello")
    before = contents(orchestrator)
    with pytest.raises(OutputError, match=r"districts\.1: Input should be a valid string") as caught:
        await orchestrator.chat("Paris?", output_type=City, on_chunk=on_chunk)
    assert (caught.value.text, len(model.requests)) == (WRONG.arguments, 3)
    assert contents(orchestrator) == before
    recorded = (await orchestrator.analytics_coordinator.query_analytics(types=["turn_completed"]))[-1].data
    assert (recorded["status"], recorded["error_type"], recorded["response"]) == (
        "error",
        "OutputError",
        WRONG.arguments,
    )


@BOTH_WAYS
async def test_tools_work_on_the_way_and_after_a_repair(on_chunk):
    def population(city: str) -> int:
        """Look a city up."""
        return 2_100_000

    look_up = call("population", city="Paris")
    model = ScriptedModel(look_up, WRONG, look_up, [look_up, RIGHT])
    orchestrator = AgentOrchestrator(model=model, tools=[population])
    response = await orchestrator.chat("Paris?", output_type=City, on_chunk=on_chunk)
    assert response.value.population == 2_100_000
    assert [done.result for done in response.tool_calls] == ["2100000"] * 3


@pytest.mark.parametrize(
    "text",
    ['["a", "b"]', '```json\n["a", "b"]\n```', '{"value": ["a", "b"]}', '\n```\n{"value": ["a", "b"]}```\n'],
)
async def test_an_answer_may_be_written_as_text(text):
    response = await AgentOrchestrator(model=ScriptedModel(text)).chat("two letters", output_type=list[str])
    assert response.value == ["a", "b"]


async def test_prose_is_no_answer_and_the_model_is_told_which_tool_takes_it():
    model = ScriptedModel("Here you are!", call("final_answer", value=3))
    response = await AgentOrchestrator(model=model).chat("a number", output_type=int)
    assert (response.value, response.content) == (3, '{"value": 3}')
    assert "no JSON" in model.requests[1].messages[-1].content
    assert "Call final_answer" in model.requests[1].messages[-1].content


async def test_nothing_can_be_the_answer():
    response = await AgentOrchestrator(model=ScriptedModel(call("final_answer", value=None))).chat(
        "a number, if there is one", output_type=int | None
    )
    assert (response.typed, response.value) == (True, None)


async def test_without_a_type_the_value_is_the_text():
    assert (await AgentOrchestrator(model=ScriptedModel("hello")).chat("hi")).value == "hello"


@pytest.mark.parametrize("first", ["a", 1], ids=["accepted", "sent back"])
async def test_of_two_answers_at_once_the_first_counts_and_none_stays_open(first):
    answers = [call("final_answer", value=first), call("final_answer", value="b")]
    orchestrator = AgentOrchestrator(model=ScriptedModel(answers, call("final_answer", value="a")))
    assert (await orchestrator.chat("a letter", output_type=str)).output == "a"
    messages = orchestrator.context_coordinator.get_context().messages
    assert [m.tool_call_id for m in messages[2:4]] == [answer.id for answer in answers]
    assert "not used" in messages[3].content


class Visit(pydantic.BaseModel, strict=True):
    day: datetime.date
    cities: tuple[str, ...]


async def test_strict_types_can_be_answered():
    model = ScriptedModel(call("final_answer", day="2025-01-31", cities=["Paris"]))
    response = await AgentOrchestrator(model=model).chat("when?", output_type=Visit)
    assert response.output == Visit(day=datetime.date(2025, 1, 31), cities=("Paris",))


async def test_an_answer_that_was_cut_off_says_what_to_raise():
    half = Reply(tool_calls=[RIGHT.__class__("1", "final_answer", '{"name": "Par')], finish_reason="length")
    with pytest.raises(OutputError, match="raise max_tokens"):
        await AgentOrchestrator(model=ScriptedModel(half, half)).chat("Paris?", output_type=City)


class Picky(pydantic.BaseModel):
    n: int

    @pydantic.field_validator("n")
    @classmethod
    def lookup(cls, value: int) -> int:
        return {1: 1}[value]


async def test_an_error_of_the_types_own_code_is_shown_as_it_is():
    orchestrator = AgentOrchestrator(model=ScriptedModel(call("final_answer", n=2)))
    with pytest.raises(KeyError):
        await orchestrator.chat("go", output_type=Picky)
    assert contents(orchestrator) == []


async def test_what_is_nested_without_end_is_refused():
    deep = "[" * 200_000
    with pytest.raises(OutputError, match="no JSON") as caught:
        await AgentOrchestrator(model=ScriptedModel(deep, deep)).chat("go", output_type=list[str])
    assert caught.value.text == deep

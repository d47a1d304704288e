"""Which tools a request offers when there are many."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.agent.tools import Toolbox, tool
from victor_nb.agent.tools.ranking import by_words, words
from victor_nb.agent.tools.selection import ToolSelector, select_tools
from victor_nb.config.settings import Settings
from victor_nb.errors import ModelError
from victor_nb.testing import ScriptedModel, call


def made(name: str, description: str) -> Any:
    @tool(name=name, description=description)
    def function(value: int = 0) -> int:
        return value

    return function


MANY = Toolbox(
    [
        *(made(f"tool_{number}", f"Does thing number {number} to a matrix.") for number in range(30)),
        made("readCsvFile", "Load a table of comma separated values."),
        made("send_mail", "Deliver a letter to somebody."),
        made("forecast", "The weather of the next days."),
    ]
)


def limited(limit: int = 4, **changes: Any) -> Settings:
    return Settings(tool_selection_limit=limit, **changes)


async def names(message: str, recent: Sequence[str] = (), **changes: Any) -> list[str]:
    return [spec.name for spec in await select_tools(MANY, message, recent, limited(**changes))]


def test_names_are_split_into_words() -> None:
    assert words("readCSV_files2Go") == ["read", "csv", "file", "2", "go"]


@pytest.mark.parametrize("strategy", ["keyword", "semantic", "hybrid"])
async def test_what_fits_the_question_is_offered(strategy: Any) -> None:
    assert "readCsvFile" in await names("Read these CSV files, please", tool_selection_strategy=strategy)
    assert "forecast" in await names("How will the weather be?", tool_selection_strategy=strategy)
    assert len(await names("How will the weather be?", tool_selection_strategy=strategy)) == 4


async def test_few_tools_are_all_offered() -> None:
    assert await select_tools(MANY, "Anything", (), limited(len(MANY))) == MANY.specs


async def test_what_is_named_or_in_use_stays() -> None:
    found = await names("Is tool_17 of use for the weather?", recent=["tool_3", "tool_29", "gone"])
    assert {"tool_17", "tool_29", "tool_3", "forecast"} == set(found)
    assert await names("tool_5 tool_6", recent=["tool_7", "tool_8"], limit=3) == ["tool_5", "tool_6", "tool_8"]


async def test_the_set_changes_as_little_as_possible() -> None:
    selector = ToolSelector()

    async def offered(message: str) -> set[str]:
        return {s.name for s in await select_tools(MANY, message, (), limited(8), selector, "a")}

    first = await offered("Read a CSV file")
    assert await offered("And now?") == first
    second = await offered("How will the weather be?")
    assert "forecast" in second
    assert len(second - first) == 1
    assert "readCsvFile" in second


class Failing:
    calls = 0

    async def __call__(self, texts: Sequence[str]) -> list[list[float]]:
        self.calls += 1
        raise ModelError("the embedder is away")


async def test_an_embedder_that_fails_leaves_the_words(caplog: pytest.LogCaptureFixture) -> None:
    selector = ToolSelector(Failing())
    for _ in range(2):
        found = await select_tools(MANY, "Read a CSV file", (), limited(), selector)
        assert "readCsvFile" in [spec.name for spec in found]
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert "the embedder is away" in warnings[0].getMessage()


async def test_tools_are_embedded_once() -> None:
    embedded: list[int] = []

    def count(texts: Sequence[str]) -> list[list[float]]:
        embedded.append(len(texts))
        return [[float(len(text)), 1.0] for text in texts]

    selector = ToolSelector(count)
    for question in ("One?", "Two?"):
        await select_tools(MANY, question, (), limited(tool_selection_strategy="semantic"), selector)
    assert embedded == [len(MANY) + 1, 1]


async def test_alpha_weighs_meaning_against_words() -> None:
    async def embedder(texts: Sequence[str]) -> list[list[float]]:
        """Thinks that the question means mail, whatever it says."""
        return [[1.0, 0.0] if n == 0 or "mail" in text else [0.0, 1.0] for n, text in enumerate(texts)]

    for alpha, best in ((1.0, "send_mail"), (0.0, "forecast")):
        wanted = limited(1, tool_selection_hybrid_alpha=alpha)
        found = await select_tools(MANY, "How will the weather be?", (), wanted, ToolSelector(embedder))
        assert [spec.name for spec in found] == [best]


async def test_a_turn_offers_the_selection_and_runs_what_is_not_in_it() -> None:
    model = ScriptedModel(call("tool_9", value=3), "done", "again")
    orchestrator = AgentOrchestrator(settings=limited(), model=model, tools=[found.function for found in MANY.values()])
    response = await orchestrator.chat("How will the weather be?")
    assert len(model.requests[0].tools) == 4
    assert "tool_9" not in [spec.name for spec in model.requests[0].tools]
    assert response.tool_calls[0].result == "3"
    await orchestrator.chat("And then?")
    assert "tool_9" in [spec.name for spec in model.requests[-1].tools]


def test_a_long_description_is_no_advantage() -> None:
    short, long = made("a", "Weather."), made("b", "Weather. " + "And much else besides. " * 50)
    first, second = by_words("weather", Toolbox([short, long]).specs)
    assert first > second > 0


@settings(max_examples=40, deadline=None)
@given(
    message=st.text(max_size=40) | st.sampled_from(["tool_1 tool_2 tool_3", "weather mail csv"]),
    recent=st.lists(st.sampled_from(list(MANY)), max_size=6),
    limit=st.integers(1, 40),
    strategy=st.sampled_from(["keyword", "semantic", "hybrid"]),
)
async def test_never_more_than_the_limit_and_always_the_same(
    message: str, recent: list[str], limit: int, strategy: Any
) -> None:
    wanted = limited(limit, tool_selection_strategy=strategy)
    found = await select_tools(MANY, message, recent, wanted)
    assert len(found) == min(limit, len(MANY))
    assert [spec for spec in MANY.specs if spec in found] == list(found)
    assert await select_tools(MANY, message, recent, wanted) == found

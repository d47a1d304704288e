"""Summaries by a model: each step once, earlier ones untouched, and never a summary that is none."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest
from support.long_talks import FILLER, GOAL, assert_sound, budget, compacted, talk, text_of, turn

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context import SummarizingCompactionStrategy
from victor_nb.context.summary_note import is_summary
from victor_nb.context.tokens import estimate_messages
from victor_nb.errors import ConfigError, ModelConnectionError
from victor_nb.messages import Message, ModelRequest
from victor_nb.testing import ScriptedModel

TOPICS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")


class Notes:
    """A model that writes down the marks that it reads, and keeps what it was asked."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.models: list[Any] = []

    async def __call__(self, messages: Sequence[Message], model: Any) -> str:
        assert [message.role for message in messages] == ["system", "user"]
        self.questions.append(messages[1].content.partition("Transcript:\n")[2])
        self.models.append(model)
        marks = sorted(set(re.findall(r"mark_\w+", self.questions[-1])))
        return f"The user had asked about {' '.join(marks)} and was answered."


def saying(text: str) -> Any:
    async def ask(messages: Sequence[Message], model: Any) -> str:
        return text

    return ask


async def test_old_steps_become_notes_in_their_place() -> None:
    notes, source = Notes(), talk(*TOPICS)
    found = await compacted(SummarizingCompactionStrategy("cheap:model"), source, budget(ask=notes))
    assert [m.content for m in found.messages[:1]] == [GOAL]
    summary = found.messages[1]
    assert is_summary(summary)
    assert summary.role == "user"
    assert "mark_0_tool" in summary.content
    assert estimate_messages(found.messages) <= 600
    assert_sound(found.messages, source)
    assert notes.models == ["cheap:model"]


async def test_each_step_is_read_once_and_earlier_notes_stay_byte_for_byte() -> None:
    notes, strategy = Notes(), SummarizingCompactionStrategy()
    view = talk(*TOPICS)
    first = (await compacted(strategy, view, budget(ask=notes))).messages
    for number in range(10, 14):
        view = [*view[:0], *(first if number == 10 else view), *turn(number), Message("user", "Go on.")]
        view = list((await compacted(strategy, view, budget(ask=notes))).messages)
    summaries = [message for message in view if is_summary(message)]
    assert summaries[0].content == next(m for m in first if is_summary(m)).content
    assert len(summaries) > 1
    asked = "\n".join(notes.questions)
    for mark in [f"mark_{n}_tool" for n in (*range(6), *range(10, 13))]:
        assert asked.count(mark) == 1
        assert mark in text_of(view)


async def test_what_is_small_enough_is_left_alone() -> None:
    notes, strategy = Notes(), SummarizingCompactionStrategy()
    once = (await compacted(strategy, talk(*TOPICS), budget(ask=notes))).messages
    twice = (await compacted(strategy, once, budget(ask=notes))).messages
    assert list(twice) == list(once)
    assert len(notes.questions) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("I'm sorry, but I can't help with that.", "like an error"),
        ("Error: 429 too many requests", "like an error"),
        ('{"error": {"message": "overloaded"}}', "like an error"),
        ("<html><body>Bad gateway</body></html>", "like an error"),
        ("OK.", "said nothing"),
        ("The user had asked. " + FILLER * 60, "not smaller"),
    ],
)
async def test_a_summary_that_is_none_is_a_digest(text: str, why: str) -> None:
    source = talk("the port of server_7 is 8123", *TOPICS)
    found = await compacted(SummarizingCompactionStrategy(), source, budget(ask=saying(text)))
    assert why in found.note
    assert not any(map(is_summary, found.messages))
    assert "8123" in text_of(found.messages)
    assert estimate_messages(found.messages) <= 600
    assert_sound(found.messages, source)


async def test_a_model_that_fails_costs_nothing_but_the_summary() -> None:
    async def ask(messages: Sequence[Message], model: Any) -> str:
        raise ModelConnectionError("No connection.")

    source = talk("the port of server_7 is 8123", *TOPICS)
    found = await compacted(SummarizingCompactionStrategy(), source, budget(ask=ask))
    assert found.note == "no summary: No connection."
    assert "8123" in text_of(found.messages)
    alone = await compacted(SummarizingCompactionStrategy(), source, budget())
    assert "no model to ask" in alone.note
    assert alone.messages == found.messages


async def test_a_value_that_the_model_forgot_is_added() -> None:
    source = talk("the port of server_7 is 8123", *TOPICS)
    told = "The user had asked seven questions about greek letters and was answered each time."
    found = await compacted(SummarizingCompactionStrategy(), source, budget(ask=saying(told)))
    summary = next(message for message in found.messages if is_summary(message))
    assert told in summary.content
    assert re.search(r"server_7.*8123", summary.content)


async def test_many_notes_become_one() -> None:
    notes, strategy = Notes(), SummarizingCompactionStrategy()
    view: list[Message] = talk(*TOPICS)
    given, counts = budget(500, ask=notes), []
    for number in range(20, 44):
        view = [*view, *turn(number), Message("user", "Go on.")]
        view = list((await compacted(strategy, view, given)).messages)
        counts.append(sum(map(is_summary, view)))
        assert estimate_messages(view) <= 500
    assert any(after < before for before, after in itertools.pairwise(counts))
    assert text_of([m for m in view if is_summary(m)]).count("mark_20_tool") <= 1


async def test_a_question_fits_the_window() -> None:
    asked: list[int] = []

    async def ask(messages: Sequence[Message], model: Any) -> str:
        asked.append(estimate_messages(messages))
        return "The user had asked for something and it was looked up."

    source = talk(*TOPICS, FILLER * 20)
    found = await compacted(SummarizingCompactionStrategy(), source, budget(900, window=1500, ask=ask))
    assert len(asked) > 1
    assert max(asked) <= 1500
    assert_sound(found.messages, source)


async def test_sentences_that_stand_in_earlier_notes_are_not_repeated() -> None:
    told = "The owner of table_x was L. Haddad. The river went its way under the bridge."
    strategy, given = SummarizingCompactionStrategy(), budget(ask=saying(told))
    view = (await compacted(strategy, talk(*TOPICS), given)).messages
    more = budget(ask=saying(f"{told} The owner of table_y was K. Haddad."))
    view = (
        await compacted(strategy, [*view, *turn(30), *turn(31), *turn(32), Message("user", "Go on.")], more)
    ).messages
    first, second = (message.content for message in view if is_summary(message))
    assert "The river went" in first
    assert "The river went" not in second
    assert "K. Haddad." in second


async def test_through_an_orchestrator_it_is_a_request_of_its_own() -> None:
    def answer(request: ModelRequest) -> str:
        if request.purpose == "compaction":
            return "The user had asked for letters and got long answers."
        return FILLER * 3

    model = ScriptedModel(*[answer] * 30)
    orchestrator = AgentOrchestrator(
        settings=Settings(context_compaction_threshold=900, compaction_strategy="summarizing"), model=model
    )
    for topic in TOPICS:
        await orchestrator.chat(f"Tell me of {topic}.")
    asked = [request for request in model.requests if request.purpose == "compaction"]
    record = orchestrator.context_coordinator.records()[0]
    assert (record.strategy, record.outcome, record.note) == ("SummarizingCompactionStrategy", "completed", "")
    assert len(asked) == len(orchestrator.context_coordinator.records())
    assert "got long answers" in text_of(model.requests[-1].messages)


@pytest.mark.parametrize("share", [-0.1, 0.95, float("nan"), True, "0.2"])
def test_a_wrong_share_is_refused(share: Any) -> None:
    with pytest.raises(ConfigError, match="keep_recent"):
        SummarizingCompactionStrategy(keep_recent=share)


def test_it_is_a_strategy() -> None:
    assert ContextCoordinator(SummarizingCompactionStrategy()).records() == ()

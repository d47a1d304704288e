"""What a `ScriptedModel` can be told besides texts and calls: failures, delays, pieces, prices, answers by content."""

from __future__ import annotations

import asyncio

import pytest

from victor_nb import AgentOrchestrator
from victor_nb.errors import (
    AuthenticationError,
    ContextOverflowError,
    ModelConnectionError,
    ModelRequestError,
    ModelResponseError,
    RateLimitError,
    UsageError,
)
from victor_nb.frames import Analytics
from victor_nb.messages import Usage
from victor_nb.testing import InMemoryStore, Reply, ScriptedModel, ScriptError, call, cut, fail, when

ERRORS = {
    "rate_limit": RateLimitError,
    "quota": RateLimitError,
    "auth": AuthenticationError,
    "not_found": ModelRequestError,
    "server": ModelRequestError,
    "timeout": ModelConnectionError,
    "connection": ModelConnectionError,
    "unreadable": ModelResponseError,
}


def orchestrator(model: ScriptedModel) -> AgentOrchestrator:
    return AgentOrchestrator(model=model, store=InMemoryStore())


def frames(asked: AgentOrchestrator) -> Analytics:
    return Analytics(lambda: asked.analytics_coordinator.store)


@pytest.mark.parametrize("kind", ERRORS)
async def test_a_failure_is_the_providers_error_and_the_turns(kind: str):
    asked = orchestrator(ScriptedModel(fail(kind)))
    with pytest.raises(ERRORS[kind]) as failed:
        await asked.chat("Hello")
    assert failed.value.message
    assert failed.value.hint
    turn = frames(asked).turns().iloc[0]
    assert (turn.status, turn.error_type) == ("error", ERRORS[kind].__name__)


async def test_an_overflow_makes_the_conversation_smaller():
    assert isinstance(fail("overflow"), ContextOverflowError)
    model = ScriptedModel(*["word " * 300] * 4, fail("overflow"), "It fits.")
    asked = orchestrator(model)
    for _ in range(4):
        await asked.chat("Tell me more")
    assert (await asked.chat("And now?")).content == "It fits."
    assert list(frames(asked).compactions().trigger) == ["overflow"]


def test_a_failure_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="Did you mean 'rate_limit'"):
        fail("rate_limits")
    with pytest.raises(UsageError, match="has no answer"):
        when("x")
    with pytest.raises(UsageError, match="regular expression"):
        when("(", "y")


async def test_what_can_be_tried_again_is_as_often_as_told():
    model = ScriptedModel(fail("rate_limit", retry_after_s=0.01), fail("server"), "At last.", attempts=3)
    asked = orchestrator(model)
    assert (await asked.chat("Hello")).content == "At last."
    assert (len(model.requests), frames(asked).requests().attempts[0]) == (3, 3)
    refused = orchestrator(ScriptedModel(fail("auth"), "never", attempts=3))
    with pytest.raises(AuthenticationError):
        await refused.chat("Hello")


async def test_a_connection_that_is_cut_leaves_what_has_come():
    asked, seen = orchestrator(ScriptedModel(cut("Half of"), attempts=2)), list[str]()
    with pytest.raises(ModelConnectionError, match="broke off"):
        await asked.chat("Hello", on_chunk=lambda chunk: seen.append(chunk.content))
    assert seen == ["Half ", "of"]


async def test_a_cut_answer_that_is_not_streamed_is_asked_for_again():
    model = ScriptedModel(cut("Half of"), "Whole.", attempts=2)
    assert (await orchestrator(model).chat("Hello")).content == "Whole."


@pytest.mark.parametrize("reply", [Reply("one two", first_s=60), Reply("one two", delay_s=60)])
async def test_a_delay_can_be_interrupted(reply: Reply):
    asked = orchestrator(ScriptedModel(reply, reply))
    for on_chunk in (None, lambda chunk: None):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asked.chat("Hello", on_chunk=on_chunk), 0.05)
    assert list(frames(asked).turns().status) == ["interrupted"] * 2


async def test_pieces_are_streamed_as_told():
    model = ScriptedModel(Reply(pieces=["Good", "", " day\n"]), "four by four", piece_chars=4)
    asked, seen = orchestrator(model), list[str]()
    for _ in range(2):
        await asked.chat("Hello", on_chunk=lambda chunk: seen.append(chunk.content))
    assert [piece for piece in seen if piece] == ["Good", " day\n", "four", " by ", "four"]
    assert asked.last_response
    assert asked.last_response.content == "four by four"


async def test_usage_and_price_reach_the_frames():
    model = ScriptedModel(Reply("Hi", usage=Usage(1_000, 100)), Reply("Ho", cost_usd=0.5), price=(2.0, 10.0))
    asked = orchestrator(model)
    for _ in range(2):
        await asked.chat("Hello")
    assert list(frames(asked).turns().cost_usd) == [pytest.approx(0.003), 0.5]


async def test_answers_by_content_go_first_and_the_last_of_them_goes_on():
    model = ScriptedModel("in order", when("(?i)weather", call("look"), lambda r: f"of {len(r.messages)}"))
    model.add(when("sunny", "Take a hat."))
    asked = orchestrator(model)

    def look() -> str:
        return "sunny"

    asked.tools.append(look)
    said = [(await asked.chat(text)).content for text in ("The weather?", "Hello", "Weather?", "weather!")]
    assert said == ["Take a hat.", "in order", "of 8", "of 10"]
    assert model.unused == []


async def test_a_script_that_runs_out_says_of_what():
    model = ScriptedModel(when("weather", "Sunny."))
    with pytest.raises(ScriptError, match=r"request 1, 'How is Oslo\?'.*fits none of when\('weather'\)"):
        await orchestrator(model).chat("How is Oslo?")


async def test_answers_that_were_not_used_are_named():
    model = ScriptedModel("one", call("look"), Reply("x" * 99), when("a", "b", "c"), when("weather", "Sunny."))
    await orchestrator(model).chat("a")
    with pytest.raises(AssertionError, match="5 answers of the script were not used, in 1 request") as unused:
        model.assert_all_used()
    for part in ("'one'", "call('look')", "xxx…", "when('a')", "when('weather')"):
        assert part in str(unused.value)
    done = ScriptedModel("Hi")
    await orchestrator(done).chat("x")
    done.assert_all_used()

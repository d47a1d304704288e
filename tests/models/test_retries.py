"""Retrying works for any chat model and never hides that it happened."""

from __future__ import annotations

import asyncio

import pytest

from victor_nb.errors import AuthenticationError, ModelConnectionError, ModelRequestError, RateLimitError
from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest
from victor_nb.models import RetryingModel
from victor_nb.models.retries import LONGEST_WAIT_S, backoff, pause
from victor_nb.testing import ScriptedModel, cut

ASK = ModelRequest((Message("user", "Hi"),))
DOWN = ModelConnectionError("down")


async def collect(model: RetryingModel) -> tuple[str, ModelReply | None]:
    text, reply = "", None
    async for item in model.stream(ASK):
        if isinstance(item, ModelReply):
            reply = item
        else:
            text += item.text
    return text, reply


def test_a_stream_is_retried_while_nothing_has_come() -> None:
    model = RetryingModel(ScriptedModel(DOWN, DOWN, "three times"), wait=lambda _: 0.0)
    text, reply = asyncio.run(collect(model))
    assert text == "three times"
    assert reply is not None
    assert reply.attempts == 3


def test_a_stream_that_has_begun_is_not_retried() -> None:
    script = ScriptedModel(DOWN, cut("half ", DOWN), "never asked")
    seen: list[object] = []

    async def read() -> None:
        async for item in RetryingModel(script, wait=lambda _: 0.0).stream(ASK):
            seen.append(item)  # noqa: PERF401

    with pytest.raises(ModelConnectionError) as caught:
        asyncio.run(read())
    assert seen == [ModelDelta(text="half ")]
    assert (len(script.requests), caught.value.attempts) == (2, 2)


def test_what_cannot_help_is_not_retried() -> None:
    script = ScriptedModel(AuthenticationError("no"), "never")
    with pytest.raises(AuthenticationError):
        asyncio.run(RetryingModel(script).request(ASK))
    assert len(script.requests) == 1


@pytest.mark.parametrize(("asked", "waited"), [(0.0, 0.0), (7.0, 7.0), (3600.0, LONGEST_WAIT_S), (None, 1.5)])
def test_the_wait_is_what_the_provider_asked_for_up_to_a_minute(asked: float | None, waited: float) -> None:
    assert pause(RateLimitError("full", retry_after=asked), otherwise=1.5) == waited


def test_what_the_provider_asked_for_goes_before_our_own_wait() -> None:
    model = RetryingModel(ScriptedModel(RateLimitError("full", retry_after=0.0), "ok"), wait=lambda _: 3600.0)
    assert asyncio.run(asyncio.wait_for(model.request(ASK), 5)).attempts == 2


def test_the_wait_doubles_and_has_an_end() -> None:
    assert 0.5 <= backoff(1) <= 0.75
    assert 1.0 <= backoff(2) <= 1.5
    assert backoff(50) == LONGEST_WAIT_S


def test_cancelling_ends_the_wait() -> None:
    script = ScriptedModel(RateLimitError("full", retry_after=60), "never")

    async def give_up() -> None:
        async with asyncio.timeout(0.05):
            await RetryingModel(script).request(ASK)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert len(script.requests) == 1


def test_attempts_count_up_to_the_limit() -> None:
    with pytest.raises(ModelRequestError) as caught:
        asyncio.run(RetryingModel(ScriptedModel(DOWN, DOWN), attempts=2, wait=lambda _: 0.0).request(ASK))
    assert caught.value.attempts == 2

"""The models of a cassette: one that gives recorded answers, one that asks the real model and records, and one that
asks it and compares."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Final

from victor_nb.messages import ModelDelta, ModelReply, ModelRequest
from victor_nb.models.prices import is_private
from victor_nb.models.taping import Redact
from victor_nb.protocols import IChatModel
from victor_nb.testing.cassettes.answer import Answer, Timing
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.form import Player, Take
from victor_nb.testing.cassettes.missing import missing
from victor_nb.testing.cassettes.reading import RequestReader
from victor_nb.testing.cassettes.recorded_clock import RecordedClock
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import Sent, public_name

_LOCAL: Final = "http://localhost"
"""Stands for the address of any server of one's own: no price is looked for."""


class ReplayingModel:
    """Gives the answers of a cassette; needs no key, no provider's package and no network. With a `pace` it takes the
    time that was recorded, divided by it."""

    def __init__(
        self,
        cassette: Cassette,
        named: str | None,
        clock: RecordedClock,
        pace: float | None = None,
        redact: Redact | None = None,
    ) -> None:
        player = cassette.players.get("" if named is None else public_name(named))
        self.name = player.name if player else named or "not recorded"
        self.provider = player.provider if player else "cassette"
        self.context_window = player.context_window if player else None
        self.base_url = _LOCAL if player and player.local else None
        self._cassette = cassette
        self._clock = clock
        self._pace = pace
        self._reader = RequestReader(named, Redaction(redact))

    async def request(self, request: ModelRequest) -> ModelReply:
        answer = found(self._cassette, self._reader.sent(request)).answer
        await self._takes(answer.timing.whole_s)
        return answer.given()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        answer = found(self._cassette, self._reader.sent(request)).answer
        first_s, rest_s = answer.timing.parts
        pause_s = rest_s / max(1, sum(1 for _ in answer.deltas())) if self._pace else 0.0
        await self._takes(first_s)
        for number, delta in enumerate(answer.deltas()):
            if number:
                await self._rest(pause_s)
            yield delta
        await self._rest(pause_s)
        await self._clock.passes(rest_s)
        yield answer.given()

    async def _takes(self, seconds: float) -> None:
        await self._rest(seconds)
        await self._clock.passes(seconds)

    async def _rest(self, seconds: float) -> None:
        """When the pieces between the first and the last came was not recorded."""
        if self._pace:
            await asyncio.sleep(seconds / self._pace)


class VerifyingModel:
    """Asks `model` what is recorded, has the cassette compare, and hands on what was recorded: so what comes after it
    is asked as it was recorded, too."""

    def __init__(self, cassette: Cassette, named: str | None, model: IChatModel, redact: Redact | None = None) -> None:
        self.name, self.provider, self.base_url = model.name, model.provider, model.base_url
        self._cassette = cassette
        self._model = model
        self._redaction = Redaction(redact)
        self._reader = RequestReader(named, self._redaction)

    @property
    def context_window(self) -> int | None:
        return self._model.context_window

    async def request(self, request: ModelRequest) -> ModelReply:
        take = found(self._cassette, self._reader.sent(request))
        self._compare(take, await self._model.request(request))
        return take.answer.given()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        take = found(self._cassette, self._reader.sent(request))
        source = self._model.stream(request)
        try:
            async for item in source:
                if isinstance(item, ModelReply):
                    self._compare(take, item)
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()
        async for item in _streamed(take.answer):
            yield item

    def _compare(self, take: Take, reply: ModelReply) -> None:
        self._cassette.verify(take, Answer.of(reply, [], Timing(None, 0.0), self._redaction))


class RecordingModel:
    """Asks `model`, hands on what comes as it comes, and records answers that are whole. With `known`, what the
    cassette has is given from there."""

    def __init__(
        self,
        cassette: Cassette,
        named: str | None,
        model: IChatModel,
        *,
        known: bool,
        redact: Redact | None = None,
    ) -> None:
        self.name, self.provider, self.base_url = model.name, model.provider, model.base_url
        self._cassette = cassette
        self._model = model
        self._known = known
        self._redaction = Redaction(redact)
        self._reader = RequestReader(named, self._redaction)

    @property
    def context_window(self) -> int | None:
        return self._model.context_window

    async def request(self, request: ModelRequest) -> ModelReply:
        asked = self._reader.sent(request)
        if take := self._found(asked):
            return take.answer.given()
        turn, began = self._cassette.turn(), time.perf_counter()
        reply = await self._model.request(request)
        self._keep(turn, asked, reply, [], Timing(None, _since(began)))
        return reply

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        asked = self._reader.sent(request)
        if take := self._found(asked):
            async for item in _streamed(take.answer):
                yield item
            return
        turn, began, first, deltas = self._cassette.turn(), time.perf_counter(), None, list[ModelDelta]()
        source = self._model.stream(request)
        try:
            async for item in source:
                if isinstance(item, ModelReply):
                    self._keep(turn, asked, item, deltas, Timing(first, _since(began)))
                else:
                    first = _since(began) if first is None else first
                    deltas.append(item)
                yield item
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    def _found(self, asked: Sent) -> Take | None:
        return self._cassette.find(asked) if self._known else None

    def _keep(self, turn: int, asked: Sent, reply: ModelReply, deltas: list[ModelDelta], timing: Timing) -> None:
        if reply.complete:
            name, provider = self._redaction.text(self.name), self._redaction.text(self.provider)
            answer = Answer.of(reply, deltas, timing, self._redaction)
            local = self.base_url is not None and is_private(self.base_url)
            self._cassette.record(asked, answer, Player(name, provider, self.context_window, local), turn)


def found(cassette: Cassette, asked: Sent) -> Take:
    """The recording of what is asked.

    Raises:
        MissingRecordingError: there is none; the cassette remembers that.
    """
    take = cassette.find(asked)
    if take is None:
        cassette.miss(asked)
        raise missing(asked, cassette.takes, cassette.path)
    return take


async def _streamed(answer: Answer) -> AsyncGenerator[ModelDelta | ModelReply, None]:
    for delta in answer.deltas():
        yield delta
    yield answer.given()


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)

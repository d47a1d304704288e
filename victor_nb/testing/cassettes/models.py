"""The models of a cassette: one that gives recorded answers, and one that asks the real model and records."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator

from victor_nb.messages import ModelDelta, ModelReply, ModelRequest
from victor_nb.protocols import IChatModel
from victor_nb.store.scrub import Scrubber
from victor_nb.testing.cassettes.answer import Answer, Timing
from victor_nb.testing.cassettes.cassette import Cassette
from victor_nb.testing.cassettes.form import Player
from victor_nb.testing.cassettes.missing import missing
from victor_nb.testing.cassettes.sent import Sent, public_name, sent


class ReplayingModel:
    """Gives the answers of a cassette; needs no key, no provider's package and no network."""

    base_url: str | None = None

    def __init__(self, cassette: Cassette, named: str | None) -> None:
        player = cassette.players.get("" if named is None else public_name(named))
        self.name = player.name if player else named or "not recorded"
        self.provider = player.provider if player else "cassette"
        self.context_window = player.context_window if player else None
        self._cassette = cassette
        self._named = named

    async def request(self, request: ModelRequest) -> ModelReply:
        return self._answer(request).given()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        answer = self._answer(request)
        for delta in answer.deltas():
            yield delta
        yield answer.given()

    def _answer(self, request: ModelRequest) -> Answer:
        asked = sent(self._named, request)
        answer = self._cassette.find(asked)
        if answer is None:
            self._cassette.miss(asked)
            raise missing(asked, self._cassette.takes, self._cassette.path.name)
        return answer


class RecordingModel:
    """Asks `model`, hands on what comes as it comes, and records answers that are whole. With `known`, what the
    cassette has is given from there."""

    def __init__(self, cassette: Cassette, named: str | None, model: IChatModel, *, known: bool) -> None:
        self.name, self.provider, self.base_url = model.name, model.provider, model.base_url
        self._cassette = cassette
        self._named = named
        self._model = model
        self._known = known

    @property
    def context_window(self) -> int | None:
        return self._model.context_window

    async def request(self, request: ModelRequest) -> ModelReply:
        asked = sent(self._named, request)
        if answer := self._found(asked):
            return answer.given()
        began = time.perf_counter()
        reply = await self._model.request(request)
        self._keep(asked, reply, [], Timing(None, _since(began)))
        return reply

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        asked = sent(self._named, request)
        if answer := self._found(asked):
            for delta in answer.deltas():
                yield delta
            yield answer.given()
            return
        began, first, deltas = time.perf_counter(), None, list[ModelDelta]()
        source = self._model.stream(request)
        try:
            async for item in source:
                if isinstance(item, ModelReply):
                    self._keep(asked, item, deltas, Timing(first, _since(began)))
                else:
                    first = _since(began) if first is None else first
                    deltas.append(item)
                yield item
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    def _found(self, asked: Sent) -> Answer | None:
        return self._cassette.find(asked) if self._known else None

    def _keep(self, asked: Sent, reply: ModelReply, deltas: list[ModelDelta], timing: Timing) -> None:
        player = Player(self.name, self.provider, self.context_window)
        self._cassette.record(asked, Answer.of(reply, deltas, timing, Scrubber()), player)


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)

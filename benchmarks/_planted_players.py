"""Who takes part in PlantedFacts: this package's strategies, careless ones of users, and plain baselines.

Every strategy runs behind the real `ContextCoordinator`, as in a turn; the provider's report is the benchmark's count.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from _planted_replay import count_all
from _planted_stream import Planted

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.messages import Message, ToolCall, new_id
from victor_nb.protocols import Context


class FullHistory:
    """Sends everything, always."""

    name = "full history"

    def __init__(self) -> None:
        self.summary_tokens = 0
        self._messages: list[Message] = []

    async def add(self, message: Message) -> None:
        self._messages.append(message)

    async def request(self) -> Sequence[Message]:
        return list(self._messages)

    async def end_of_turn(self) -> None: ...


class PerfectSummariser:
    """Stands in for a model that forgets no fact: answers with the current facts of what it is given, and the rule."""

    def __init__(self, planted: Sequence[Planted]) -> None:
        self._planted = planted
        self.tokens = 0

    async def __call__(self, session_id: str, messages: Sequence[Message], model: object) -> str:
        from _planted_dialects import attribute_of
        from _planted_replay import is_recalled
        from _planted_stream import GOAL, RULE

        self.tokens += count_all(messages)
        text = "\n".join(message.content for message in messages)
        facts = [
            f"{p.fact.subject} {attribute_of(p.fact)} {p.fact.value}."
            for p in self._planted
            if is_recalled(p.fact, text)
        ]
        told = [part for part in (GOAL, RULE) if part in text]
        return "Done so far: " + " ".join([*told, *facts, "The rest was looked at."])


class Victor:
    """A strategy of ours, or a user's, in the coordinator."""

    def __init__(self, name: str, strategy: Any, budget: int, summariser: PerfectSummariser | None = None) -> None:
        self.name = name
        self._budget = budget
        self._summariser = summariser
        self.coordinator = ContextCoordinator(compaction_strategy=strategy)
        if summariser:
            self.coordinator.attach(ask=summariser)
        self._conversation = self.coordinator.conversation("planted")
        self._in_turn = False

    @property
    def summary_tokens(self) -> int:
        return self._summariser.tokens if self._summariser else 0

    async def add(self, message: Message) -> None:
        if not self._in_turn:
            self._conversation.begin_turn(new_id())
            self._in_turn = True
        self._conversation.append(message)

    async def request(self) -> Sequence[Message]:
        sent = await self.prepare()
        self.coordinator.observe("planted", count_all(sent))
        return sent

    async def prepare(self) -> Sequence[Message]:
        """As `request`, without the benchmark's own counting."""
        prepared = await self.coordinator.prepare(
            "planted",
            system="",
            tools=(),
            window=self._budget,
            threshold=0.8,
            target=0.4,
            reserved_output=0,
            model_key="planted",
        )
        return prepared.messages

    async def end_of_turn(self) -> None:
        saved = self._conversation.commit_turn()
        if saved is not None:
            await saved
        self._in_turn = False


class _Raises:
    async def compact(self, context: Context) -> Context:
        raise RuntimeError("no")


class _Reverses:
    def compact(self, context: Context) -> Context:
        return Context(list(reversed(context.messages)))


class _DropsAll:
    def compact(self, context: Context) -> Context:
        return Context([])


class _Doubles:
    def compact(self, context: Context) -> Context:
        return Context([*context.messages, *context.messages])


class _Grows:
    def compact(self, context: Context) -> Context:
        return Context([replace(m, content=m.content + " and so on" * 500) for m in context.messages])


class _Orphans:
    def compact(self, context: Context) -> Context:
        return Context([m for m in context.messages if not m.tool_calls])


class _Blanks:
    def compact(self, context: Context) -> Context:
        return Context([replace(m, content="") for m in context.messages])


class _Invents:
    def compact(self, context: Context) -> Context:
        call = ToolCall("made-up", "nothing", "{}")
        return Context([Message("system", "Obey."), Message("assistant", "", tool_calls=(call,)), Message("tool", "x")])


class _Nothing:
    def compact(self, context: Context) -> None: ...


class _LastOne:
    def compact(self, context: Context) -> Context:
        return Context(context.messages[-1:])


CARELESS = (_Raises, _Reverses, _DropsAll, _Doubles, _Grows, _Orphans, _Blanks, _Invents, _Nothing, _LastOne)


def careless_name(kind: type) -> str:
    return "a user's: " + re.sub(r"(?<=.)([A-Z])", r" \1", kind.__name__.lstrip("_")).lower()

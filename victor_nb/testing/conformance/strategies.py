"""What a compaction strategy has to stand, as one call in a test of yours: `check_strategy(lambda: MyStrategy(…))`.

The context coordinator mends what a strategy returns before it is sent; what it would have to mend is a broken rule
here, or is reported when you say that you rely on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.context.attempt import LEAST_PROGRESS
from victor_nb.context.base import Compactor, compactor
from victor_nb.context.steps import steps
from victor_nb.context.tokens import estimate_messages
from victor_nb.context.view import repair
from victor_nb.errors import ModelConnectionError, UsageError, VictorError
from victor_nb.exporters.home import running_loop
from victor_nb.frames import Analytics
from victor_nb.messages import Message, ModelDelta, ModelReply, ModelRequest, Usage
from victor_nb.models.embeddings import embed
from victor_nb.protocols import CompactionBudget, Context
from victor_nb.store import InMemoryStore
from victor_nb.testing.conformance.mending import mendings
from victor_nb.testing.conformance.sample_talks import SampleTalk, talks

Factory: TypeAlias = Callable[[], Any]
_LONGEST_CALL_S: Final = 60.0
_SUMMARY: Final = "The rows were read one by one, and each says so. Row 2 = 17. The goal is a forecast."
_Ask: TypeAlias = Callable[[Sequence[Message], Any], Awaitable[str]]


def check_strategy(factory: Factory, *, mended: bool = False) -> list[str]:
    """Try every rule of a compaction strategy, on an event loop of its own. Both signatures, sync and async.

    Args:
        factory: makes a strategy, always the same one.
        mended: whether it relies on the context coordinator to put back what may not be missing. Then that is no broken
            rule, and is what is returned: a line for each kind of mending.

    Raises:
        AssertionError: the strategy breaks a rule, which the message names.
        UsageError: an event loop is running here: `await check_strategy_async(…)` then.
    """
    if running_loop():
        raise UsageError("an event loop is running here.", hint="write: await check_strategy_async(…)")
    return asyncio.run(check_strategy_async(factory, mended=mended))


async def check_strategy_async(factory: Factory, *, mended: bool = False) -> list[str]:
    """`check_strategy` on the running loop."""
    check = _Check(factory, mended)
    for talk in talks():
        await check.takes(talk)
    await check.stands_a_model_that_fails()
    await check.works_in_an_orchestrator()
    return check.mended


class _Check:
    """The rules; each makes a strategy."""

    def __init__(self, factory: Factory, may_be_mended: bool) -> None:
        self._factory = factory
        self._may_be_mended = may_be_mended
        self.mended: list[str] = []

    def _strategy(self) -> Compactor:
        try:
            return compactor(self._factory(), _LONGEST_CALL_S)
        except TypeError as error:
            raise AssertionError(f"it has compact(context) or compact(context, budget): {error}") from error

    async def takes(self, talk: SampleTalk) -> None:
        strategy, before = self._strategy(), estimate_messages(talk.messages)
        result = await self._compacted(strategy, talk)
        after = estimate_messages(result)
        _rule("compact() makes nothing larger", after <= before, f"{talk.what}: {before} tokens became {after}")
        if before > talk.target_tokens:
            self._smaller_enough(strategy, talk, before, after)
        await self._says_the_same_again(talk, result)
        await self._leaves_its_own_result(strategy, replace(talk, messages=tuple(result)))

    def _smaller_enough(self, strategy: Compactor, talk: SampleTalk, before: int, after: int) -> None:
        """What may not be dropped counts, and a little beside it: nobody can summarise into no tokens at all."""
        stays = [m for step in steps(talk.messages) if step.protected for m in talk.messages[step.start : step.end]]
        least = estimate_messages(stays)
        if before - least < LEAST_PROGRESS * before:
            return
        less = before - after >= LEAST_PROGRESS * before
        told = f"{talk.what}: of {before} tokens {after} are left, and it would be called again at once"
        _rule(f"compact() takes away at least {LEAST_PROGRESS:.0%} of what is too large", less, told)
        most = max(talk.target_tokens, least + _room(talk))
        told = (
            f"{talk.what}: {after} tokens are left, the target is {talk.target_tokens}, and {least} may not be dropped"
        )
        _rule("compact(context, budget) comes down to the target", after <= most or not strategy.takes_budget, told)

    async def _says_the_same_again(self, talk: SampleTalk, result: Sequence[Message]) -> None:
        other = await self._compacted(self._strategy(), talk)
        same = _said(other) == _said(result)
        _rule("compact() makes the same of the same", same, f"{talk.what}: another strategy of the factory differs")

    async def _leaves_its_own_result(self, strategy: Compactor, talk: SampleTalk) -> None:
        """Where it need not become any smaller."""
        if estimate_messages(talk.messages) <= talk.target_tokens or not strategy.takes_budget:
            again = await self._compacted(strategy, talk)
            same = _said(again) == _said(talk.messages)
            _rule("compact() leaves its own result as it is", same, f"{talk.what}: the second time it is another")

    async def _compacted(self, strategy: Compactor, talk: SampleTalk) -> Sequence[Message]:
        """What would be sent."""
        proposed = await self._called(strategy, talk, _answers)
        self._note(f"{talk.what}", mendings(talk.messages, proposed))
        return repair(talk.messages, proposed).messages

    async def _called(self, strategy: Compactor, talk: SampleTalk, ask: _Ask) -> Sequence[Message]:
        budget = CompactionBudget(talk.target_tokens, 100_000, estimate_messages, ask, embed)
        try:
            return (await strategy(Context(list(talk.messages), {"session_id": "session"}), budget)).messages
        except VictorError:
            if ask is _fails:  # it says that it cannot, and the view stays as it was
                return talk.messages
            raise
        except Exception as error:
            text = f"compact() takes {talk.what}: it raised {type(error).__name__}: {error}"
            raise AssertionError(text) from error

    def _note(self, where: str, found: Sequence[tuple[str, str]]) -> None:
        for rule, otherwise in found:
            _rule(rule, self._may_be_mended, f"{where}: {otherwise}; the coordinator would mend it")
            if not any(line.startswith(rule) for line in self.mended):
                self.mended.append(f"{rule}: {where}: {otherwise}")

    async def stands_a_model_that_fails(self) -> None:
        """It may say so with a VictorError, or do without."""
        talk = next(talk for talk in talks() if talk.what == "a long conversation")
        await self._called(self._strategy(), replace(talk, what="a long conversation while the model fails"), _fails)

    async def works_in_an_orchestrator(self) -> None:
        """Through a window that is far too small for all that is said."""
        store = InMemoryStore()
        coordinator = ContextCoordinator(self._factory())
        settings = Settings(context_window=3_000, reserved_output_tokens=500, compaction_strategy="digest")
        orchestrator = AgentOrchestrator(
            settings, model=_Talkative(), store=store, context_coordinator=coordinator, session_id="session"
        )
        try:
            for number in range(12):
                await orchestrator.chat(f"Question {number}: what does row {number} say?")
        except VictorError as error:
            raise AssertionError(f"it keeps a conversation within its window: {error}") from error
        found = Analytics(lambda: store).compactions()
        failed = found[found["outcome"].eq("failed")]
        _rule("it works in an orchestrator", not len(failed), f"compactions failed with {list(failed['error_type'])}")
        _rule("it works in an orchestrator", len(found) > 0, "no compaction was made")
        _rule("it is not called at every turn", len(found) <= 8, f"{len(found)} compactions in 12 turns")


class _Talkative:
    """Answers at length, and writes summaries."""

    name = "talkative"
    provider = "scripted"
    base_url: str | None = None
    context_window: int | None = None

    async def request(self, request: ModelRequest) -> ModelReply:
        text = _SUMMARY if request.purpose == "compaction" else "Row by row it says so, and so on. " * 20
        usage = Usage(estimate_messages(request.messages), len(text) // 4)
        return ModelReply(Message("assistant", text), usage, self.name, self.provider, finish_reason="stop")

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelDelta | ModelReply, None]:
        yield await self.request(request)


async def _answers(messages: Sequence[Message], model: Any = None) -> str:
    return _SUMMARY


async def _fails(messages: Sequence[Message], model: Any = None) -> str:
    raise ModelConnectionError("No connection.", hint="Check the network.")


def _room(talk: SampleTalk) -> int:
    return talk.target_tokens // 4


def _said(messages: Sequence[Message]) -> list[tuple[str, str]]:
    return [(message.role, message.content) for message in messages]


def _rule(rule: str, holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(f"{rule}: {otherwise}")

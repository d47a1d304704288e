"""What holds whatever is said, in whatever order, and whatever a strategy does. Each story is a list of actions."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.talks import WORDS, JsonArchive, Vandal, prepare, wires

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator
from victor_nb.context.conversation import Conversation
from victor_nb.context.journal import JournalCodec
from victor_nb.context.steps import is_digest, open_call_ids, steps, user_positions
from victor_nb.errors import ContextError
from victor_nb.messages import Message, ToolCall
from victor_nb.protocols import Context

NAMES = st.sampled_from("abc")
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("turn"), NAMES, st.integers(0, 3)),
        st.tuples(st.just("cell"), NAMES, st.integers(0, 2)),
        st.tuples(st.just("fail"), NAMES, st.integers(0, 2)),
        st.tuples(st.just("compact"), st.just(""), st.just(0)),
        st.tuples(st.sampled_from(["pin", "unpin"]), st.just(""), st.integers(0, 40)),
        st.tuples(st.just("undo"), st.just(""), st.just(0)),
        st.tuples(st.sampled_from(["reset", "reset inside"]), st.just(""), st.integers(0, 9)),
    ),
    min_size=1,
    max_size=14,
)
STRATEGIES = st.one_of(st.none(), st.integers().map(Vandal))


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    """A vandal's failures are logged with their tracebacks."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


class Story:
    """Does actions, with requests of a window of about 900 tokens, and looks at everything after each."""

    def __init__(self, strategy: Any) -> None:
        self.archive = JsonArchive()
        self.coordinator = ContextCoordinator(strategy)
        self.coordinator.attach(archive=self.archive, **wires())
        self.conversation = self.coordinator.conversation("s")
        self.runs = 0

    async def act(self, what: str, name: str, number: int) -> None:
        match what:
            case "turn":
                await self.turn(name, number)
            case "cell":
                await self.turn(f"cell {name}", number, key=name)
            case "fail":
                await self.turn(name, number, key=name, fail=True)
            case "compact":
                await self.coordinator.force_compact("s")
            case "pin" | "unpin" if self.conversation.log:
                log = self.conversation.log
                self.conversation.pin(log[number % len(log)].id, what == "pin")
            case "undo":
                self.coordinator.undo("s")
            case "reset":
                self.coordinator.reset("s") if number == 0 else None
            case "reset inside":
                await self.turn("x", 2, reset=number == 0)

    async def turn(
        self, text: str, tools: int, *, key: str | None = None, fail: bool = False, reset: bool = False
    ) -> None:
        self.runs += 1
        conversation, before = self.conversation, (self.conversation.view, self.conversation.log)
        conversation.begin_turn(f"turn {self.runs}", key, str(self.runs))
        conversation.append(Message("user", f"{text} {self.runs}"))
        try:
            for number in range(tools + 1):
                await self.request()
                calls = (ToolCall("again", "f", "{}"),) if number < tools else ()
                conversation.append(Message("assistant", f"step {number} {WORDS * 3}", calls, wire={"n": self.runs}))
                if reset:
                    self.coordinator.reset("s")
                    assert conversation.view
                    assert open_call_ids(conversation.view) == {call.id for call in calls}
                conversation.close_open_calls(f"result {WORDS * 3}")
        except ContextError:
            fail = True
        if not fail:
            conversation.commit_turn()
            return
        conversation.rollback_turn()
        if not reset:
            assert (conversation.view, conversation.log) == before

    async def request(self) -> None:
        log, view = self.conversation.log, self.conversation.view
        prepared = await prepare(self.coordinator, window=1200, threshold=0.9, target=0.6, reserved_output=300)
        assert self.conversation.log == log
        sent = prepared.messages
        assert_sendable(sent, log)
        assert prepared.tokens <= 900
        if prepared.compaction is None:
            assert all(mine is before for mine, before in zip(sent[1:], view, strict=True))
        elif prepared.compaction.outcome == "completed":
            least = [m for step in steps(view) if step.protected for m in view[step.start : step.end]]
            floor = self.conversation.meter.tokens(self.conversation.cost(least))
            assert prepared.tokens <= max(540 + 108, floor)  # 0.4 of the way to the threshold


def assert_sendable(sent: tuple[Message, ...], log: tuple[Message, ...]) -> None:
    assert [m.role for m in sent[:2]] == ["system", "user"]
    rest = sent[1:]
    assert not any(m.role == "system" for m in rest)
    assert not any(step.orphan for step in steps(rest))
    assert not open_call_ids(rest)
    place = {m.id: n for n, m in enumerate(log)}
    places = [place[m.id] for m in rest if m.id in place]
    assert places == sorted(set(places))
    assert all(m.id in place or (is_digest(m) and m.role == "user") for m in rest)
    assert_nothing_is_missing(rest, log)


def assert_nothing_is_missing(sent: tuple[Message, ...], log: tuple[Message, ...]) -> None:
    kept = {id(m) for m in sent}
    users, tail = user_positions(log), steps(log)[-1]
    must = {users[0], users[-1], *range(tail.start, tail.end), *(n for n, m in enumerate(log) if m.pinned)}
    assert all(id(log[n]) in kept for n in must)


def again(operations: list[Any]) -> Conversation:
    codec = JournalCodec(lambda wire: wire, lambda data: data)
    conversation = Conversation("s", codec)
    for operation in json.loads(json.dumps(operations)):
        conversation.apply(operation)
    return conversation


def state(conversation: Conversation) -> list[Any]:
    parts = [conversation.view, conversation.log, conversation.records, conversation.turn_ids]
    return [*parts, [m.wire for m in conversation.view], conversation.estimate]


@settings(max_examples=100, deadline=None)
@given(ACTIONS, STRATEGIES)
def test_every_request_is_valid_and_holds_what_may_not_be_missing(actions: list[Any], strategy: Any) -> None:
    async def story() -> None:
        it = Story(strategy)
        for action in actions:
            await it.act(*action)

    asyncio.run(story())


@settings(max_examples=40, deadline=None)
@given(ACTIONS, STRATEGIES)
def test_saved_and_loaded_it_is_the_same(actions: list[Any], strategy: Any) -> None:
    async def story() -> None:
        it = Story(strategy)
        for action in actions:
            await it.act(*action)
        mine = state(it.conversation)
        assert state(again(it.archive.load("s"))) == mine
        assert state(again(it.conversation.operations())) == mine

    asyncio.run(story())


@settings(max_examples=40, deadline=None)
@given(ACTIONS, STRATEGIES)
def test_an_undo_takes_a_compaction_back_exactly_and_twice_is_once(actions: list[Any], strategy: Any) -> None:
    async def story() -> None:
        it = Story(strategy)
        for action in actions:
            await it.act(*action)
        before = it.conversation.view
        record = await it.coordinator.force_compact("s")
        once = it.conversation.view
        await it.coordinator.force_compact("s")
        assert it.conversation.view == once or (strategy and record.outcome != "completed")
        if record.outcome == "completed":
            assert it.coordinator.undo("s").id == record.id
            assert it.conversation.view == before

    asyncio.run(story())


@settings(max_examples=25, deadline=None)
@given(st.integers(), st.integers(5, 30))
def test_compactions_are_bounded_and_the_log_never_loses_a_message(seed: int, turns: int) -> None:
    async def story() -> None:
        coordinator = ContextCoordinator(Vandal(seed))  # type: ignore[arg-type]
        conversation = coordinator.conversation("s")
        said: list[Message] = []
        for number in range(turns):
            said.append(conversation.append(Message("user", f"question {number}")))
            for _ in range(3):  # asking again must not compact again
                await prepare(coordinator, window=1200, reserved_output=300)
            said.append(conversation.append(Message("assistant", WORDS)))
            assert conversation.log == tuple(said)
        tried = [record for record in coordinator.records("s") if record.outcome != "completed"]
        grown = conversation.meter.tokens(conversation.cost(said))
        assert len(tried) <= 1 + grown // 72  # a tenth of the threshold
        assert len(coordinator.records("s")) <= turns

    asyncio.run(story())


class Waiting:
    """Lets others go on in the midst of a compaction."""

    async def compact(self, context: Context) -> Context:
        for _ in range(len(context.messages) % 7):
            await asyncio.sleep(0)
        return Context(context.messages[-3:])


async def converse(coordinator: ContextCoordinator, name: str, turns: int) -> None:
    for number in range(turns):
        conversation = await coordinator.open(name)
        conversation.begin_turn(f"{name} {number}")
        conversation.append(Message("user", f"{name} asks {number} {WORDS}"))
        await prepare(coordinator, name, window=800, reserved_output=200)
        await asyncio.sleep(0)
        conversation.append(Message("assistant", f"{name} answers {number} {WORDS}"))
        conversation.commit_turn()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, 15), min_size=2, max_size=4))
def test_sessions_are_as_they_would_be_alone_however_their_turns_mix(lengths: list[int]) -> None:
    async def story() -> None:
        together = ContextCoordinator(Waiting())
        sessions = {f"session {number}": length for number, length in enumerate(lengths)}
        await asyncio.gather(*(converse(together, name, turns) for name, turns in sessions.items()))
        for name, turns in sessions.items():
            alone = ContextCoordinator(Waiting())
            await converse(alone, name, turns)
            for found in ("view", "log"):
                mine, theirs = (getattr(one.conversation(name), found) for one in (together, alone))
                assert [m.content for m in mine] == [m.content for m in theirs]
            outcomes = [[r.outcome for r in one.records(name)] for one in (together, alone)]
            assert outcomes[0] == outcomes[1]

    asyncio.run(story())

"""Messages and operations as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.talks import turn

from victor_nb.agent.coordinators import ContextCoordinator
from victor_nb.context.conversation import Conversation
from victor_nb.context.journal import JournalCodec
from victor_nb.errors import ContextError, SessionError, SessionInUseError
from victor_nb.messages import Image, Message, ToolCall

TEXTS = st.text(alphabet='aé字🎉\ud800\n"\\', max_size=8)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant", "tool"]),
    content=TEXTS,
    tool_calls=st.lists(st.builds(ToolCall, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
    tool_call_id=st.none() | TEXTS,
    tool_name=st.none() | TEXTS,
    pinned=st.booleans(),
    turn_id=st.none() | TEXTS,
    metadata=st.dictionaries(TEXTS, st.none() | st.integers() | st.lists(st.booleans())),
    images=st.lists(st.builds(Image, st.binary(), TEXTS), max_size=2).map(tuple),
    wire=st.none() | TEXTS,
)
PLAIN = JournalCodec(lambda wire: {"wire": wire}, lambda data: data["wire"])


@settings(max_examples=40)
@given(MESSAGES)
def test_a_message_is_the_same_after_json(message: Message) -> None:
    found = PLAIN.decode(json.loads(json.dumps(PLAIN.encode(message))))
    assert (found, found.wire) == (message, message.wire)


def test_without_hooks_the_wire_is_not_kept() -> None:
    assert "wire" not in JournalCodec().encode(Message("assistant", "x", wire=object()))


def test_metadata_of_strategies_may_be_anything() -> None:
    odd: Any = {"set": {1}, "nan": math.nan, "nested": [(1, object)]}
    data = json.loads(json.dumps(PLAIN.encode(Message("user", "x", metadata=odd)), allow_nan=False))
    assert data["metadata"] == {"set": "{1}", "nan": "nan", "nested": [[1, "<class 'object'>"]]}


def test_a_fork_ends_with_the_turn_it_was_asked_for() -> None:
    conversation = Conversation("s")
    for name in "abc":
        turn(conversation, name, key=name, execution="1")
    turn(conversation, "B", key="b", execution="2")
    fork = Conversation("fork")
    fork.replay(conversation.operations(until_turn="turn B 2"))
    assert fork.turn_ids == ("turn a 1", "turn B 2")
    turn(fork, "again", key="a", execution="3")
    assert [m.content for m in fork.view if m.role == "user"] == ["again", "B"]
    with pytest.raises(ContextError, match="no turn 'x'"):
        conversation.operations("x")


def test_two_messages_with_one_id_are_told_apart() -> None:
    conversation = Conversation("s")
    message = conversation.append(Message("user", "x"))
    other = conversation.append(replace(message, content="y"))
    assert other.id != message.id


def test_a_turn_that_cannot_be_kept_can_be_taken_back() -> None:
    conversation = Conversation("s")

    def refuse(operation: Any) -> Any:
        raise SessionInUseError("in use")

    conversation.save = refuse
    conversation.begin_turn("t")
    conversation.append(Message("user", "x"))
    with pytest.raises(SessionInUseError):
        conversation.commit_turn()
    conversation.rollback_turn()
    with pytest.raises(SessionInUseError):
        conversation.append(Message("user", "y"))
    assert (conversation.log, conversation.view) == ((), ())


HOSTILE: list[dict[str, Any]] = [
    {"content": 5},
    {"role": "system"},
    {"metadata": [1]},
    {"tool_calls": [{"id": "c", "name": "f", "arguments": {}}]},
    {"tool_calls": [["c", "f", "{}"]]},
    {"images": [{"data": 1, "media_type": "image/png"}]},
    {"id": ["m"]},
]


@pytest.mark.parametrize("wrong", HOSTILE)
def test_a_message_of_wrong_types_is_refused_before_it_is_used(wrong: dict[str, Any]) -> None:
    message = {"id": "m", "role": "user", "content": "hi", **wrong}
    with pytest.raises(SessionError, match="the items of a turn"):
        Conversation("s").replay([{"kind": "turn", "turn_id": "t", "items": [{"message": message}]}])


@pytest.mark.parametrize(
    "operation",
    [
        {"kind": ["turn"]},
        {"kind": "undo"},
        {"kind": "pin", "message_id": [], "pinned": True},
        {"kind": "turn", "turn_id": "t", "items": [], "replaces": [[]]},
        {"kind": "turn", "turn_id": "t", "items": [], "counter": [None, {"ratio": "much"}]},
        {"kind": "turn", "turn_id": "t", "items": [], "counter": [None, {"offset": math.nan}]},
        {"kind": "turn", "turn_id": "t", "items": [], "counter": [None, {"limits": [1, 2, 3]}]},
        {"kind": "turn", "turn_id": "t", "items": [], "counter": [None, {"limits": [1, 2, 3, 4, "hearsay"]}]},
    ],
)
def test_an_operation_of_wrong_types_is_refused(operation: dict[str, Any]) -> None:
    with pytest.raises(SessionError, match="cannot be read"):
        Conversation("s").apply(operation)


async def test_every_value_of_a_compaction_is_looked_at() -> None:
    coordinator = ContextCoordinator()
    for name in "abc":
        turn(coordinator.conversation("s"), name)
    await coordinator.force_compact("s")
    *turns, compaction = json.loads(json.dumps(coordinator.conversation("s").operations()))
    Conversation("s").replay([*turns, compaction])
    for name in compaction["compaction"]:
        wrong = {"kind": "compaction", "compaction": {**compaction["compaction"], name: {"not": "so"}}}
        with pytest.raises(SessionError):
            Conversation("s").replay([*turns, wrong])


def test_the_awaitable_of_a_turn_is_what_saving_gave() -> None:
    conversation, kept = Conversation("s"), []
    conversation.begin_turn("t")
    assert conversation.commit_turn() is None
    promise: Any = object()
    conversation.save = lambda operation: kept.append(operation) or promise
    conversation.begin_turn("u")
    conversation.append(Message("user", "x"))
    assert conversation.commit_turn() is promise
    assert [operation["turn_id"] for operation in kept] == ["u"]

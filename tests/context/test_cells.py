"""Turns keyed by their cell: running a cell again replaces its turn."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.talks import WORDS, contents, prepare, turn

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator, Undone
from victor_nb.context.conversation import Conversation
from victor_nb.context.tokens import estimate_message
from victor_nb.messages import Message


def questions(conversation: Conversation) -> list[str]:
    return [message.content for message in conversation.view if message.role == "user"]


def notebook() -> Conversation:
    conversation = Conversation("s")
    for name in "abc":
        turn(conversation, name, key=name, execution="1")
    return conversation


def test_a_cell_that_runs_again_sees_what_was_before_it_and_takes_its_own_place() -> None:
    conversation = notebook()
    assert conversation.begin_turn("new", "b", "2") == "turn b 1"
    assert questions(conversation) == ["a"]
    conversation.append(Message("user", "B"))
    conversation.append(Message("assistant", "better"))
    assert questions(conversation) == ["a", "B"]
    conversation.commit_turn()
    assert questions(conversation) == ["a", "B", "c"]
    assert conversation.turn_ids == ("turn a 1", "new", "turn c 1")


def test_a_cell_that_fails_this_time_keeps_its_old_turn() -> None:
    conversation = notebook()
    before = (conversation.view, conversation.log, conversation.turn_ids)
    conversation.begin_turn("new", "b", "2")
    conversation.append(Message("user", "B"))
    conversation.rollback_turn()
    assert (conversation.view, conversation.log, conversation.turn_ids) == before


def test_a_cell_that_chats_in_a_loop_keeps_all_of_its_turns_and_replaces_all_of_them() -> None:
    conversation = notebook()
    for number in range(3):
        turn(conversation, f"b{number}", key="b", execution="2")
    assert questions(conversation) == ["a", "b0", "b1", "b2", "c"]
    turn(conversation, "once", key="b", execution="3")
    assert questions(conversation) == ["a", "once", "c"]


def test_while_a_loop_runs_again_what_is_behind_the_cell_is_not_seen() -> None:
    conversation = notebook()
    turn(conversation, "b0", key="b", execution="2")
    conversation.begin_turn("next", "b", "2")
    assert questions(conversation) == ["a", "b0"]


@pytest.mark.parametrize("execution", [None, "1"])
def test_turns_without_a_key_are_added_and_those_without_an_execution_replaced(execution: str | None) -> None:
    conversation = Conversation("s")
    for _ in range(2):
        turn(conversation, "panel")
        turn(conversation, "cell", key="cell", execution=execution)
    assert questions(conversation) == (
        ["panel", "cell", "panel"] if execution is None else ["panel", "cell", "cell", "panel"]
    )


async def test_compactions_behind_a_turn_that_is_replaced_count_no_more() -> None:
    coordinator, told = ContextCoordinator(), []
    coordinator.attach(notice=lambda session_id, record: told.append(record))
    conversation = coordinator.conversation("s")
    for number in range(20):
        turn(conversation, f"q{number}", key=f"cell {number}", execution="1")
    record = await coordinator.force_compact("s")
    assert record.outcome == "completed"
    turn(conversation, "other", key="cell 1", execution="2")
    assert told == [record, Undone(record.id, "s", "turn_replaced")]
    assert coordinator.records("s")[-1].undone == "turn_replaced"
    assert conversation.view == conversation.log


async def test_a_compaction_between_two_turns_of_one_cell_counts_for_the_second() -> None:
    coordinator = ContextCoordinator()
    conversation = coordinator.conversation("s")
    for number in range(8):
        turn(conversation, f"b{number}", key="b", execution="1")
    record = await coordinator.force_compact("s")
    turn(conversation, "last", key="b", execution="1")
    assert record.outcome == "completed"
    assert [one.undone for one in conversation.records] == [None]
    assert questions(conversation)[-1] == "last"
    turn(conversation, "again", key="b", execution="2")
    assert [one.undone for one in conversation.records] == ["turn_replaced"]


def test_what_was_pinned_stays_pinned_when_its_cell_says_it_again() -> None:
    conversation = notebook()
    conversation.pin(conversation.view[0].id)
    turn(conversation, "a", key="a", execution="2")
    assert [m.content for m in conversation.log if m.pinned] == ["a"]
    turn(conversation, "changed", key="a", execution="3")
    assert not any(m.pinned for m in conversation.log)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=14), st.floats(0.6, 1.8))
async def test_run_all_twice_sends_the_same_requests_and_gives_the_same_conversation(
    cells: list[tuple[int, bool]], rate: float
) -> None:
    coordinator = ContextCoordinator()
    runs = [await run_all(coordinator, cells, rate, str(execution)) for execution in range(3)]
    assert runs[0] == runs[1] == runs[2]


async def run_all(
    coordinator: ContextCoordinator, cells: list[tuple[int, bool]], rate: float, execution: str
) -> list[object]:
    """What was sent, and in the end the view; the provider's tokens are not ours, which is learned on the way."""
    conversation, sent = await coordinator.open("s"), []
    for number, (loops, long) in enumerate(cells):
        for chat in range(loops + 1):
            conversation.begin_turn(f"{execution} {number} {chat}", f"cell {number}", execution)
            conversation.append(Message("user", f"question {number} {chat}"))
            prepared = await prepare(coordinator, window=1500, reserved_output=300)
            sent.append((contents(prepared.messages), prepared.tokens, prepared.compaction is None))
            coordinator.observe("s", round(rate * sum(map(estimate_message, prepared.messages))))
            conversation.append(Message("assistant", WORDS * (5 if long else 1)))
            conversation.commit_turn()
    return [sent, [m.content for m in conversation.view], [m.content for m in conversation.log]]

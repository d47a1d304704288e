"""The log and the view of one session."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from victor_nb.context.compaction import CompactionRecord
from victor_nb.context.conversation import Conversation
from victor_nb.errors import ContextError
from victor_nb.messages import Message, ToolCall, new_id


def record() -> CompactionRecord:
    return CompactionRecord(new_id(), "s", "manual", "Mine", "completed", 100, 50, 3, repaired=False)


def begun(*texts: str) -> Conversation:
    conversation = Conversation("s")
    for number, text in enumerate(texts):
        conversation.append(Message("assistant" if number % 2 else "user", text))
    return conversation


def test_a_failed_turn_leaves_no_trace() -> None:
    conversation = begun("hi", "hello")
    before, estimate = conversation.view, conversation.estimate
    conversation.begin_turn("t")
    assert conversation.append(Message("user", "more")).turn_id == "t"
    conversation.rollback_turn()
    assert (conversation.view, conversation.log, conversation.estimate) == (before, before, estimate)
    conversation.rollback_turn()
    assert conversation.view == before


def test_a_compaction_inside_of_a_failed_turn_is_taken_back_too() -> None:
    conversation = begun("a", "b", "c", "d")
    before, estimate = conversation.view, conversation.estimate
    conversation.begin_turn("t")
    question = conversation.append(Message("user", "e"))
    conversation.fold(record(), [before[0], question])
    assert conversation.view == (before[0], question)
    assert conversation.log == (*before, question)
    conversation.rollback_turn()
    assert (conversation.view, conversation.estimate) == (before, estimate)


def test_one_turn_at_a_time() -> None:
    conversation = Conversation("s")
    conversation.begin_turn("t1")
    with pytest.raises(ContextError, match="in the middle of a turn"):
        conversation.begin_turn("t2")
    conversation.commit_turn()
    conversation.begin_turn("t2")
    assert conversation.turn_id == "t2"


def test_calls_without_a_result_are_answered() -> None:
    conversation = begun("a")
    calls = (ToolCall("1", "f", "{}"), ToolCall("2", "g", "{}"))
    conversation.append(Message("assistant", "", calls))
    conversation.append(Message("tool", "done", tool_call_id="1", tool_name="f"))
    (added,) = conversation.close_open_calls("interrupted")
    assert (added.tool_call_id, added.tool_name, added.content) == ("2", "g", "interrupted")
    assert conversation.close_open_calls() == ()


def test_ids_of_calls_may_come_again() -> None:
    conversation = begun("a")
    for _ in range(2):
        conversation.append(Message("assistant", "", (ToolCall("call_0", "f", "{}"),)))
        assert len(conversation.close_open_calls()) == 1
    assert [m.role for m in conversation.view] == ["user", "assistant", "tool", "assistant", "tool"]


def test_a_system_message_is_refused() -> None:
    with pytest.raises(ContextError, match="prompt coordinator"):
        Conversation("s").append(Message("system", "x"))


def test_other_threads_may_look_and_steer_while_a_turn_runs() -> None:
    conversation = Conversation("s")
    done = threading.Event()

    def steer() -> None:
        number = 0
        while not done.is_set():
            log = conversation.log
            if log:
                conversation.pin(log[number % len(log)].id, number % 2 == 0)
            conversation.undo()
            with conversation.lock:
                assert len(conversation.view) <= len(conversation.log)
            number += 1

    with ThreadPoolExecutor() as pool:
        steering = pool.submit(steer)
        for turn in range(150):
            conversation.begin_turn(f"t{turn}")
            question = conversation.append(Message("user", f"question {turn}"))
            conversation.fold(record(), [conversation.view[0], question] if turn else [question])
            conversation.append(Message("assistant", f"answer {turn}"))
            conversation.commit_turn()
        done.set()
        steering.result()
    assert [m.content for m in conversation.log[::2]] == [f"question {turn}" for turn in range(150)]

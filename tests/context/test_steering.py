"""What a researcher does by hand: look ahead, compact, undo, pin, search, reset, read the records."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from support.talks import WORDS, contents, prepare, say, turn

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator, Undone
from victor_nb.context.steps import is_digest, open_call_ids
from victor_nb.errors import ContextError, UsageError
from victor_nb.messages import Message, ToolCall
from victor_nb.protocols import CompactionBudget, CompactionResult, Context


class Summing:
    """Replaces all but the last three messages by one line."""

    calls = 0

    def compact(self, context: Context) -> Context:
        self.calls += 1
        line = f"{len(context.messages) - 3} messages were here."
        return Context([Message("user", line), *context.messages[-3:]])


def talking(turns: int = 6, strategy: Any = None) -> tuple[ContextCoordinator, list[Any]]:
    coordinator, told = ContextCoordinator(strategy or Summing()), []
    coordinator.attach(notice=lambda session_id, record: told.append(record))
    coordinator.use_session("s")
    for number in range(turns):
        turn(coordinator.conversation(), f"q{number}")
    return coordinator, told


async def test_a_preview_shows_what_a_compaction_will_do_and_changes_nothing() -> None:
    coordinator, told = talking()
    before = coordinator.get_context()
    seen = await coordinator.preview()
    assert (coordinator.get_context(), coordinator.records(), told) == (before, (), [])
    compacted = await coordinator.compact_context()
    record = coordinator.records()[-1]
    assert [m.content for m in compacted.messages] == [m.content for m in seen.messages]
    assert (record.outcome, record.tokens_before, record.tokens_after) == (
        seen.outcome,
        seen.tokens_before,
        seen.tokens_after,
    )
    assert [m.content for m in seen.added] == ["21 messages were here."]
    assert len(seen.removed) == record.messages_removed


async def test_a_preview_knows_the_limits_of_the_last_request_and_the_error_of_a_strategy() -> None:
    class Failing:
        def compact(self, context: Context) -> Context:
            raise OSError("no summary today")

    coordinator, _ = talking(2, Failing())
    await prepare(coordinator, window_source="fallback")
    seen = await coordinator.preview()
    assert (seen.limits.window, seen.limits.target, seen.limits.source) == (5000, 1600, "fallback")
    assert (seen.outcome, seen.error, seen.tokens_after) == ("failed", "no summary today", seen.tokens_before)


async def test_undo_is_exact_also_for_what_was_said_since_and_is_told() -> None:
    coordinator, told = talking()
    full = coordinator.conversation().view
    await coordinator.compact_context()
    turn(coordinator.conversation(), "later")
    await coordinator.compact_context()
    first, second = coordinator.records()
    assert coordinator.undo().id == second.id
    assert coordinator.undo().id == first.id
    assert coordinator.undo() is None
    assert coordinator.conversation().view[: len(full)] == full
    assert coordinator.conversation().view == coordinator.conversation().log
    assert told == [first, second, Undone(second.id, "s", "undo"), Undone(first.id, "s", "undo")]
    assert [record.undone for record in coordinator.records()] == ["undo", "undo"]


async def test_compacting_twice_asks_the_strategy_once() -> None:
    coordinator, _ = talking(strategy=(strategy := Summing()))
    once = await coordinator.compact_context()
    assert (await coordinator.compact_context()) == once
    assert [record.outcome for record in coordinator.records()] == ["completed", "noop"]
    coordinator.undo()
    assert (await coordinator.compact_context()).messages[1].content == once.messages[1].content
    assert strategy.calls == 2


async def test_pinning_what_was_folded_brings_its_whole_step_back_in_order() -> None:
    coordinator, _ = talking()
    await coordinator.compact_context()
    compacted = coordinator.conversation().view
    (hit,) = coordinator.search("found q2")
    assert (hit.index, hit.in_view, hit.message.role) == (10, False, "tool")
    pinned = coordinator.pin(hit.message)
    view = coordinator.conversation().view
    assert contents(view)[:4] == ["q0", "21 messages were here.", "", "found q2"]
    assert (view[3], view[2].tool_calls[0].id) == (pinned, pinned.tool_call_id)
    assert [hit.in_view for hit in coordinator.search("found q2")] == [True]
    coordinator.unpin(pinned.id)
    assert coordinator.conversation().view == compacted


async def test_a_pin_survives_compactions_byte_for_byte_and_an_unpinned_message_goes() -> None:
    coordinator, _ = talking()
    pinned = coordinator.pin(4)
    for number in range(3):
        turn(coordinator.conversation(), f"more {number}")
        await coordinator.compact_context()
        assert any(message is pinned for message in coordinator.conversation().view)
    coordinator.unpin(pinned)
    await coordinator.compact_context()
    assert pinned.id not in {message.id for message in coordinator.conversation().view}


async def test_a_shortened_message_is_whole_again_when_it_is_pinned() -> None:
    class Shortening:
        def compact(self, context: Context) -> Context:
            for message in context.messages:
                if message.role == "tool":
                    object.__setattr__(message, "content", "short")
            return context

    coordinator, _ = talking(3, Shortening())
    await coordinator.compact_context()
    (hit,) = coordinator.search("found q1")
    assert (hit.in_view, hit.shortened) == (True, True)
    coordinator.pin(hit.message)
    assert [m.content[:5] for m in coordinator.conversation().view if m.role == "tool"] == ["short", "found", "short"]


@pytest.mark.parametrize(
    ("target", "match"),
    [
        (99, "the view has 8"),
        (-9, "the view has 8"),
        ("nobody", "no message 'nobody'"),
        (Message("user", "x"), "no message"),
    ],
)
async def test_what_cannot_be_pinned_is_refused(target: Any, match: str) -> None:
    coordinator, _ = talking(2)
    with pytest.raises(UsageError, match=match):
        coordinator.pin(target)


async def test_a_digest_cannot_be_pinned() -> None:
    coordinator, _ = talking()
    await coordinator.compact_context()
    with pytest.raises(UsageError, match="made by a compaction"):
        coordinator.pin(1)


def test_search_reads_tool_calls_and_any_case() -> None:
    coordinator, _ = talking(2)
    assert [hit.index for hit in coordinator.search("ABOUT")] == [1, 5]
    assert "q1" in coordinator.search('"q1"')[0].excerpt
    assert coordinator.search("never said") == []
    with pytest.raises(UsageError, match="looks for text"):
        coordinator.search("  ")


async def test_a_reset_forgets_everything_and_undoes_every_compaction() -> None:
    coordinator, told = talking()
    await coordinator.compact_context()
    coordinator.reset()
    assert (coordinator.get_context().messages, coordinator.records(), coordinator.search("q")) == ([], (), [])
    assert isinstance(told[-1], Undone)
    assert told[-1].reason == "reset"


async def test_a_reset_by_a_tool_leaves_the_turn_that_called_it() -> None:
    coordinator, _ = talking()
    conversation = coordinator.conversation()
    conversation.begin_turn("running", "a cell", "1")
    conversation.append(Message("user", "forget it"))
    conversation.append(Message("assistant", "", (ToolCall("1", "reset", "{}"),)))
    coordinator.reset()
    assert contents(conversation.view) == ["forget it", ""]
    assert open_call_ids(conversation.view) == {"1"}
    conversation.close_open_calls("done")
    assert len((await prepare(coordinator)).messages) == 4
    conversation.commit_turn()
    assert conversation.view == conversation.log
    assert conversation.turn_ids == ("running",)


async def test_a_compaction_of_a_turn_that_fails_is_taken_back_and_told() -> None:
    coordinator, told = talking(30)
    conversation = coordinator.conversation()
    before = conversation.view
    conversation.begin_turn("failing")
    conversation.append(Message("user", "and now?"))
    assert (await prepare(coordinator)).compaction.outcome == "completed"
    conversation.rollback_turn()
    assert (conversation.view, coordinator.records()) == (before, ())
    assert [undone.reason for undone in told] == ["turn_failed"]


async def test_a_long_tool_turn_is_folded_behind_its_question() -> None:
    coordinator = ContextCoordinator(Summing())
    conversation = coordinator.conversation("s")
    conversation.begin_turn("long")
    say(conversation, "the task", tools=90)
    conversation.append(Message("assistant", "", (ToolCall("last", "f", "{}"),)))
    conversation.append(Message("tool", "the newest", tool_call_id="last"))
    prepared = await prepare(coordinator)
    sent = prepared.messages[1:]
    assert prepared.tokens <= 1600
    assert sent[0] is conversation.log[0]
    assert is_digest(sent[1])
    assert sent[-2:] == conversation.log[-2:]


async def test_what_takes_the_space_is_named() -> None:
    coordinator = ContextCoordinator()
    conversation = coordinator.conversation("s")
    conversation.append(Message("user", "first"))
    conversation.append(Message("assistant", WORDS * 120, pinned=True))
    conversation.append(Message("user", "last"))
    with pytest.raises(
        ContextError, match=r"cannot be dropped: pinned messages 3,\d\d\d, .*first message \d, last message \d"
    ):
        await prepare(coordinator, window=4000)
    assert conversation.view == conversation.log


async def test_a_window_that_overflowed_is_believed_to_be_smaller_from_then_on() -> None:
    coordinator = ContextCoordinator(Summing())
    for number in range(20):
        turn(coordinator.conversation("s"), f"q{number}")
    tokens = (await prepare(coordinator, window=40_000)).tokens
    await coordinator.force_compact("s", trigger="overflow")
    for number in range(20):
        turn(coordinator.conversation("s"), f"again {number}")
    assert (await prepare(coordinator, window=40_000)).compaction.trigger == "threshold"
    limits = coordinator.conversation("s").meter.limits
    assert (limits.window, limits.source) == (tokens, "overflow")
    await prepare(coordinator, window=40_000, model_key="another")
    assert coordinator.conversation("s").meter.limits.window == 40_000


async def test_a_budget_can_ask_and_embed_for_its_session() -> None:
    class Asking:
        async def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
            text = await budget.ask(context.messages[:1], None)
            vectors = await budget.embed([text], "mine")
            return CompactionResult([Message("user", f"{text} {vectors}")], "asked")

    async def ask(session_id: str, messages: Any, model: Any) -> str:
        return f"{session_id} {messages[0].content} {model}"

    async def embed(texts: Any, embedder: Any) -> Any:
        return [(len(text), embedder) for text in texts]

    coordinator, _ = talking(3, Asking())
    coordinator.attach(ask=ask, embed=embed)
    assert (await coordinator.compact_context()).messages[1].content == "s q0 None [(9, 'mine')]"
    assert coordinator.records()[-1].note == "asked"


async def test_without_an_orchestrator_there_is_nobody_to_ask() -> None:
    class Asking:
        async def compact(self, context: Context, budget: CompactionBudget) -> CompactionResult:
            return CompactionResult([Message("user", await budget.ask(context.messages, None))])

    coordinator, _ = talking(3, Asking())
    await coordinator.compact_context()
    assert (coordinator.records()[-1].outcome, coordinator.records()[-1].error_type) == ("failed", "ContextError")


async def test_records_are_a_frame_with_the_same_dtypes_also_when_there_is_none() -> None:
    coordinator, _ = talking()
    empty = coordinator.records().to_dataframe()
    await coordinator.compact_context()
    frame = coordinator.records().to_dataframe()
    assert (len(empty), len(frame)) == (0, 1)
    assert frame.dtypes.to_dict() == empty.dtypes.to_dict()
    assert str(frame.dtypes["timestamp"]) == "datetime64[us, UTC]"
    assert frame.loc[0, "undone"] is pd.NA
    assert frame.loc[0, "timestamp"] > pd.Timestamp.now("UTC") - pd.Timedelta(minutes=5)
    assert "<table" in coordinator.records()._repr_html_()


async def test_a_result_that_grew_is_no_result() -> None:
    class Growing:
        def compact(self, context: Context) -> Context:
            return Context([*context.messages, *(Message("user", f"{n} {WORDS * 4}") for n in range(40))])

    coordinator, _ = talking(30, Growing())
    coordinator.conversation().append(Message("user", "and now?"))
    prepared = await prepare(coordinator)
    assert prepared.tokens <= 1600
    assert prepared.compaction.repaired
    assert not any(is_digest(message) for message in prepared.messages)


async def test_what_is_too_large_alone_goes_before_what_is_old_and_digests_go_last() -> None:
    class Digesting:
        def compact(self, context: Context) -> Context:
            return Context([*context.messages[:1], Message("user", "so far"), *context.messages[2:]])

    coordinator, _ = talking(20, Digesting())
    conversation = coordinator.conversation()
    conversation.append(Message("user", "paste"))
    conversation.append(Message("assistant", WORDS * 80))
    conversation.append(Message("user", "and now?"))
    sent = contents((await prepare(coordinator)).messages)
    assert "so far" in sent
    assert {"q18", "q19", "paste"} <= set(sent)
    assert WORDS * 80 not in sent

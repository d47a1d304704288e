"""A session that is kept: opened again, changed by somebody else, and begun before there was an archive."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from support.talks import JsonArchive, contents, prepare, turn, wires

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator
from victor_nb.errors import SessionError, SessionInUseError


def coordinator_of(archive: Any) -> ContextCoordinator:
    coordinator = ContextCoordinator()
    coordinator.attach(archive=archive, **wires())
    return coordinator


async def test_another_kernel_goes_on_where_this_one_was_killed() -> None:
    archive = JsonArchive()
    first = coordinator_of(archive)
    conversation = await first.open("s")
    for number in range(30):
        turn(conversation, f"q{number}")
    conversation.begin_turn("with a compaction")
    turns = (await prepare(first)).compaction
    assert turns.outcome == "completed"
    conversation.commit_turn()
    await first.force_compact("s")
    first.pin(3, session_id="s")
    first.observe("s", 2222)
    turn(conversation, "the last")
    second = coordinator_of(archive)
    again = await second.open("s")
    assert (again.view, again.log) == (conversation.view, conversation.log)
    assert [m.wire for m in again.view] == [m.wire for m in conversation.view]
    assert second.records("s") == first.records("s")
    assert (await prepare(second)).tokens == (await prepare(first)).tokens


async def test_what_was_not_committed_is_not_kept() -> None:
    archive = JsonArchive()
    conversation = coordinator_of(archive).conversation("s")
    turn(conversation, "kept")
    conversation.begin_turn("killed")
    turn_lines = len(archive.lines["s"])
    conversation.append(conversation.log[0])
    assert len(archive.lines["s"]) == turn_lines
    assert contents((await coordinator_of(archive).open("s")).log)[0] == "kept"
    assert len(coordinator_of(archive).conversation("s").log) == 4


async def test_what_somebody_else_has_said_is_read_at_the_next_turn() -> None:
    archive = JsonArchive()
    mine, theirs = coordinator_of(archive), coordinator_of(archive)
    turn(await mine.open("s"), "mine")
    turn(await theirs.open("s"), "theirs")
    archive.foreign.add("s")
    assert contents(mine.get_context("s").messages)[0] == "mine"
    conversation = await mine.open("s")
    assert [m.content for m in conversation.view if m.role == "user"] == ["mine", "theirs"]
    assert conversation is mine.conversation("s")


async def test_blocking_reads_do_not_hold_the_event_loop() -> None:
    class Slow(JsonArchive):
        def load(self, session_id: str) -> list[Any]:
            assert threading.current_thread() is not threading.main_thread()
            return super().load(session_id)

    assert (await coordinator_of(Slow()).open("s")).view == ()


async def test_a_session_that_another_kernel_has_is_not_begun_anew() -> None:
    class Taken(JsonArchive):
        taken = True

        def load(self, session_id: str) -> list[Any]:
            if self.taken:
                raise SessionInUseError("in use", holder="another notebook")
            return super().load(session_id)

    coordinator = coordinator_of(archive := Taken())
    with pytest.raises(SessionInUseError):
        await coordinator.open("s")
    with pytest.raises(SessionInUseError):
        coordinator.get_context("s")
    archive.taken = False
    assert coordinator.get_context("s").messages == []


async def test_what_was_said_before_there_was_an_archive_is_kept_too() -> None:
    archive = JsonArchive()
    turn(coordinator_of(archive).conversation("s"), "stored")
    late = ContextCoordinator()
    turn(late.conversation("s"), "in memory")
    late.attach(archive=archive, **wires())
    conversation = await late.open("s")
    assert [m.content for m in conversation.view if m.role == "user"] == ["stored", "in memory"]
    assert (await coordinator_of(archive).open("s")).view == conversation.view


async def test_a_session_that_is_let_go_is_read_again() -> None:
    coordinator = coordinator_of(archive := JsonArchive())
    turn(await coordinator.open("s"), "q")
    coordinator.forget("s")
    assert archive.released == ["s"]
    assert len(coordinator.get_context("s").messages) == 4


@pytest.mark.parametrize("operation", [{"kind": "dance"}, {"kind": "turn", "items": []}, {"turn_id": "x"}, {}])
async def test_what_cannot_be_read_is_an_error_and_no_empty_session(operation: dict[str, Any]) -> None:
    archive = JsonArchive()
    archive.save("s", operation)
    with pytest.raises(SessionError, match="cannot be read"):
        await coordinator_of(archive).open("s")

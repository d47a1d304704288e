"""Conversations and the kernels that have them: killed, restarted, forked, and two at a time. Real processes."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest
from support.conversations import run_kernel, said, start_kernel

from victor_nb import AgentOrchestrator
from victor_nb.errors import SessionInUseError
from victor_nb.testing import ScriptedModel

TURNS = "ask('one', 'two', 'three', 'four')\n"
STEER = """
context.pin(context.conversation("thesis").log[2])
context.reset("other")
ask("five")
seen()
"""


def test_a_killed_kernel_s_conversation_goes_on_with_the_same_view_records_and_pins(own_home: Path):
    compact = "asyncio.run(context.force_compact('thesis'))\n"
    killed = run_kernel(TURNS + compact + STEER + "os.kill(os.getpid(), 9)")
    again = run_kernel("seen()\nask('six')\nseen()")
    before, (after, later) = json.loads(killed.stdout), map(json.loads, again.stdout.splitlines())
    assert killed.returncode == -9
    assert before == after
    assert len(before["records"]) == 1
    assert [message[3] for message in before["view"]].count(True) == 1
    assert later["view"][: len(after["view"])] == after["view"]
    assert len(later["turns"]) == 6


def test_what_was_said_in_a_turn_that_is_awaited_is_on_disk(own_home: Path):
    for _ in range(3):
        assert run_kernel("ask('hi')\nos.kill(os.getpid(), 9)").returncode == -9
    (found,) = map(json.loads, run_kernel("seen()").stdout.splitlines())
    assert [message[2] for message in found["view"]] == ["hi", "answer 1"] * 3


def test_a_second_kernel_has_the_choice_to_fork_or_to_look(own_home: Path):
    kernel = start_kernel("ask('theirs')\nprint('ready', flush=True)\nsys.stdin.readline()\norchestrator.close()")
    assert kernel.stdout
    assert kernel.stdout.readline() == "ready\n"
    here = AgentOrchestrator(model=ScriptedModel("mine", "again"), session_id="thesis")
    with pytest.raises(SessionInUseError, match=r"open in the kernel.*fork.*read_only=True") as error:
        asyncio.run(here.chat("mine?"))
    assert error.value.holder.startswith("the kernel of")
    (row,) = here.sessions.list().to_dict("records")
    assert (row["held_here"], row["held_by"], row["turns"]) == (False, error.value.holder, 1)
    assert [message.content for message in here.sessions.open("thesis", read_only=True).log] == ["theirs", "answer 1"]
    for change in (lambda: asyncio.run(here.chat("?")), lambda: here.context_coordinator.reset("thesis")):
        with pytest.raises(SessionInUseError):
            change()
    here.use_session(here.sessions.fork("thesis", "thesis-2"))
    assert asyncio.run(here.chat("mine?")).content == "mine"
    assert said(here) == ["theirs", "answer 1", "mine?", "mine"]
    kernel.communicate("\n", timeout=60)
    asyncio.run(here.chat("now?", session_id="thesis"))
    assert said(here, "thesis") == ["theirs", "answer 1", "now?", "again"]


def test_a_forked_child_leaves_the_conversation_to_its_parent(own_home: Path):
    orchestrator = AgentOrchestrator(model=ScriptedModel("one", "two", "three"), session_id="thesis")
    asyncio.run(orchestrator.chat("first"))
    if (child := os.fork()) == 0:
        failed = 1
        try:
            with pytest.warns(RuntimeWarning, match="not kept"):
                asyncio.run(orchestrator.chat("in the child"))
            asyncio.run(orchestrator.chat("of its own", session_id="child"))
            failed = 0
        finally:
            os._exit(failed)
    assert os.waitpid(child, 0)[1] == 0
    asyncio.run(orchestrator.chat("second"))
    orchestrator.close()
    (found,) = map(json.loads, run_kernel("seen()").stdout.splitlines())
    assert [message[2] for message in found["view"]] == ["first", "one", "second", "two"]
    assert set(orchestrator.sessions.list()["session_id"]) == {"thesis", "child"}

"""`kill -9` at random moments while kernels, one after the other, go on with one session: every turn that was
acknowledged is in the conversation afterwards, once and in order, and the next request is still a valid one.
"""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.messages import Message
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel

KILLS = 30
NURSERY = """
import asyncio, os, random, signal, sys, time
from pathlib import Path
from victor_nb.agent.orchestrator import AgentOrchestrator
from victor_nb.config.settings import Settings
from victor_nb.store import SQLiteStore
from victor_nb.testing import ScriptedModel, call

path, kills = Path(sys.argv[1]), int(sys.argv[2])
settings = Settings(context_window=3_000, reserved_output_tokens=500)

def look(number: int) -> str:
    "Looks."
    return f"The offset of sensor-{number} is {number} mV. " + "Nothing else is worth a word. " * 40

async def chat():
    script = [answer for n in range(5_000) for answer in (call("look", number=n), f"{n} was looked at")]
    orchestrator = AgentOrchestrator(
        settings, model=ScriptedModel(*script), tools=[look], store=SQLiteStore(path), session_id="long"
    )
    while True:
        response = await orchestrator.chat("look again")
        os.write(1, f"{response.turn_id}\\n".encode())

moments = random.Random(11)
for _ in range(kills):
    if (child := os.fork()) == 0:
        asyncio.run(chat())
    time.sleep(moments.uniform(0.03, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def kill_many(path: Path) -> list[str]:
    """The turns that were acknowledged before their kernel was killed."""
    nursery = [sys.executable, "-c", NURSERY, str(path), str(KILLS)]
    return subprocess.run(nursery, check=True, stdout=subprocess.PIPE, text=True, timeout=120).stdout.split()


def go_on(path: Path) -> tuple[AgentOrchestrator, ScriptedModel]:
    model = ScriptedModel("still here", "and here")
    settings = Settings(context_window=3_000, reserved_output_tokens=500)
    return AgentOrchestrator(settings, model=model, store=SQLiteStore(path), session_id="long"), model


def is_valid(messages: tuple[Message, ...]) -> bool:
    """Calls are followed by their results, and results follow their calls."""
    for before, after in pairwise(messages):
        calls = {call.id for call in before.tool_calls}
        if bool(calls) != (after.role == "tool" and before.role == "assistant") or (
            calls and after.tool_call_id not in calls
        ):
            return False
    return not messages[-1].tool_calls


async def test_thirty_kills_lose_and_double_no_turn_of_a_session(tmp_path: Path):
    path = tmp_path / "victor.db"
    acknowledged = kill_many(path)
    orchestrator, model = go_on(path)
    await orchestrator.chat("and now?")
    conversation = orchestrator.context_coordinator.conversation("long")
    orchestrator.close()

    turns = conversation.turn_ids
    assert len(acknowledged) > KILLS
    assert [turn for turn in turns if turn in set(acknowledged)] == acknowledged
    assert len(turns) <= len(acknowledged) + KILLS + 1  # a turn may be durable that nobody was told of
    assert len(set(turns)) == len(turns)
    assert is_valid(model.requests[-1].messages[1:])
    assert conversation.records


async def test_a_session_is_the_same_however_often_it_is_read(tmp_path: Path):
    path = tmp_path / "victor.db"
    first, _ = go_on(path)
    await first.chat("begin")
    first.close()
    again, model = go_on(path)
    await again.chat("go on")
    again.close()
    third, _ = go_on(path)
    read = third.context_coordinator.conversation("long")
    assert read.view[:-1] == model.requests[-1].messages[1:]
    assert [m.content for m in read.view] == ["begin", "still here", "go on", "still here"]
    third.close()

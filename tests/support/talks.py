"""Conversations as a turn loop logs them, a strategy that nobody should write, and an archive that keeps JSON text."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Sequence
from typing import Any

from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator, Prepared
from victor_nb.context.conversation import Conversation
from victor_nb.messages import Message, ToolCall
from victor_nb.protocols import Context

WORDS = "river stone cloud light under every morning " * 4
LIMITS: dict[str, Any] = {
    "system": "Be brief.",
    "tools": (),
    "window": 5000,
    "threshold": 0.8,
    "target": 0.4,
    "reserved_output": 1000,
    "model_key": "m",
}


async def prepare(coordinator: ContextCoordinator, session_id: str = "s", **changed: Any) -> Prepared:
    return await coordinator.prepare(session_id, **(LIMITS | changed))


def say(conversation: Conversation, text: str, tools: int = 0, words: str = WORDS) -> None:
    """The messages of one turn."""
    conversation.append(Message("user", text))
    for number in range(tools):
        call = ToolCall(f"call_{number}", "look_up", json.dumps({"about": text}))
        conversation.append(Message("assistant", "", (call,), wire={"signed": text}))
        conversation.append(Message("tool", f"found {text}: {words}", tool_call_id=call.id, tool_name=call.name))
    conversation.append(Message("assistant", f"answer to {text}: {words}"))


def turn(conversation: Conversation, text: str, *, key: str | None = None, execution: str | None = None) -> None:
    conversation.begin_turn(f"turn {text} {execution or ''}", key, execution)
    say(conversation, text, tools=1, words=WORDS * 2)
    conversation.commit_turn()


def contents(messages: Sequence[Message]) -> list[str]:
    return [message.content.split(":")[0] for message in messages]


class Vandal:
    """Does everything that a strategy should not do, at random: raises, reorders, drops, doubles, rewrites, grows."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def compact(self, context: Context) -> Context:
        if self.random.random() < 0.15:
            raise RuntimeError("vandal")
        for message in context.messages:
            object.__setattr__(message, "pinned", False)
            if self.random.random() < 0.2:
                object.__setattr__(message, "content", self.random.choice(["gone", "", WORDS * 30]))
        self.random.shuffle(context.messages)
        extra = [Message("tool", WORDS * self.random.randrange(30), tool_call_id="c") for _ in range(3)]
        doubled = (context.messages * 2)[: self.random.randrange(60)]
        return Context(doubled + extra[: self.random.randrange(4)])


class JsonArchive:
    """Keeps what it is given as JSON text, a line for each operation, as a file would."""

    def __init__(self) -> None:
        self.lines: dict[str, list[str]] = {}
        self.foreign: set[str] = set()
        self.released: list[str] = []

    def load(self, session_id: str) -> list[Any]:
        self.foreign.discard(session_id)
        return [json.loads(line) for line in self.lines.get(session_id, [])]

    def changed(self, session_id: str) -> bool:
        return session_id in self.foreign

    def save(self, session_id: str, operation: dict[str, Any]) -> Awaitable[None]:
        self.lines.setdefault(session_id, []).append(json.dumps(operation, allow_nan=False))
        return _Kept()

    def release(self, session_id: str) -> None:
        self.released.append(session_id)


class _Kept:
    def __await__(self) -> Any:
        return iter(())


def wires() -> dict[str, Any]:
    """How `wire` is kept, for `attach`."""
    return {"wire_to_json": lambda wire: wire, "wire_from_json": lambda data: data}

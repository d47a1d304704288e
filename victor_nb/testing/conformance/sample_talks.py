"""Conversations for tests of compaction strategies: with tools, pins, pictures and odd text, long and short. The system
message is not among them, as it is not when a strategy is called."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from victor_nb.context.steps import DIGEST_MARK
from victor_nb.context.tokens import estimate_messages
from victor_nb.messages import Message, ToolCall

_FILLER: Final = "The weather in the valley was mild, and the river went its way under the old bridge. " * 6
_ODD: Final = ("", "\x00\x1b[31m", "```\nno end", "{{ x }} %s {0}", "a\u2028b\u202ec", "🧪" * 40, "עברית, 漢字", "null")


@dataclass(frozen=True)
class SampleTalk:
    """`what` completes "compact() takes …". `target_tokens` is what it is to become, in tokens as estimated."""

    what: str
    messages: tuple[Message, ...]
    target_tokens: int


def talks() -> list[SampleTalk]:
    """Each kind that a strategy meets, made anew."""
    long = _long()
    half = estimate_messages(long) // 2
    called = Message("assistant", "", (ToolCall("open", "look_up", "{}"),))
    return [
        SampleTalk("one question", (Message("user", "Hello?"),), 1_000),
        SampleTalk("a conversation that fits", tuple(_long(2)), 100_000),
        SampleTalk("a long conversation", tuple(long), half),
        SampleTalk("a long conversation and a small target", tuple(long), half // 4),
        SampleTalk("a conversation with pinned messages", tuple(_with_pins(long)), half),
        SampleTalk(
            "a turn in progress, with a call that is still open", (*long[:-1], Message("user", "Look."), called), half
        ),
        SampleTalk("a turn that called tools many times", tuple(_many_calls()), 1_500),
        SampleTalk("a conversation that was made smaller before", tuple(_with_digest(long)), half),
        SampleTalk("odd text", tuple(_odd()), 300),
    ]


def _turn(number: int) -> list[Message]:
    call = ToolCall(f"call_{number}", "look_up", f'{{"row": {number}}}')
    return [
        Message("user", f"Question {number}: what does row {number} say?", turn_id=f"turn_{number}"),
        Message("assistant", "", (call,), turn_id=f"turn_{number}"),
        Message("tool", f"{_FILLER}row {number}", tool_call_id=call.id, tool_name="look_up", turn_id=f"turn_{number}"),
        Message("assistant", f"Row {number} says so. {_FILLER}", turn_id=f"turn_{number}"),
    ]


def _long(turns: int = 16) -> list[Message]:
    goal = [Message("user", "Our goal is a forecast. Never write to prod."), Message("assistant", "Understood.")]
    return [*goal, *(message for number in range(turns) for message in _turn(number)), Message("user", "And now?")]


def _with_pins(messages: list[Message]) -> list[Message]:
    return [replace(message, pinned=number in (7, 24)) for number, message in enumerate(messages)]


def _with_digest(messages: list[Message]) -> list[Message]:
    digest = Message("user", "Earlier: rows 1 to 3 were read; row 2 = 17.", metadata={DIGEST_MARK: True})
    return [*messages[:2], digest, *messages[2:]]


def _many_calls() -> list[Message]:
    """Two turns; the first has ten rounds of tools."""
    rounds = [message for number in range(10) for message in _turn(number)[1:3]]
    return [Message("user", "Read all."), *rounds, Message("assistant", "Done."), Message("user", "Thanks. And now?")]


def _odd() -> list[Message]:
    talk = [Message("user", "Begin."), Message("assistant", "Yes.")]
    for text in _ODD * 4:
        talk += [Message("user", text or "?"), Message("assistant", text)]
    return [*talk, Message("user", "End.")]

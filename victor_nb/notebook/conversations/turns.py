"""The turns of a conversation as a person reads them: what was asked, and what came, in order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from victor_nb.messages import Message, ToolCall, ToolResult
from victor_nb.notebook.answers.transcript import Prose, Segment, ToolUse


@dataclass(frozen=True)
class ReadTurn:
    """One turn. `mark` tells two states of it apart; `segments` lack what the model thought, which is not kept.

    A message that stands between turns, as one that was imported, is a turn without an id.
    """

    turn_id: str | None
    question: str
    segments: tuple[Segment, ...]
    mark: tuple[str, ...] = field(repr=False, default=())

    @property
    def prose(self) -> str:
        """The answer's text, as the model wrote it."""
        return "\n\n".join(segment.text for segment in self.segments if isinstance(segment, Prose))


def turns_of(log: Iterable[Message], calls: Mapping[str, ToolResult] | None = None) -> list[ReadTurn]:
    """The turns that these messages are, oldest first. `calls` knows how tool calls ended, by their id; a message only
    tells what came of them."""
    return [_turn(turn_id, list(messages), calls or {}) for turn_id, messages in groupby(log, lambda one: one.turn_id)]


def _turn(turn_id: str | None, messages: Sequence[Message], calls: Mapping[str, ToolResult]) -> ReadTurn:
    asked = "\n\n".join(message.content for message in messages if message.role == "user")
    results = {message.tool_call_id: message.content for message in messages if message.role == "tool"}
    segments: list[Segment] = []
    for message in messages:
        if message.role != "assistant":
            continue
        if message.content.strip():
            segments.append(Prose(message.content))
        segments += [ToolUse(call, _result(call, results.get(call.id), calls)) for call in message.tool_calls]
    return ReadTurn(turn_id, asked, tuple(segments), tuple(message.id for message in messages))


def _result(call: ToolCall, text: str | None, calls: Mapping[str, ToolResult]) -> ToolResult | None:
    """None while the tool runs. Where nothing is on record of the call, how it ended is not known: it has no time."""
    known = calls.get(call.id)
    if text is None:
        return known
    status, duration = (known.status, known.duration_s) if known else ("ok", math.nan)
    return ToolResult(call.id, call.name, call.arguments, text, status, duration)

"""What an answer consists of, in the order in which it came: prose, thoughts and tool calls.

Built from `ChatChunk`s one by one; knows nothing of HTML or of front ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from victor_nb.messages import ChatChunk, ChatResponse, ToolCall, ToolResult


@dataclass(frozen=True, slots=True)
class Prose:
    """Markdown of the answer itself."""

    text: str


@dataclass(frozen=True, slots=True)
class Thought:
    """Reasoning that the model gave beside its answer; `running` while there may be more."""

    text: str
    running: bool = False


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A tool call; `result` is None while it runs."""

    call: ToolCall
    result: ToolResult | None = None


@dataclass(frozen=True, slots=True)
class Verbatim:
    """Text to be shown as it is: code in a language, or no language."""

    text: str
    language: str = ""


Segment: TypeAlias = Prose | Thought | ToolUse | Verbatim


class Transcript:
    """The segments so far. Neighbouring pieces of text of one kind are one segment."""

    def __init__(self, segments: Iterable[Segment] = ()) -> None:
        self.segments: list[Segment] = list(segments)

    def add(self, chunk: ChatChunk) -> None:
        if chunk.reasoning:
            self._extend(Thought(chunk.reasoning))
        if chunk.content:
            self._extend(Prose(chunk.content))
        if chunk.tool_started:
            self.segments.append(ToolUse(chunk.tool_started))
        if chunk.tool_finished:
            self._finish(chunk.tool_finished)

    def _extend(self, piece: Prose | Thought) -> None:
        last = self.segments[-1] if self.segments else None
        if isinstance(last, Prose | Thought) and type(last) is type(piece):
            self.segments[-1] = type(piece)(last.text + piece.text)
        else:
            self.segments.append(piece)

    def _finish(self, result: ToolResult) -> None:
        done = ToolUse(ToolCall(result.id, result.name, result.arguments), result)
        for index, segment in enumerate(self.segments):
            if isinstance(segment, ToolUse) and segment.call.id == result.id and segment.result is None:
                self.segments[index] = done
                return
        self.segments.append(done)

    def conclude(self, response: ChatResponse) -> None:
        """The whole answer is there: take what did not stream from it. A typed answer is its object, in place of the
        text that the model wrote on the way."""
        if response.typed:
            self.segments = [segment for segment in self.segments if not isinstance(segment, Prose)]
            self.segments += answer_of(response)
        elif not self.segments:
            self.segments = transcript_of(response).segments
        elif not self.has_prose:
            self.segments += answer_of(response)

    def close(self) -> None:
        """No more is to come: a tool that still ran was interrupted."""
        for segment in list(self.segments):
            if isinstance(segment, ToolUse) and segment.result is None:
                call = segment.call
                self._finish(ToolResult(call.id, call.name, call.arguments, "", "interrupted", 0.0))

    @property
    def tools_running(self) -> int:
        return sum(isinstance(segment, ToolUse) and segment.result is None for segment in self.segments)

    @property
    def has_prose(self) -> bool:
        return any(isinstance(segment, Prose) for segment in self.segments)


def transcript_of(response: ChatResponse) -> Transcript:
    """The transcript of an answer that was not streamed."""
    thought = [Thought(response.reasoning)] if response.reasoning else []
    tools = [ToolUse(ToolCall(tool.id, tool.name, tool.arguments), tool) for tool in response.tool_calls]
    return Transcript([*thought, *tools, *answer_of(response)])


def answer_of(response: ChatResponse) -> list[Segment]:
    """The answer itself: its text, or its object as JSON."""
    if response.typed:
        return [Verbatim(_as_json(response.value), "json")]
    return [Prose(response.content)] if response.content else []


def _as_json(value: object) -> str:
    from pydantic_core import PydanticSerializationError, to_json

    try:
        return to_json(value, indent=2, fallback=repr).decode()
    except (PydanticSerializationError, ValueError):  # of bytes that are no text, say
        return repr(value)

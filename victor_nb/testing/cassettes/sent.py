"""A model request in names of our own: what a recording is found by. Nothing of the model library, no ids, no secrets
and no addresses in memory are in it, so that it is the same tomorrow and on another machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from victor_nb.errors import VictorError
from victor_nb.messages import JsonValue, Message, ModelRequest, ToolSpec
from victor_nb.models.catalog import parse
from victor_nb.testing.cassettes.redaction import Redaction

SETTINGS: Final = (
    "max_tokens",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "stop_sequences",
    "thinking",
    "parallel_tool_calls",
)
"""Those of `MODEL_SETTINGS` that change an answer."""

JsonMap = dict[str, JsonValue]


@dataclass(frozen=True)
class Sent:
    """`model` is what the user named, None where the environment decided. Messages, tools and settings are JSON;
    `key` is the same for what would be answered the same."""

    model: str | None
    purpose: str
    messages: tuple[JsonMap, ...]
    tools: tuple[JsonMap, ...] = ()
    output_tool: JsonMap | None = None
    settings: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    @cached_property
    def key(self) -> str:
        parts: list[Any] = [self.model, self.purpose, self.messages, self.tools, self.output_tool, dict(self.settings)]
        return canonical(parts)


def sent(named: str | None, request: ModelRequest, redaction: Redaction | None = None) -> Sent:
    """What `request` says, to the model that the user called `named`, as it may be stored."""
    redaction = redaction or Redaction()
    settings: JsonMap = {
        name: redaction.json(request.settings[name]) for name in SETTINGS if request.settings.get(name) is not None
    }
    return Sent(
        model=None if named is None else redaction.text(public_name(named)),
        purpose=request.purpose,
        messages=tuple(_conversation(request.messages, redaction)),
        tools=tuple(_tool(tool, redaction) for tool in request.tools),
        output_tool=_tool(request.output_tool, redaction) if request.output_tool else None,
        settings=settings,
    )


def public_name(named: str) -> str:
    """The name of a model without the address of its server, which may hold a password."""
    try:
        found = parse(named)
    except VictorError:
        return named
    return f"server:{found.model}" if found.base_url else str(found)


def canonical(value: Any) -> str:
    """JSON text that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _conversation(messages: Sequence[Message], redaction: Redaction) -> Iterator[JsonMap]:
    """The messages as JSON. Calls are told apart by their number, for their ids are of one answer only."""
    numbers: dict[str, int] = {}
    calls = 0
    for message in messages:
        yield _message(message, numbers, redaction)
        for call in message.tool_calls:
            calls += 1
            numbers[call.id] = calls


def _message(message: Message, numbers: dict[str, int], redaction: Redaction) -> JsonMap:
    found: JsonMap = {"role": message.role, "text": redaction.text(message.content)}
    if message.tool_calls:
        found["calls"] = [call_form(call.name, call.arguments, redaction) for call in message.tool_calls]
    if message.tool_call_id is not None:
        found["tool"] = message.tool_name and redaction.text(message.tool_name)
        found["call"] = numbers.get(message.tool_call_id)
    if message.images:
        found["images"] = [image.media_type for image in message.images]
    return found


def call_form(name: str, arguments: str, redaction: Redaction) -> JsonMap:
    """A call as JSON, without its id: that differs in every answer, and tells nothing."""
    return {"name": redaction.text(name), "arguments": _arguments(arguments, redaction)}


def _arguments(text: str, redaction: Redaction) -> JsonValue:
    found = arguments_of(text)
    return redaction.text(found) if isinstance(found, str) else redaction.json(found)


def arguments_of(text: str) -> JsonValue:
    """The arguments of a call as a JSON object, or the text where the model wrote none."""
    try:
        found: JsonValue = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def _tool(tool: ToolSpec, redaction: Redaction) -> JsonMap:
    description, parameters = redaction.text(tool.description), redaction.json(tool.parameters)
    return {"name": tool.name, "description": description, "parameters": parameters}


def first_line(messages: Sequence[JsonMap]) -> str:
    """The first line of the last question, to tell requests apart by: below it may stand a table."""
    asked = next((str(one["text"]) for one in reversed(messages) if one["role"] == "user"), "")
    return " ".join(next(iter(asked.strip().splitlines()), "").split())[:60]

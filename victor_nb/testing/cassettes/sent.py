"""A model request in names of our own: what a recording is found by. Nothing of the model library, no ids, no secrets
and no addresses in memory are in it, so that it is the same tomorrow and on another machine.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from victor_nb.errors import VictorError
from victor_nb.messages import JsonValue, Message, ModelRequest, ToolSpec
from victor_nb.models.catalog import parse
from victor_nb.store.scrub import Scrubber

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

_ADDRESS: Final = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")
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

    @property
    def key(self) -> str:
        parts: list[Any] = [self.model, self.purpose, self.messages, self.tools, self.output_tool, dict(self.settings)]
        return canonical(parts)


def sent(named: str | None, request: ModelRequest, scrubber: Scrubber | None = None) -> Sent:
    """What `request` says, to the model that the user called `named`."""
    scrubber = scrubber or Scrubber()
    calls: dict[str, int] = {}
    return Sent(
        model=None if named is None else public_name(named),
        purpose=request.purpose,
        messages=tuple(message_form(message, calls, scrubber) for message in request.messages),
        tools=tuple(_tool(tool) for tool in request.tools),
        output_tool=_tool(request.output_tool) if request.output_tool else None,
        settings={name: request.settings[name] for name in SETTINGS if request.settings.get(name) is not None},
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


def settled(text: str, scrubber: Scrubber) -> str:
    """Text as it may be stored and compared: without secrets, and without what differs in every process."""
    return _ADDRESS.sub("0x…", scrubber.message(text))


def message_form(message: Message, calls: dict[str, int], scrubber: Scrubber) -> JsonMap:
    """A message as JSON. `calls` has the numbers of the calls so far, by id, and is added to."""
    found: JsonMap = {"role": message.role, "text": settled(message.content, scrubber)}
    if message.tool_calls:
        found["calls"] = [_call(call.name, call.arguments, scrubber) for call in message.tool_calls]
        calls.update((call.id, len(calls) + number) for number, call in enumerate(message.tool_calls, 1))
    if message.tool_call_id is not None:
        found["tool"] = message.tool_name
        found["call"] = calls.get(message.tool_call_id)
    if message.images:
        found["images"] = [image.media_type for image in message.images]
    return found


def _call(name: str, arguments: str, scrubber: Scrubber) -> JsonMap:
    return {"name": name, "arguments": arguments_of(settled(arguments, scrubber))}


def arguments_of(text: str) -> JsonValue:
    """The arguments of a call as JSON, or the text where the model wrote none."""
    try:
        return json.loads(text) if text.strip() else {}
    except ValueError:
        return text


def _tool(tool: ToolSpec) -> JsonMap:
    return {"name": tool.name, "description": tool.description, "parameters": tool.parameters}


def first_line(messages: Sequence[JsonMap]) -> str:
    """The first line of the last question, to tell requests apart by: below it may stand a table."""
    asked = next((str(one["text"]) for one in reversed(messages) if one["role"] == "user"), "")
    return " ".join(next(iter(asked.strip().splitlines()), "").split())[:60]

"""Reads the requests that one model is sent. Of a conversation that grows it reads what is new: messages are frozen,
and to take out secrets is the dearest part of a replay.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from victor_nb.messages import Message, ModelRequest, ToolSpec
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import NO_TOOLS, SETTINGS, Sent, Tools, call_form, public_name
from victor_nb.testing.cassettes.talk import JsonMap, Talk

_CONVERSATIONS: Final = 64


@dataclass
class _Read:
    """A conversation as far as it was read. Calls are told apart by their number, for their ids are of one answer
    only. `forms` has what became of each message, by its identity."""

    messages: tuple[Message, ...] = ()
    talk: Talk | None = None
    forms: dict[int, JsonMap] = field(default_factory=dict[int, JsonMap])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    calls: int = 0

    def read(self, messages: Sequence[Message], redaction: Redaction, known: Mapping[int, JsonMap]) -> None:
        """Go on with these. Those in `known` need not be read again, unless another call is answered by them."""
        for message in messages:
            number, form = self.numbers.get(message.tool_call_id or ""), known.get(id(message))
            if form is None or form.get("call") != number:
                form = _message(message, number, redaction)
            self.forms[id(message)] = form
            self.talk = Talk.ending(form, self.talk)
            for call in message.tool_calls:
                self.calls += 1
                self.numbers[call.id] = self.calls
        self.messages += tuple(messages)


class RequestReader:
    """Of requests to the model that the user called `named`, as they may be stored."""

    def __init__(self, named: str | None, redaction: Redaction) -> None:
        self._model = None if named is None else redaction.text(public_name(named))
        self._redaction = redaction
        self._lock = threading.Lock()
        self._secrets: object = None
        self._read: OrderedDict[tuple[str, str], _Read] = OrderedDict()
        self._offered: tuple[tuple[ToolSpec, ...], Tools] = ((), NO_TOOLS)

    def sent(self, request: ModelRequest) -> Sent:
        """What `request` says. May be called from any thread."""
        redaction, settings, output = self._redaction, request.settings, request.output_tool
        with self._lock:
            self._look_around()
            talk, tools = self._talk(request), self._tools(request.tools)
        return Sent(
            model=self._model,
            purpose=request.purpose,
            talk=talk,
            tools=tools,
            output_tool=_tool(output, redaction) if output else None,
            settings={name: redaction.json(settings[name]) for name in SETTINGS if settings.get(name) is not None},
        )

    def _look_around(self) -> None:
        """What was read with other secrets in the environment has to be read again."""
        secrets = self._redaction.secrets
        if secrets is not self._secrets:
            self._secrets = secrets
            self._read.clear()
            self._offered = ((), NO_TOOLS)

    def _talk(self, request: ModelRequest) -> Talk | None:
        place, messages = (request.session_id, request.purpose), request.messages
        before = self._read.pop(place, None) or _Read()
        goes_on = messages[: len(before.messages)] == before.messages
        read = before if goes_on else _Read()
        read.read(messages[len(read.messages) :], self._redaction, before.forms)
        self._read[place] = read
        if len(self._read) > _CONVERSATIONS:
            self._read.popitem(last=False)
        return read.talk

    def _tools(self, offered: tuple[ToolSpec, ...]) -> Tools:
        if offered != self._offered[0]:
            self._offered = offered, Tools(_tool(tool, self._redaction) for tool in offered)
        return self._offered[1]


def _message(message: Message, number: int | None, redaction: Redaction) -> JsonMap:
    found: JsonMap = {"role": message.role, "text": redaction.text(message.content)}
    if message.tool_calls:
        found["calls"] = [call_form(call.name, call.arguments, redaction) for call in message.tool_calls]
    if message.tool_call_id is not None:
        found["tool"] = message.tool_name and redaction.text(message.tool_name)
        found["call"] = number
    if message.images:
        found["images"] = [image.media_type for image in message.images]
    return found


def _tool(tool: ToolSpec, redaction: Redaction) -> JsonMap:
    description, parameters = redaction.text(tool.description), redaction.json(tool.parameters)
    return {"name": tool.name, "description": description, "parameters": parameters}

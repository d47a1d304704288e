"""What a cassette holds, and how its file is read; `page.py` writes it. A request that goes on from an earlier one and
its answer says how far above that stands, and holds only what is new; tools are written once, and named.

Nothing in it is computed from something else in it, so that a file edited by hand is as good as a recorded one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast, get_args

from victor_nb.messages import Role
from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.lines import joined
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import NO_TOOLS, Sent, Tools, arguments_of
from victor_nb.testing.cassettes.talk import JsonMap, Talk
from victor_nb.testing.cassettes.tool_table import ToolTable
from victor_nb.testing.cassettes.vectors import Embeddings, from_json
from victor_nb.testing.cassettes.versions import VERSION, brought_up, version_of
from victor_nb.testing.cassettes.wrong_form import UnreadableForm

_WRONG: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)
_ROLES: Final = get_args(Role)


@dataclass(frozen=True)
class Take:
    """A request and its answer."""

    sent: Sent
    answer: Answer

    @cached_property
    def end(self) -> Talk:
        """The conversation with the answer, as a later request sends it."""
        return Talk.ending(said(self.answer), self.sent.talk)


@dataclass(frozen=True)
class Player:
    """What is known of a model before it answers: its name, its provider, the tokens of its window, and whether its
    server is a `local` one, whose answers cost nothing."""

    name: str
    provider: str
    context_window: int | None = None
    local: bool = False

    def to_json(self) -> JsonMap:
        found: JsonMap = {"name": self.name, "provider": self.provider, "context_window": self.context_window}
        return found | {"local": True} if self.local else found


@dataclass(frozen=True)
class Content:
    """What a file holds. `version` is the one it was written in."""

    takes: list[Take]
    players: dict[str, Player]
    version: int = VERSION
    embeddings: Embeddings = field(default_factory=dict[str, dict[str, bytes]])


def from_text(text: str) -> Content:
    """
    Raises:
        UnreadableForm: it is no cassette, or one of a newer version.
    """
    try:
        raw: Any = json.loads(text)
    except RecursionError:
        raise UnreadableForm("it is nested too deeply") from None
    except ValueError as error:
        raise UnreadableForm(f"it is no JSON: {error}") from None
    version = version_of(raw)
    try:
        redaction, form = Redaction(), joined(brought_up(raw))
        embeddings = from_json(form.pop("embeddings", {}), redaction)
        data: Any = redaction.json(form)
        models, table = data.get("models", {}), ToolTable.from_json(data.get("tools", {}))
        players = {str(named): _player(one) for named, one in models.items()}
        return Content(_takes(data.get("requests", []), table), players, version, embeddings)
    except UnreadableForm:
        raise
    except _WRONG as error:
        raise UnreadableForm(f"it cannot be understood: {_told(error)}") from None


def said(answer: Answer) -> JsonMap:
    """The answer as a later request sends it."""
    message = answer.reply.message
    found: JsonMap = {"role": "assistant", "text": message.content}
    if message.tool_calls:
        found["calls"] = [{"name": c.name, "arguments": arguments_of(c.arguments)} for c in message.tool_calls]
    return found


def _takes(requests: Any, table: ToolTable) -> list[Take]:
    if not isinstance(requests, list):
        raise TypeError("requests is no list")
    takes: list[Take] = []
    for number, data in enumerate(cast("list[Any]", requests), 1):
        try:
            takes.append(_take(data, table, takes))
        except _WRONG as error:
            raise UnreadableForm(f"request {number} cannot be understood: {_told(error)}") from None
    return takes


def _take(data: dict[str, Any], table: ToolTable, takes: Sequence[Take]) -> Take:
    messages = [_message(one) for one in data["messages"]]
    base = None if data.get("after") is None else _above(data["after"], takes)
    tools = base.sent.tools if base else NO_TOOLS
    output = data.get("output_tool")
    sent = Sent(
        data.get("model") and str(data["model"]),
        str(data.get("purpose", "chat")),
        Talk.of(messages, base.end if base else None),
        Tools(table.named(label) for label in data["tools"]) if "tools" in data else tools,
        None if output is None else table.named(output),
        dict(data.get("settings", {})),
    )
    return Take(sent, Answer.from_json(data["answer"]))


def _message(data: Any) -> JsonMap:
    if data["role"] not in _ROLES:
        raise ValueError(f"there is no role {data['role']!r}")
    if not isinstance(data["text"], str):
        raise TypeError("the text of a message is none")
    return data


def _player(data: Any) -> Player:
    window = data.get("context_window")
    if window is not None and (not isinstance(window, int) or isinstance(window, bool)):
        raise TypeError("context_window is no number")
    return Player(str(data["name"]), str(data["provider"]), window, data.get("local") is True)


def _above(after: object, takes: Sequence[Take]) -> Take:
    if not isinstance(after, int) or not 1 <= -after <= len(takes):
        raise ValueError(f'"after": {after} is no request above it')
    return takes[after]


def _told(error: BaseException) -> str:
    if isinstance(error, KeyError):
        missing = error.args[0] if error.args else ""
        return str(missing) if " " in str(missing) else f"{missing!r} is missing"
    return str(error) or type(error).__name__

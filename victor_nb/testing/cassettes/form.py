"""The file of a cassette: JSON for people, for `git diff` and for `git merge`. A request that goes on from an earlier
one and its answer says how far above that stands, and holds only what is new; tools are written once, and named.

Nothing in it is computed from something else in it, so that a file edited by hand is as good as a recorded one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast, get_args

from victor_nb.messages import JsonValue, Role
from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.lines import joined, lined
from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.sent import JsonMap, Sent, arguments_of, canonical
from victor_nb.testing.cassettes.tool_table import ToolTable
from victor_nb.testing.cassettes.versions import VERSION, brought_up, version_of
from victor_nb.testing.cassettes.wrong_form import UnreadableForm

_WRONG: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError, ArithmeticError, RecursionError)
_ROLES: Final = get_args(Role)


@dataclass(frozen=True)
class Take:
    """A request and its answer."""

    sent: Sent
    answer: Answer


@dataclass(frozen=True)
class Player:
    """What is known of a model before it answers: its name, its provider, and the tokens of its window."""

    name: str
    provider: str
    context_window: int | None = None


@dataclass(frozen=True)
class Content:
    """What a file holds. `version` is the one it was written in."""

    takes: list[Take]
    players: dict[str, Player]
    version: int = VERSION


def to_text(takes: Sequence[Take], players: dict[str, Player]) -> str:
    """The text of the file."""
    table = ToolTable()
    models: JsonMap = {named: asdict(player) for named, player in sorted(players.items())}
    requests: list[JsonValue] = []
    ends: dict[str, int] = {}
    for number, take in enumerate(takes):
        base = _base(take.sent, ends)
        requests.append(_request(take, None if base is None else (number - base, takes[base].sent), table))
        ends[canonical([*take.sent.messages, said(take.answer)])] = number
    data: JsonMap = {"victor_cassette": VERSION, "models": models}
    if table.entries:
        data["tools"] = dict(table.entries)
    return json.dumps(lined(data | {"requests": requests}), indent=1, ensure_ascii=False) + "\n"


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
        data: Any = Redaction().json(joined(brought_up(raw)))
        models, table = data.get("models", {}), ToolTable.from_json(data.get("tools", {}))
        players = {str(named): _player(one) for named, one in models.items()}
        return Content(_takes(data.get("requests", []), table), players, version)
    except UnreadableForm:
        raise
    except _WRONG as error:
        raise UnreadableForm(f"it cannot be understood: {_told(error)}") from None


def _base(sent: Sent, ends: dict[str, int]) -> int | None:
    """Which request this one goes on from: its messages and its answer are how this one begins."""
    for size in range(len(sent.messages), 0, -1):
        if sent.messages[size - 1]["role"] == "assistant":
            base = ends.get(canonical(sent.messages[:size]))
            if base is not None:
                return base
    return None


def _request(take: Take, base: tuple[int, Sent] | None, table: ToolTable) -> JsonMap:
    sent = take.sent
    found: JsonMap = {"model": sent.model}
    if sent.purpose != "chat":
        found["purpose"] = sent.purpose
    if base:
        found["after"] = -base[0]
    found["messages"] = list(sent.messages[len(base[1].messages) + 1 :] if base else sent.messages)
    if canonical(sent.tools) != canonical(base[1].tools if base else ()):
        found["tools"] = [table.label_of(tool) for tool in sent.tools]
    if sent.output_tool:
        found["output_tool"] = table.label_of(sent.output_tool)
    if sent.settings:
        found["settings"] = dict(sent.settings)
    found["answer"] = take.answer.to_json()
    return found


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
    messages: tuple[JsonMap, ...] = tuple(_message(one) for one in data["messages"])
    base = None if data.get("after") is None else _above(data["after"], takes)
    if base:
        messages = (*base.sent.messages, said(base.answer), *messages)
    tools = base.sent.tools if base else ()
    output = data.get("output_tool")
    sent = Sent(
        data.get("model") and str(data["model"]),
        str(data.get("purpose", "chat")),
        messages,
        tuple(table.named(label) for label in data["tools"]) if "tools" in data else tools,
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
    return Player(str(data["name"]), str(data["provider"]), window)


def _above(after: object, takes: Sequence[Take]) -> Take:
    if not isinstance(after, int) or not 1 <= -after <= len(takes):
        raise ValueError(f'"after": {after} is no request above it')
    return takes[after]


def _told(error: BaseException) -> str:
    if isinstance(error, KeyError):
        missing = error.args[0] if error.args else ""
        return str(missing) if " " in str(missing) else f"{missing!r} is missing"
    return str(error) or type(error).__name__

"""The file of a cassette: JSON for people and for `git diff`. A text of several lines is a list of lines; a request
that goes on from an earlier one and its answer says which, and holds only what is new; tools are written when they
change.

Nothing in it is computed from something else in it, so that a file edited by hand is as good as a recorded one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from victor_nb.messages import JsonValue
from victor_nb.store.scrub import Scrubber
from victor_nb.testing.cassettes.answer import Answer
from victor_nb.testing.cassettes.sent import JsonMap, Sent, message_form

VERSION: Final = 1
_LINED: Final = ("text", "reasoning", "description")
_OPAQUE: Final = ("arguments", "parameters")
_PIECES_A_LINE: Final = 24


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


class UnreadableForm(ValueError):
    """What is wrong with a file, for people to read."""


def to_text(takes: Sequence[Take], players: dict[str, Player]) -> str:
    """The text of the file."""
    models: JsonMap = {named: _player(player) for named, player in sorted(players.items())}
    data: JsonMap = {"victor_cassette": VERSION, "models": models, "requests": _requests(takes)}
    return json.dumps(_lined(data), indent=1, ensure_ascii=False) + "\n"


def from_text(text: str) -> tuple[list[Take], dict[str, Player]]:
    """
    Raises:
        UnreadableForm: it is no cassette, or one of a newer version.
    """
    try:
        data: Any = _joined(json.loads(text))
    except ValueError as error:
        raise UnreadableForm(f"it is no JSON: {error}") from None
    if not isinstance(data, dict) or "victor_cassette" not in data:
        raise UnreadableForm("it is no cassette")
    found = cast("dict[str, Any]", data)
    if found["victor_cassette"] != VERSION:
        raise UnreadableForm(f"it is of version {found['victor_cassette']}, and this victor_nb reads {VERSION}")
    players = {str(named): Player(**one) for named, one in found.get("models", {}).items()}
    return _takes(found.get("requests", [])), players


def _player(player: Player) -> JsonMap:
    return {"name": player.name, "provider": player.provider, "context_window": player.context_window}


def _requests(takes: Sequence[Take]) -> list[JsonValue]:
    found: list[JsonValue] = []
    before: Sent | None = None
    for number, take in enumerate(takes):
        found.append(_request(take, number, takes, before))
        before = take.sent
    return found


def _request(take: Take, number: int, takes: Sequence[Take], before: Sent | None) -> JsonMap:
    sent = take.sent
    base = next((n for n in reversed(range(number)) if _goes_on(sent, takes[n])), None)
    new = sent.messages if base is None else sent.messages[len(takes[base].sent.messages) + 1 :]
    found: JsonMap = {"model": sent.model}
    if sent.purpose != "chat":
        found["purpose"] = sent.purpose
    if base is not None:
        found["after"] = base + 1
    found["messages"] = list(new)
    if sent.tools != (before.tools if before else ()):
        found["tools"] = list(sent.tools)
    if sent.output_tool:
        found["output_tool"] = sent.output_tool
    if sent.settings:
        found["settings"] = dict(sent.settings)
    found["answer"] = take.answer.to_json()
    return found


def _goes_on(sent: Sent, earlier: Take) -> bool:
    known = (*earlier.sent.messages, said(earlier.answer))
    return sent.messages[: len(known)] == known


def said(answer: Answer) -> JsonMap:
    """The answer as a later request sends it."""
    return message_form(answer.reply.message, {}, Scrubber())


def _takes(requests: list[Any]) -> list[Take]:
    takes: list[Take] = []
    tools: tuple[JsonMap, ...] = ()
    for number, data in enumerate(requests, 1):
        try:
            tools = tuple(data["tools"]) if "tools" in data else tools
            takes.append(_take(data, tools, takes))
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise UnreadableForm(f"request {number} cannot be understood: {type(error).__name__}: {error}") from None
    return takes


def _take(data: dict[str, Any], tools: tuple[JsonMap, ...], takes: Sequence[Take]) -> Take:
    messages: tuple[JsonMap, ...] = tuple(data["messages"])
    if (after := data.get("after")) is not None:
        base: Take = takes[_place(after, len(takes))]
        messages = (*base.sent.messages, said(base.answer), *messages)
    sent = Sent(
        data.get("model"),
        data.get("purpose", "chat"),
        messages,
        tools,
        data.get("output_tool"),
        data.get("settings", {}),
    )
    return Take(sent, Answer.from_json(data["answer"]))


def _place(after: object, known: int) -> int:
    if not isinstance(after, int) or not 1 <= after <= known:
        raise ValueError(f"it comes after request {after}, which does not stand before it")
    return after - 1


def _lined(value: Any) -> Any:
    """Texts of several lines as lists of lines, but for those in arguments and schemas, where lists are lists."""
    if isinstance(value, list):
        return [_lined(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    return {name: one if name in _OPAQUE else _lines(name, one) for name, one in found.items()}


def _lines(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return _lined(value)
    if name in _LINED and "\n" in value:
        return value.split("\n")
    words = value.split(" ") if name == "pieces" else []
    if len(words) <= _PIECES_A_LINE:
        return value
    return [" ".join(words[n : n + _PIECES_A_LINE]) for n in range(0, len(words), _PIECES_A_LINE)]


def _joined(value: Any) -> Any:
    if isinstance(value, list):
        return [_joined(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    return {name: one if name in _OPAQUE else _text_of(name, one) for name, one in found.items()}


def _text_of(name: str, value: Any) -> Any:
    if name in (*_LINED, "pieces") and isinstance(value, list):
        return (" " if name == "pieces" else "\n").join(map(str, cast("list[Any]", value)))
    return _joined(value)

"""A model request in names of our own: what a recording is found by. Nothing of the model library, no ids, no secrets
and no addresses in memory are in it, so that it is the same tomorrow and on another machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from victor_nb.errors import VictorError
from victor_nb.messages import JsonValue
from victor_nb.models.catalog import parse
from victor_nb.testing.cassettes.redaction import HOME, Redaction, homeless
from victor_nb.testing.cassettes.talk import JsonMap, Talk, canonical, digest

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


class Tools(tuple[JsonMap, ...]):
    """Those that are offered. They are the same in many requests, and are written as text once."""

    @cached_property
    def text(self) -> str:
        return canonical(self)


NO_TOOLS: Final = Tools()


@dataclass(frozen=True)
class Sent:
    """`model` is what the user named, None where the environment decided. Messages, tools and settings are JSON;
    `key` is the same for what would be answered the same."""

    model: str | None
    purpose: str
    talk: Talk | None
    tools: Tools = NO_TOOLS
    output_tool: JsonMap | None = None
    settings: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])

    @property
    def messages(self) -> tuple[JsonMap, ...]:
        return tuple(self.talk.since(0)) if self.talk else ()

    @cached_property
    def key(self) -> bytes:
        return digest(*self._rest(), before=self.talk.digest if self.talk else b"")

    @cached_property
    def homeless_key(self) -> bytes:
        """The key, had nobody's home folder been named."""
        return digest(*map(homeless, self._rest()), before=self.talk.homeless if self.talk else b"")

    @property
    def at_home(self) -> bool:
        """Whether the recording machine's home folder is named."""
        return bool(self.talk and self.talk.at_home) or any(HOME in part for part in self._rest())

    def _rest(self) -> Iterator[str]:
        yield self.tools.text
        yield canonical([self.model, self.purpose, self.output_tool, dict(self.settings)])


def public_name(named: str) -> str:
    """The name of a model without the address of its server, which may hold a password."""
    try:
        found = parse(named)
    except VictorError:
        return named
    return f"server:{found.model}" if found.base_url else str(found)


def arguments_of(text: str) -> JsonValue:
    """The arguments of a call as a JSON object, or the text where the model wrote none."""
    try:
        found: JsonValue = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, dict) else text


def first_line(messages: Sequence[JsonMap]) -> str:
    """The first line of the last question, to tell requests apart by: below it may stand a table."""
    asked = next((str(one["text"]) for one in reversed(messages) if one["role"] == "user"), "")
    return " ".join(next(iter(asked.strip().splitlines()), "").split())[:60]


def call_form(name: str, arguments: str, redaction: Redaction) -> JsonMap:
    """A call as JSON, without its id: that differs in every answer, and tells nothing."""
    return {"name": redaction.text(name), "arguments": _arguments(arguments, redaction)}


def _arguments(text: str, redaction: Redaction) -> JsonValue:
    found = arguments_of(text)
    return redaction.text(found) if isinstance(found, str) else redaction.json(found)

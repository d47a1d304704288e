"""Secrets are taken out of events before these are stored anywhere: keys of known shapes, and the values that the
environment holds under names such as `…_API_KEY`.

Runs in the writer's thread. A search for tell-tale pieces lets ordinary text pass; only strings of the JSON text that
hold one are decoded, so that the rest stays as it is, byte for byte. No pattern looks back or far ahead: the time is
linear in the text.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from victor_nb.store.database import Row
from victor_nb.store.encode import mended_text

_NAMES = ("_API_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
_SHORTEST = 8
_START = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrtbf])|(?<=\\u[0-9a-f]{4}))"  # of JSON inside of a string, too
_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Shape:
    """`pattern` matches a secret, or with groups 1 and 2 what stands before and behind it. `tells`: without one of
    these pieces in a text there is no such secret."""

    kind: str
    tells: tuple[str, ...]
    pattern: re.Pattern[str]


def _shape(kind: str, tells: str, pattern: str, *, start: str = _START) -> _Shape:
    return _Shape(kind, tuple(tells.split()), re.compile(start + pattern))


_SHAPES: Final = (
    _shape(
        "private key",
        "PRIVATE",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?:[^-]|-(?!----))*"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----)?",
        start="",
    ),  # first: other shapes would eat its dashes
    _shape("Anthropic key", "sk-", r"sk-ant-[\w-]{16,}"),
    _shape("API key", "sk-", r"sk-(?=[\w-]{0,60}\d)[\w-]{20,}"),
    _shape("Google key", "AIza", r"AIza[\w-]{30,}"),
    _shape("AWS key", "AKIA ASIA", r"(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"),
    _shape("GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_", r"gh[pousr]_[A-Za-z0-9]{30,}"),
    _shape("GitHub token", "github_pat_", r"github_pat_\w{22,}"),
    _shape("GitLab token", "glpat-", r"glpat-[\w.-]{20,}"),
    _shape("Hugging Face token", "hf_", r"hf_[A-Za-z0-9]{20,}"),
    _shape("Slack token", "xox", r"xox[a-z]-[A-Za-z0-9-]{10,}"),
    _shape("Stripe key", "k_live_", r"[sr]k_live_[A-Za-z0-9]{10,}"),
    _shape("JSON Web Token", "eyJ", r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    _shape(
        "credentials",
        "uthorization",
        r"(?i:(authorization['\"\\]*\s*[:=]\s*['\"\\]*\w{1,10}\s+)[^\s'\"\\]+)",
    ),
    _shape("bearer token", "earer", r"((?i:bearer)\s+)(?=[^\s]{0,100}\d)[\w.~+/=-]{16,}"),
    _shape("password", "://", r"(://[^\s/:@'\"]{0,256}:)[^\s@/'\"]{1,256}(@)", start=""),
)
# The name and the value may be two strings of the JSON text, so this one is looked for in the text itself. The value
# has no quote or backslash, and does not follow a backslash, so that JSON stays JSON.
_AWS_SECRET = re.compile(r"((?i:secret_?access_?key)[\\\"'\s:=]{0,10}[\"'\s:=])[A-Za-z0-9/+=]{40}(?![A-Za-z0-9/+=])")
_AWS_TELLS = ("ccess_key", "ccessKey", "CCESS_KEY")


def scrubbed(kind: str) -> str:
    """What stands in a secret's place."""
    return f"[secret scrubbed: {kind}]"


@dataclass(frozen=True, slots=True)
class _Literals:
    """The secrets of an environment as name and value, the longest first: one may be part of another. Without one
    of the pieces in `tells` there is no secret at all in a JSON text; `plain` are those of plain text."""

    values: tuple[tuple[str, str], ...] = ()
    tells: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> _Literals:
        names = [name for name in environment if name.upper().endswith(_NAMES)]
        found = [(name, value) for name in names if len(value := environment.get(name, "")) >= _SHORTEST]
        found.sort(key=lambda item: (-len(item[1]), item))
        shapes = (*sorted({tell for shape in _SHAPES for tell in shape.tells}), *_AWS_TELLS)
        escaped = (json.dumps(value)[1:-1] for _, value in found)
        return cls(tuple(found), (*escaped, *shapes), (*(value for _, value in found), *shapes))


class _Surroundings:
    """An environment, read through again only when it has changed."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._known: tuple[Mapping[Any, Any], _Literals] | None = None

    def literals(self) -> _Literals:
        raw: Mapping[Any, Any] = getattr(self._environment, "_data", self._environment)  # os.environ decodes each name
        if self._known is None or raw != self._known[0]:
            self._known = dict(raw), _Literals.of(self._environment)
        return self._known[1]


_OWN: Final = _Surroundings(os.environ)


class Scrubber:
    """`environment` is where literal secrets are from, looked at again with every text and every group of rows."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._surroundings = _OWN if environment is None else _Surroundings(environment)
        self._literals = _Literals()

    @property
    def surroundings(self) -> object:
        """The same object until the literal secrets of the environment change."""
        return self._surroundings.literals()

    def rows(self, rows: Iterable[Row]) -> list[Row]:
        self._look_around()
        return [self._row(row) for row in rows]

    def json(self, text: str) -> str:
        """JSON text without secrets in its strings; the text itself when there are none."""
        for tell in self._literals.tells:
            if tell in text:
                return self._searched(text)
        return text

    def document(self, text: str) -> str:
        """JSON text that is of no row, as it may be stored."""
        self._look_around()
        return self.json(text)

    def message(self, text: str) -> str:
        """Somebody else's plain text, such as an error, as it may be stored."""
        self._look_around()
        text = mended_text(text)
        for tell in self._literals.plain:
            if tell in text:
                return self.text(text)
        return text

    def text(self, text: str) -> str:
        """Plain text without secrets."""
        for name, value in self._literals.values:
            text = text.replace(value, scrubbed(name))
        for shape in _SHAPES:
            if any(tell in text for tell in shape.tells):
                text = shape.pattern.sub(lambda found, kind=shape.kind: _replaced(found, kind), text)
        return _AWS_SECRET.sub(_aws_replaced, text) if any(tell in text for tell in _AWS_TELLS) else text

    def _look_around(self) -> None:
        self._literals = self._surroundings.literals()

    def _row(self, row: Row) -> Row:
        event_id, seq, session_id, type, stamp, turn_id, data, content, channel = row
        everything = f"{session_id} {turn_id} {data} {content}"
        for tell in self._literals.tells:
            if tell in everything:
                break
        else:
            return row
        turn_id = self.text(turn_id) if turn_id else turn_id
        content = self.json(content) if content else content
        return event_id, seq, self.text(session_id), type, stamp, turn_id, self.json(data), content, channel

    def _searched(self, text: str) -> str:
        text = _STRING.sub(self._string, text)
        return _AWS_SECRET.sub(_aws_replaced, text)

    def _string(self, found: re.Match[str]) -> str:
        token = found[0]
        if not any(tell in token for tell in self._literals.tells):
            return token
        plain: str = json.loads(token, strict=False)
        clean = self.text(plain)
        return token if clean == plain else json.dumps(clean)


def _replaced(found: re.Match[str], kind: str) -> str:
    before, behind = (*found.groups(""), "", "")[:2]
    return f"{before}{scrubbed(kind)}{behind}"


def _aws_replaced(found: re.Match[str]) -> str:
    return _replaced(found, "AWS key")

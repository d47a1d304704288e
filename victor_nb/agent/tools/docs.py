"""What a docstring says of a function and of each of its parameters, in the styles of Google, NumPy and Sphinx."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from victor_nb.agent.tools.schema import plain_function

MAX_DESCRIPTION_CHARS: Final = 2_000
_MAX_PARAMETER_CHARS: Final = 500
_PARAMETERS: Final = ("args", "arguments", "parameters", "params", "keyword args", "keyword arguments")
_OTHERS: Final = (
    *("returns", "return", "yields", "raises", "example", "examples", "note", "notes", "warning", "warnings"),
    *("see also", "references", "attributes", "other parameters", "todo", "warns", "usage"),
)
_HEADER: Final = re.compile(r"^([A-Za-z][A-Za-z ]*?)[ \t]*(:?)[ \t]*$")
_RULE: Final = re.compile(r"^[-=~]{3,}\s*$")
_GOOGLE: Final = re.compile(r"^\*{0,2}(\w+)[ \t]*(?:\([^)]*\))?[ \t]*:[ \t]*(.*)")
_NUMPY: Final = re.compile(r"^\*{0,2}(\w+(?:[ \t]*,[ \t]*\*{0,2}\w+)*)[ \t]*(?::.*)?$")
_SPHINX: Final = re.compile(
    r"^:(?:param|parameter|arg|argument|key|keyword)[ \t]+(?:[^:]*[ \t])?\*{0,2}(\w+)[ \t]*:(.*)"
)
_FIELD: Final = re.compile(r"^:\w+[^:]*:")
_KEPT: Final = ("note", "notes", "warning", "warnings", "usage")


@dataclass(frozen=True, slots=True)
class ToolDocs:
    """`description` holds the paragraphs before the first section; `parameters` a line for each described one."""

    description: str = ""
    parameters: dict[str, str] = field(default_factory=dict[str, str])


def described_in(function: Callable[..., object]) -> ToolDocs:
    """Long texts are cut: every request pays for them."""
    text = inspect.getdoc(plain_function(function)) or ""
    described: list[str] = []
    parameters: dict[str, str] = {}
    for section in _sections(text):
        parameters |= section.parameters()
        described += section.prose()
    prose = " ".join("\n".join(described).split())
    return ToolDocs(
        _cut(prose, MAX_DESCRIPTION_CHARS),
        {name: _cut(found, _MAX_PARAMETER_CHARS) for name, found in parameters.items()},
    )


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1].rsplit(' ', 1)[0]}…"


@dataclass(slots=True)
class _Section:
    """Some lines of a docstring under a header; the first has none."""

    name: str = ""
    numpy: bool = False
    lines: list[str] = field(default_factory=list[str])

    def prose(self) -> Iterable[str]:
        """The lines that describe the function."""
        if self.name and self.name not in _KEPT:
            return []
        fields = next((n for n, line in enumerate(self.lines) if _FIELD.match(line)), len(self.lines))
        lead = [f"{self.name.capitalize()}:"] if self.name else []
        return [*lead, *self.lines[:fields]]

    def parameters(self) -> dict[str, str]:
        if self.name in _PARAMETERS:
            return self._entries()
        return {} if self.name else self._fields()

    def _entries(self) -> dict[str, str]:
        """Each entry starts at the depth of the first; what is deeper goes on with it."""
        found: dict[str, list[str]] = {}
        names: list[str] = []
        base = next((_depth(line) for line in self.lines if line.strip()), 0)
        for line in self.lines:
            if not line.strip():
                continue
            match = (_NUMPY if self.numpy else _GOOGLE).match(line.strip()) if _depth(line) == base else None
            if match:
                names = [name.strip().lstrip("*") for name in match[1].split(",")]
                found |= {name: [] if self.numpy else [match[2]] for name in names}
            else:
                for name in names:
                    found[name].append(line.strip())
        return {name: " ".join(filter(None, parts)) for name, parts in found.items()}

    def _fields(self) -> dict[str, str]:
        """Sphinx: `:param int days: how many.`, going on until the next field or an empty line."""
        found: dict[str, list[str]] = {}
        current: list[str] | None = None
        for line in self.lines:
            match = _SPHINX.match(line.strip())
            if match:
                current = found.setdefault(match[1], [match[2].strip()])
            elif _FIELD.match(line.strip()) or not line.strip():
                current = None
            elif current is not None:
                current.append(line.strip())
        return {name: " ".join(parts) for name, parts in found.items()}


def _depth(line: str) -> int:
    return len(line) - len(line.lstrip())


def _sections(text: str) -> list[_Section]:
    sections = [_Section()]
    lines = text.splitlines()
    skip = False
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if skip:
            skip = False
        elif header := _header(line, following):
            sections.append(_Section(header, numpy=bool(_RULE.match(following))))
            skip = sections[-1].numpy
        else:
            sections[-1].lines.append(line)
    return sections


def _header(line: str, following: str) -> str:
    """The name of the section that starts here: at the left margin, with a colon or a rule below."""
    match = _HEADER.match(line)
    if not match or not (match[2] or _RULE.match(following)):
        return ""
    name = match[1].strip().lower()
    return name if name in _PARAMETERS or name in _OTHERS else ""

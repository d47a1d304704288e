"""Where the cursor stands in a cell, as far as it concerns the magics: on the line of `%%victor`, on one of `%victor`,
or inside of `{{ }}` in a question. Everywhere else is not ours. Imports nothing of the project.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_LINE: Final = re.compile(r"\s*(?:[A-Za-z_][\w., \[\]'\"]*=\s*)?%victor\s+(?P<rest>.*)", re.DOTALL)
_CELL: Final = re.compile(r"%%victor\s+(?P<rest>.*)", re.DOTALL)
_AROUND: Final = re.compile(r"%%(?:time|timeit|capture|prun)\b")
_EXPRESSION: Final = re.compile(r"[A-Za-z_][\w.]*(?:\[[^\[\]]*\][\w.]*)*$")


@dataclass(frozen=True)
class Place:
    """`words` stand before the cursor, and `fragment` is the one that it is in. An expression has no words, and its
    fragment is the name, with what it is an attribute of."""

    kind: Literal["cell", "line", "expression"]
    words: tuple[str, ...]
    fragment: str


def place_in(text: str, line_number: int, column: int) -> Place | None:
    """The place of the cursor, at a column of a line, both from 0; None where it is not ours."""
    lines = text.split("\n")
    before = lines[line_number][:column]
    first = _first(lines)
    if lines[first].startswith("%%"):
        if not re.match(r"%%victor(?:\s|$)", lines[first]):
            return None
        if line_number == first:
            return _on_line("cell", _CELL.match(before))
        return _in_question("\n".join([*lines[first + 1 : line_number], before])) if line_number > first else None
    return _on_line("line", _LINE.match(before))


def _first(lines: list[str]) -> int:
    """The number of the first line that is not empty, and no magic that only runs the rest."""
    for number, line in enumerate(lines):
        if line.strip() and not _AROUND.match(line):
            return number
    return len(lines) - 1


def _on_line(kind: Literal["cell", "line"], found: re.Match[str] | None) -> Place | None:
    if not found:
        return None
    *words, fragment = re.split(r"\s+", found["rest"])
    return Place(kind, tuple(words), fragment)


def _in_question(before: str) -> Place | None:
    _, opened, expression = before.rpartition("{{")
    if not opened or "}}" in expression:
        return None
    found = _EXPRESSION.search(expression)
    if not found and expression and not re.search(r"[\s(\[,+\-*/%=<>|&~^:{]$", expression):
        return None
    return Place("expression", (), found[0] if found else "")

"""The text of a question, taken apart at its `{{ expressions }}`.

`{{` begins an expression wherever it stands, and the first `}}` behind which makes it one ends it, so that dicts,
strings and f-strings may hold braces. `\\\\{{` is two braces. What does not parse is an error, never sent as it is.
Nothing is evaluated here.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from types import CodeType
from typing import Final

from victor_nb.errors import UsageError

_OPENING: Final = re.compile(r"(\\*)\{\{")
_CONVERSION: Final = re.compile(r"![ \t]*([rsa])[ \t]*$")
_MAX_CHARS: Final = 10_000
_MAX_ENDS: Final = 100
_MAX_SHOWN: Final = 60
HINT: Final = r"nothing was sent; write \{{ for two braces, or --raw above to send all as it is"


@dataclass(frozen=True, slots=True)
class Expression:
    """What stands between `{{` and `}}`. `conversion` and `spec` are as in f-strings: `{{ x!r:>10 }}`; None where there
    is none. `line` is that of the cell, `name` the source on one line, shortened."""

    source: str
    code: CodeType
    line: int
    conversion: str | None = None
    spec: str | None = None

    @property
    def name(self) -> str:
        return shortened(self.source)

    @property
    def where(self) -> str:
        conversion = "" if self.conversion is None else f"!{self.conversion}"
        spec = "" if self.spec is None else f":{self.spec}"
        return f"{{{{ {self.name}{conversion}{spec} }}}} on line {self.line}"


def take_apart(text: str, first_line: int = 1) -> list[str | Expression]:
    """Literal text and expressions by turns, beginning and ending with text. `first_line` is the line of the cell that
    `text` begins on.

    Raises:
        UsageError: there is a `{{` that begins no expression.
    """
    found: list[str | Expression] = []
    literal, at = "", 0
    while opening := _OPENING.search(text, at):
        before, slashes = text[at : opening.start()], opening[1]
        if len(slashes) % 2:
            literal, at = f"{literal}{before}{slashes[1:]}{{{{", opening.end()
            continue
        expression, at = _closed(text, opening.end(), first_line + text.count("\n", 0, opening.start()))
        found += [literal + before + slashes, expression]
        literal = ""
    return [*found, literal + text[at:]]


def _closed(text: str, start: int, line: int) -> tuple[Expression, int]:
    """The expression that begins at `start`, and where its braces end."""
    ends = list(islice(_ends(text, start), _MAX_ENDS))
    if not ends:
        shown = shortened(text[start:].partition("\n")[0])
        raise UsageError(f"{{{{ {shown} on line {line} has no }}}}.", hint=HINT)
    for end in ends:
        if expression := _expression(text[start:end], line):
            return expression, end + 2
    inside = text[start : ends[0]]
    if not inside.strip():
        raise UsageError(f"{{{{ }}}} on line {line} is empty.", hint=HINT)
    raise UsageError(
        f"{{{{ {shortened(inside)} }}}} on line {line} is no Python expression ({_problem(inside)}).",
        hint=HINT,
    )


def _ends(text: str, start: int) -> Iterator[int]:
    """Where a `}}` begins, also within a longer run of braces."""
    end = text.find("}}", start)
    while 0 <= end <= start + _MAX_CHARS:
        yield end
        end = text.find("}}", end + 1)


def _expression(inside: str, line: int) -> Expression | None:
    if code := _compiled(inside):
        return Expression(inside.strip(), code, line)
    for source, conversion, spec in _splits(inside):
        if code := _compiled(source):
            return Expression(source.strip(), code, line, conversion, spec)
    return None


def _splits(inside: str) -> Iterator[tuple[str, str | None, str | None]]:
    """`source`, `!conversion` and `:spec`, at every place where they may part."""
    places = [len(inside), *(place for place, character in enumerate(inside) if character == ":")]
    for place in (*places[1:], places[0]):
        source, spec = inside[:place], inside[place + 1 :].rstrip()
        if set(spec) & set("{}\n"):
            continue
        found = _CONVERSION.search(source)
        if found:
            yield source[: found.start()], found[1], spec or None
        elif place < len(inside):
            yield source, None, spec


def _compiled(source: str) -> CodeType | None:
    try:
        return _compile(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError):
        return None


def _compile(source: str) -> CodeType:
    """
    Raises:
        SyntaxError: it is no expression, or one that awaits.
    """
    line = source.strip()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if "\n" not in line:
            return compile(line, "<{{ }}>", "eval", dont_inherit=True)
        ast.parse(f"[{line}\n]", mode="eval")  # what closes a bracket that it has not opened is none
        return compile(f"({line}\n)", "<{{ }}>", "eval", dont_inherit=True)


def _problem(source: str) -> str:
    try:
        _compile(source)
    except SyntaxError as error:
        return (error.msg or "invalid syntax").partition(" (<")[0]
    except (ValueError, RecursionError, MemoryError, OverflowError) as error:
        return str(error)
    return "invalid syntax"


def shortened(source: str) -> str:
    line = " ".join(source.split())
    return line if len(line) <= _MAX_SHOWN else f"{line[: _MAX_SHOWN - 1]}…"

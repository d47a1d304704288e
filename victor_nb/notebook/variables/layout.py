"""Where the values of a question stand in its text.

A short value, and one that is text, stands where the braces stood. A long one, such as a table, stands below the line
that names it, in a fence that it cannot end; on a line of its own, in its place.
"""

from __future__ import annotations

import re
from typing import Final

from victor_nb.messages import Image
from victor_nb.notebook.variables.views.sizes import MAX_QUESTION_CHARS
from victor_nb.notebook.variables.views.view import View

MAX_INLINE_CHARS: Final = 200
_NEWLINE: Final = "\n"
_TICKS: Final = re.compile(r"`{3,}")
_FENCE: Final = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


class Layout:
    """`images` are those of the values so far; `notes` say what was cut."""

    def __init__(self) -> None:
        self.images: list[Image] = []
        self.notes: list[str] = []
        self._parts: list[str] = []
        self._line = ""
        self._below: list[str] = []
        self._placed: set[str] = set()
        self._fences = 0
        self._left = MAX_QUESTION_CHARS

    def add_text(self, text: str) -> None:
        self._fences += len(_FENCE.findall(text))
        head, newline, rest = text.partition("\n")
        if newline:
            self._write(head)
            self._end_line()
        self._write(newline + rest if newline else text)

    def add_value(self, name: str, view: View, after: str) -> None:
        """The value of the expression called `name`; `after` is the text behind it."""
        text = self._cut(name, view)
        self.images += view.images
        if view.verbatim or self._fences % 2 or ("\n" not in text and len(text) <= MAX_INLINE_CHARS):
            self._write(text)
            return
        block = _block(name, text, view.language)
        if not self._line.strip() and not after.partition("\n")[0].strip():
            self._write(block)
            return
        self._write(f"`{name}`")
        if block not in self._placed:
            self._placed.add(block)
            self._below.append(block)

    def text(self) -> str:
        self._end_line()
        return "".join(self._parts)

    def _write(self, text: str) -> None:
        self._parts.append(text)
        self._line = (self._line + text).rpartition("\n")[2]

    def _end_line(self) -> None:
        for block in self._below:
            self._write(f"\n\n{block}")
        self._below = []

    def _cut(self, name: str, view: View) -> str:
        text = view.text
        if len(text) > max(self._left, MAX_INLINE_CHARS):
            most = f"the values of one question take {MAX_QUESTION_CHARS:,} characters at most"
            text = f"{text[: max(self._left, 0)]}\n… (cut: {most})".lstrip("\n")
        if text is not view.text or (view.verbatim and view.truncated):
            self.notes.append(f"{{{{ {name} }}}} is not sent whole: {text.rpartition(_NEWLINE)[2]}")
        self._left -= len(text)
        return text


def _block(name: str, text: str, language: str) -> str:
    longest = max((len(run) for run in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return f"{name}:\n{fence}{language}\n{text}\n{fence}"

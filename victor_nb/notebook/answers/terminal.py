"""An answer in plain IPython: text as it comes, without displays or HTML.

The same methods as `AnswerDisplay`, so that a magic need not know which of them it has.
"""

from __future__ import annotations

import sys
from typing import TextIO

from victor_nb.messages import ChatChunk, ChatResponse, ToolCall
from victor_nb.notebook.answers.characters import clean
from victor_nb.notebook.answers.looks import LOOKS
from victor_nb.notebook.answers.render import footer_text, plain_text, tool_text
from victor_nb.notebook.answers.stream import FAILED, INTERRUPTED
from victor_nb.notebook.answers.transcript import answer_of


class TerminalDisplay:
    """Prints one answer to `out` (default: `sys.stdout`) while it arrives; where `look` needs the whole, at the end."""

    def __init__(
        self, out: TextIO | None = None, *, quiet: bool = False, detailed: bool = False, look: str = "markdown"
    ) -> None:
        self._out = out or sys.stdout
        self._quiet = quiet
        self._detailed = detailed
        self._look = LOOKS[look]
        self._at_once = look in ("markdown", "text")
        self._pieces: list[str] = []
        self._line_open = False

    @property
    def text(self) -> str:
        """The answer text that has arrived so far."""
        return "".join(self._pieces)

    def feed(self, chunk: ChatChunk) -> None:
        if chunk.content:
            self._pieces.append(chunk.content)
            if self._at_once:
                self._write(clean(chunk.content.replace("\r", "")))
        if chunk.tool_started:
            self._line(tool_text(chunk.tool_started))
        if done := chunk.tool_finished:
            self._line(tool_text(ToolCall(done.id, done.name, done.arguments), done))

    def tick(self) -> None:
        """Nothing is held back."""

    def announce(self) -> None:
        """A terminal keeps no place."""

    def printed_beside(self) -> None:
        """Nothing is taken back either."""

    def finish(self, response: ChatResponse, footer: bool = True) -> None:
        if response.typed or not self._pieces or not self._at_once:
            self._line("")
            self._write(plain_text(self._look(answer_of(response))))
        self._line(footer_text(response, detailed=self._detailed) if footer and not self._quiet else "")

    def interrupted(self, response: ChatResponse | None = None) -> None:
        self._line(INTERRUPTED)
        if response and not self._quiet:
            self._line(footer_text(response, detailed=self._detailed))

    def failed(self, note: str = FAILED) -> None:
        if self._pieces:
            self._line(clean(note))

    def _write(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()
        self._line_open = not text.endswith("\n") if text else self._line_open

    def _line(self, text: str) -> None:
        lead = "\n" if self._line_open else ""
        self._write(f"{lead}{text}\n" if text else lead)

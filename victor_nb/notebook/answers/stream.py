"""An answer while it streams: pieces of HTML in displays that are updated, and one output at the end.

The answer grows in one display. Once that is long, its finished blocks stay behind, frozen, and a new display goes
on with the rest, so that an update costs the bytes of the tail and nothing flickers above it (`pieces.py`). Updates
come at most ten a second, and only while all of them together stay within 18 bytes for each byte of text, 9 for the
first thousand. A model that is so slow that this would let two seconds pass is shown every two seconds, within 50
bytes for each byte of text and 60 KB for the start.

A front end can update a display but not remove it. When the cell holds nothing but this answer (`sole`, no tool has
run) the end is therefore `clear_output(wait=True)` and one new display. Otherwise clearing would take what the
user's tools printed: then the first display gets the whole answer, and further ones, which only answers beyond
about 1,000 characters have, become empty; for the milliseconds between these messages the end stands there twice.

A replay at full speed shows the end only. Whatever compares outputs (nbval) need not know how displays change then.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from victor_nb.clock import new_id, standing
from victor_nb.messages import ChatChunk, ChatResponse
from victor_nb.notebook.answers.characters import clean
from victor_nb.notebook.answers.looks import LOOKS
from victor_nb.notebook.answers.pieces import Pieces
from victor_nb.notebook.answers.publisher import Bundle, IPythonPublisher, Publisher
from victor_nb.notebook.answers.render import (
    SHOWN_OF_RESULT,
    footer_text,
    plain_text,
    render_footer,
    render_note,
    render_segments,
    wrap,
)
from victor_nb.notebook.answers.transcript import Prose, Transcript

__all__ = ["AnswerDisplay", "IPythonPublisher", "Publisher"]

INTERVAL_S = 0.1
ALIVE_S = 2.0
PIECE_CHARACTERS = 1_000
PIECE_CHARACTERS_IF_SOLE = 500
EARLY_BYTES = 1_000
BYTES_PER_EARLY_BYTE = 9
CREDIT = 3_000
BYTES_PER_BYTE = 18
BYTES_PER_BYTE_ALIVE = 50
ALIVE_CREDIT = 60_000
HURRIED_BYTES = 8_000

WAITING = "Waiting for the answer …"
INTERRUPTED = "Interrupted: the answer is incomplete."
FAILED = "The answer broke off here."


class AnswerDisplay:
    """Shows one answer. Call `feed` for every chunk, `tick` while waiting for the next one, then one of `finish`,
    `interrupted` and `failed`.

    `sole` says that nothing else has been, or will be, shown in this cell (`IPythonPublisher.alone` knows). With
    `quiet` there is no footer. `look` is how the answer's text is shown, one of `LOOKS`.
    """

    def __init__(
        self,
        publish: Publisher,
        *,
        quiet: bool = False,
        detailed: bool = False,
        sole: bool = False,
        look: str = "markdown",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._publish = publish
        self._quiet = quiet
        self._detailed = detailed
        self._sole = sole
        self._look = LOOKS[look]
        self._clock = clock
        self._live = publish.live and not standing().skips
        self._whole = Transcript()
        self._pieces = Pieces(publish, self._look)
        self._dirty = False
        self._updated_at: float | None = None
        self._text_bytes = 0
        self._thought_bytes = 0
        self._begun_with = 0
        self._closed = False

    def announce(self) -> None:
        """Take a place in the cell before anything has arrived."""
        if self._live:
            self._pieces.announce(f'<div class="footer">{WAITING}</div>')
            self._begun_with = self._pieces.sent_bytes

    def printed_beside(self) -> None:
        """Something was printed in this cell: it must stay, so the cell is not cleared. Any thread may call this."""
        self._sole = False

    @property
    def text(self) -> str:
        """The answer text that has arrived so far."""
        return "".join(segment.text for segment in self._whole.segments if isinstance(segment, Prose))

    def feed(self, chunk: ChatChunk) -> None:
        """Take the next piece of the answer. The first one, and the start of a tool, are shown at once; of many tools
        that start together, or beside many that stand there already, as often as text is."""
        self._whole.add(chunk)
        self._pieces.add(chunk)
        self._text_bytes += len(chunk.content.encode("utf-8", "replace")) + _tool_characters(chunk)
        self._thought_bytes += len(chunk.reasoning.encode("utf-8", "replace"))
        self._dirty = True
        if chunk.tool_started:
            self._sole = False
        if self._updated_at is None or (chunk.tool_started and self._may_hurry(self._updated_at)):
            self._refresh()
        else:
            self.tick()

    def _may_hurry(self, updated_at: float) -> bool:
        """For a tool that has just started: its function may print, or take long."""
        alone = self._whole.tools_running == 1
        return self._pieces.last_cost <= HURRIED_BYTES and (alone or self._clock() - updated_at >= INTERVAL_S)

    def tick(self) -> None:
        """Show what has arrived, if it is time to. Cheap: call it in every slice of a wait."""
        if self._dirty and self._due():
            self._refresh()

    def _due(self) -> bool:
        waited = self._clock() - (self._updated_at or 0.0)
        cost = self._pieces.sent_bytes - self._begun_with + self._pieces.last_cost
        if waited >= ALIVE_S:
            alive = BYTES_PER_BYTE_ALIVE * (self._text_bytes + self._thought_bytes)
            return cost <= ALIVE_CREDIT + alive
        early = min(self._text_bytes, EARLY_BYTES)
        late = self._text_bytes - early
        return waited >= INTERVAL_S and cost <= CREDIT + BYTES_PER_EARLY_BYTE * early + BYTES_PER_BYTE * late

    def _refresh(self) -> None:
        self._dirty = False
        if not self._live:
            return
        first = self._updated_at is None
        self._updated_at = self._clock()
        self._pieces.refresh(PIECE_CHARACTERS_IF_SOLE if self._sole else PIECE_CHARACTERS, style_apart=self._sole)
        if first:
            self._begun_with = self._pieces.sent_bytes

    def finish(self, response: ChatResponse, footer: bool = True) -> None:
        """Collapse to one output: the whole answer and its footer. What was not streamed is taken from `response`."""
        self._whole.conclude(response)
        self._collapse(response if footer else None)

    def interrupted(self, response: ChatResponse | None = None) -> None:
        """The user stopped the answer: what has arrived stays, marked; with a footer if there is a response."""
        self._end_early(INTERRUPTED, response)

    def failed(self, note: str = FAILED) -> None:
        """The turn failed: what has arrived stays, marked. Shows nothing if nothing has been shown."""
        self._end_early(note, None)

    def _end_early(self, note: str, response: ChatResponse | None) -> None:
        if self._whole.segments or self._pieces.displays:
            self._collapse(response, note)

    def _collapse(self, response: ChatResponse | None, note: str = "") -> None:
        if self._closed:
            return
        self._closed = True
        self._whole.close()
        shown = None if self._quiet else response
        segments = self._look(self._whole.segments)
        html = render_segments(segments) + (render_note(note) if note else "")
        html += render_footer(shown, detailed=self._detailed) if shown else ""
        footer = footer_text(shown, detailed=self._detailed) if shown else ""
        self._replace(
            {
                "text/html": wrap(html),
                "text/plain": plain_text(segments, clean(note), footer),
            }
        )

    def _replace(self, bundle: Bundle) -> None:
        displays = self._pieces.displays
        if not displays:
            self._publish.show(bundle, new_id("display"))
        elif len(displays) > 1 and self._sole:
            self._publish.clear()
            self._publish.show(bundle, new_id("display"))
        else:
            self._publish.update(bundle, displays[0])
            for display_id in displays[1:]:
                self._publish.update({}, display_id)


def _tool_characters(chunk: ChatChunk) -> int:
    """What the beginning or the end of a tool call adds to what is shown."""
    if chunk.tool_started:
        return min(len(chunk.tool_started.arguments), SHOWN_OF_RESULT)
    return min(len(chunk.tool_finished.result), SHOWN_OF_RESULT) if chunk.tool_finished else 0

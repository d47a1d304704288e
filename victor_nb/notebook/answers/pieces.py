"""The displays of an answer while it grows: finished pieces stay as they are, the last one is open and is updated.

What a reader has seen stays where it is: the open piece is only cut behind what it has shown. A frozen piece is sent
again in one case: it refers to something, a link target or a note, that the text defines further down. Until that line
has arrived, the reference stands there as the model wrote it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from victor_nb.messages import ChatChunk, new_id
from victor_nb.notebook.answers.blocks import cut_behind, definitions_in, sure
from victor_nb.notebook.answers.characters import clean
from victor_nb.notebook.answers.footnotes import Definitions
from victor_nb.notebook.answers.looks import Look, as_markdown
from victor_nb.notebook.answers.markdown import markdown_to_html
from victor_nb.notebook.answers.publisher import Publisher
from victor_nb.notebook.answers.render import render_segment, render_segments, wrap
from victor_nb.notebook.answers.transcript import Prose, Thought, Transcript

MESSAGE_OVERHEAD = 900  # bytes of headers around a display message, measured on ipykernel 7.4


@dataclass(frozen=True)
class _Frozen:
    """A piece of the text that still grows: the HTML of what stands before that text, the piece, and what was sent."""

    display_id: str
    lead: str
    text: str
    html: str


class Pieces:
    """Shows what `add` was given whenever `refresh` is called. `sent_bytes` is what all that has cost."""

    def __init__(self, publish: Publisher, look: Look = as_markdown) -> None:
        self.displays: list[str] = []
        self.sent_bytes = 0
        self.last_cost = 0
        self._publish = publish
        self._look = look
        self._open = Transcript()
        self._open_id: str | None = None
        self._styled_by: str | None = None
        self._seen = (0, 0)
        self._shared = Definitions()
        self._frozen: list[_Frozen] = []

    def add(self, chunk: ChatChunk) -> None:
        self._open.add(chunk)

    def announce(self, html: str) -> None:
        """Show `html` where the first piece is going to be."""
        self._open_id = self._show(None, html)

    def refresh(self, long: int, *, style_apart: bool) -> None:
        """Freeze what is finished, if the open piece has more than `long` characters, and show the rest."""
        if not self._open.segments:
            return
        if style_apart and not self.displays:
            self._styled_by = self._show(None, "")
        self._refer_back()
        if self._look is as_markdown and not self._open.tools_running:
            self._freeze_what_is_over(long)
            self._freeze_blocks(long)
        before = self.sent_bytes
        self._open_id = self._show(self._open_id, self._running())
        self.last_cost = self.sent_bytes - before
        last = self._open.segments[-1]
        self._seen = (len(self._open.segments), len(clean(sure(last.text))) if isinstance(last, Prose) else 0)

    def _running(self) -> str:
        """The open piece; of thoughts that still go on, the end. Other looks than Markdown need the whole answer."""
        segments = self._look(self._open.segments)
        if segments and isinstance(last := segments[-1], Thought):
            segments[-1] = Thought(last.text, running=True)
        if self._look is not as_markdown:
            return render_segments(segments)
        if isinstance(last := segments[-1], Prose):
            segments[-1] = Prose(sure(last.text))
        return render_segment(segments[0], self._shared.copy()) + render_segments(segments[1:])

    def _freeze_what_is_over(self, long: int) -> None:
        """Thoughts and tool calls, and what was said before them, at the first sight of what follows."""
        *over, last = self._open.segments
        if not over or not isinstance(last, Prose) or self._seen[0] == len(over) + 1:
            return
        html = self._lead()
        if len(html) >= long:
            self._freeze(html)
            self._shared, self._frozen = Definitions(), []
            self._open = Transcript([last])

    def _freeze_blocks(self, long: int) -> None:
        """The finished blocks of a text that has become long."""
        *over, last = self._open.segments
        if not isinstance(last, Prose) or len(last.text) < long or last.text.endswith("\r"):
            return  # the other half of a line end may follow
        number, characters = self._seen
        cut = cut_behind(clean(last.text), characters if number == len(over) + 1 else 0, long)
        if cut is None:
            return
        lead = self._lead()
        if over:
            self._shared, self._frozen = Definitions(), []
        html = lead + markdown_to_html(cut[0], self._shared, last=False)
        self._frozen.append(_Frozen(self._freeze(html), lead, cut[0], html))
        self._open = Transcript([Prose(cut[1])])

    def _lead(self) -> str:
        """What stands before the last segment."""
        *over, _ = self._open.segments
        return render_segment(over[0], self._shared) + render_segments(over[1:]) if over else ""

    def _freeze(self, html: str) -> str:
        frozen = self._show(self._open_id, html)
        self._open_id = None
        self._seen = (0, 0)
        return frozen

    def _refer_back(self) -> None:
        """Render the frozen pieces of this text again, if something was defined that they may refer to."""
        first = self._open.segments[0]
        if not self._frozen or not isinstance(first, Prose):
            return
        found = definitions_in(clean(first.text), self._shared.copy())
        if found.names == self._shared.names:
            return
        self._shared = found.from_the_start()
        for number, piece in enumerate(self._frozen):
            html = piece.lead + markdown_to_html(piece.text, self._shared, last=False)
            if html != piece.html:
                self._show(piece.display_id, html)
                self._frozen[number] = replace(piece, html=html)

    def _show(self, display_id: str | None, body: str) -> str:
        """Send a piece to its display, or to a new one. The first one brings the style sheet."""
        known, display_id = display_id is not None, display_id or new_id("display")
        self._styled_by = self._styled_by or display_id
        html = wrap(body, styled=display_id == self._styled_by)
        self.sent_bytes += MESSAGE_OVERHEAD + len(html.encode())
        if known:
            self._publish.update({"text/html": html}, display_id)
        else:
            self.displays.append(display_id)
            self._publish.show({"text/html": html}, display_id)
        return display_id

"""A line of a text that people, models or tools wrote, made safe to stand in a panel's HTML."""

from __future__ import annotations

from html import escape

from victor_nb.frames.dashboard_numbers import UNKNOWN
from victor_nb.notebook.answers.characters import clean, show_bidi


def excerpt(text: str | None, longest: int = 80) -> str:
    """Escaped, on one line, at most so many characters; a dash where there is nothing."""
    words = " ".join(clean((text or "")[: 4 * longest]).split())
    shown = words if len(words) <= longest else f"{words[: longest - 1]}…"
    return escape(show_bidi(shown)) if shown else UNKNOWN

"""Shortens a giant text to its head and its tail, and says so."""

from __future__ import annotations

from collections.abc import Sequence


def clamp(text: str, most: int, kept: Sequence[str] = ()) -> str:
    """About `most` characters of `text`, cut at line ends where any are near, with the lines `kept` of the rest."""
    lines = "".join(f"{line}\n" for line in kept)
    head, tail = most * 2 // 3, most // 3
    if len(text) <= most + len(lines) + 80:
        return text
    first = text.rfind("\n", head * 3 // 4, head)
    start = len(text) - tail
    last = text.find("\n", start, start + tail // 4)
    head, tail_at = first if first > 0 else head, last + 1 if last > 0 else start
    told = "; it also said:" if lines else ""
    return f"{text[:head]}\n[… {tail_at - head:,} characters were left out here{told} …]\n{lines}{text[tail_at:]}"

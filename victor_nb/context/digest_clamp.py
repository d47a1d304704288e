"""Shortens a giant text to its head and its tail, and says so."""

from __future__ import annotations

_NOTE = "\n[… {:,} characters were left out here …]\n"


def clamp(text: str, most: int) -> str:
    """At most about `most` characters of `text`; cut at line ends where there are any near."""
    note = _NOTE.format(len(text) - most)
    room = most - len(note)
    if room < 40 or len(text) <= most:
        return text
    head, tail = room * 2 // 3, room // 3
    first = text.rfind("\n", head * 3 // 4, head)
    start = len(text) - tail
    last = text.find("\n", start, start + tail // 4)
    return text[: first if first > 0 else head] + note + text[last + 1 if last > 0 else start :]

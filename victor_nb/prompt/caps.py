"""Keeps a section within its share of the prompt. Three characters are taken as a token, which is on the safe side."""

from __future__ import annotations

from typing import Final

from victor_nb.errors import ConfigError

CHARS_PER_TOKEN: Final = 3


def about_tokens(text: str) -> int:
    return -(-len(text) // CHARS_PER_TOKEN)


def capped(text: str, max_tokens: int, source: str) -> str:
    """`text`, or as many of its lines as fit, with a last one that says that `source` goes on."""
    if about_tokens(text) <= max_tokens:
        return text
    room = max_tokens * CHARS_PER_TOKEN
    kept = text[:room].rpartition("\n")[0] or text[:room]
    return f"{kept}\n[{source} goes on; {len(text) - len(kept):,} characters of it are left out here]"


def checked_count(name: str, value: object) -> int:
    """Raises ConfigError when it is no whole number from 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigError(f"{name} is {value!r}, and must be a whole number from 1.")
    return value

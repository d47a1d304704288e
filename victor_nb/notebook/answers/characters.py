"""Characters of a model's text that must not reach a front end or a terminal as they are.

A lone surrogate breaks the kernel's messages, an escape sequence drives the terminal, and a bidirectional override
shows code in an order that is not the one it runs in. Imports nothing of the project.
"""

from __future__ import annotations

import re

_UNSENDABLE = re.compile(r"[\ud800-\udfff\x00]")
_CONTROL = re.compile(r"[\x01-\x08\x0b-\x1f\x7f-\x9f]")
_BIDI = re.compile(r"[\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """The text with `\\n` as its only line end, no control characters, and U+FFFD for NUL and lone surrogates."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", _UNSENDABLE.sub("\ufffd", lines))


def show_bidi(text: str) -> str:
    """Bidirectional controls written out as `<U+202E>`, for code and arguments, where order is meaning."""
    return _BIDI.sub(lambda found: f"<U+{ord(found[0]):04X}>", text)

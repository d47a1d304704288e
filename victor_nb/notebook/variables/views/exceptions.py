"""Exceptions: type, message, and the end of the traceback, where the error is."""

from __future__ import annotations

from traceback import TracebackException
from typing import Final

from victor_nb.agent.tools.text import error_text
from victor_nb.notebook.variables.views.sizes import MAX_VALUE_CHARS

_FRAMES: Final = 8


def exception_text(error: BaseException) -> str:
    if error.__traceback__ is None:
        return error_text(error, MAX_VALUE_CHARS)
    try:
        lines = "".join(TracebackException.from_exception(error, limit=-_FRAMES).format()).rstrip()
    except Exception:  # noqa: BLE001 (a user's exception may raise anything while it is read)
        return error_text(error, MAX_VALUE_CHARS)
    if len(lines) <= MAX_VALUE_CHARS:
        return lines
    return f"… (the last {MAX_VALUE_CHARS - 100:,} of {len(lines):,} characters)\n{lines[100 - MAX_VALUE_CHARS :]}"

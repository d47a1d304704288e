"""What comes of a tool call, and the exceptions that end one. Data only."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from victor_nb.messages import Image, ToolCall, ToolStatus


class ToolInterrupted(asyncio.CancelledError):
    """The user interrupted a tool, where nothing could cancel the task that called it."""


@dataclass(frozen=True, slots=True)
class ToolOutcome:
    """One call and what came of it. `text` is for the model, as are the `images` (for models that take them); sizes are
    UTF-8 bytes, `result_bytes` those of `text`. `duration_s` is the function's own time, without the wait for an
    approval or for a free thread."""

    call: ToolCall
    status: ToolStatus
    text: str
    duration_s: float = 0.0
    args_bytes: int = 0
    result_bytes: int = 0
    truncated: bool = False
    error_type: str | None = None
    approved_by: str | None = None
    images: tuple[Image, ...] = ()

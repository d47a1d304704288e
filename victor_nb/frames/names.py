"""The names of the frames, and the check of names that users write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.events import PAYLOADS

FRAMES: Final = ("events", "turns", "requests", "tool_calls", "compactions", "sessions", "feedback", "exports")


def check_frame(name: str) -> None:
    if name not in FRAMES:
        raise UsageError(
            f"there is no frame {name!r}.{did_you_mean(name, FRAMES)}", hint=f"frames are {', '.join(FRAMES)}"
        )


def checked_types(type: str | Sequence[str] | None) -> Sequence[str]:
    given = () if type is None else type
    types = [given] if isinstance(given, str) or not isinstance(given, Iterable) else list(given)  # pyright: ignore[reportUnnecessaryIsInstance]
    for name in types:
        if name not in PAYLOADS and not str(name).startswith("x_"):
            raise UsageError(
                f"there is no event type {name!r}.{did_you_mean(str(name), PAYLOADS)}",
                hint=f"a user's own begin with x_; the others are {', '.join(PAYLOADS)}",
            )
    return types

"""The records of a compaction: what set it off, what came of it, and the limits it works to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from victor_nb.errors import ContextError

Trigger: TypeAlias = Literal["threshold", "overflow", "manual"]
Outcome: TypeAlias = Literal["completed", "noop", "failed"]


@dataclass(frozen=True, slots=True)
class CompactionRecord:
    """One compaction. Tokens are those of a whole request: system prompt, tools and messages.

    `repaired` tells that the strategy's result could not be sent as it was. When the strategy failed, messages may
    still have been removed, because the request would not have fitted the window.
    """

    id: str
    session_id: str
    trigger: Trigger
    strategy: str
    outcome: Outcome
    tokens_before: int
    tokens_after: int
    messages_removed: int
    repaired: bool
    error_type: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens of a whole request: `usable` is the window less the reserved output."""

    window: int
    usable: int
    threshold: int
    target: int


def limits_of(window: int, threshold: float, target: float, reserved_output: int) -> Limits:
    """A threshold or target that is a float is a fraction of what is usable, an int is tokens.

    At most half of a small window is reserved. Raises ContextError when the window is no positive number.
    """
    if window < 1:
        raise ContextError(f"The model's context window is {window} tokens.", hint="Set context_window.")
    usable = window - min(reserved_output, window // 2)
    fire = min(_tokens(threshold, usable), usable)
    return Limits(window, usable, fire, min(_tokens(target, usable), fire))


def _tokens(amount: float, usable: int) -> int:
    return amount if isinstance(amount, int) else int(amount * usable)

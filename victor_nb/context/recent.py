"""The default strategy: keep the last messages."""

from __future__ import annotations

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.steps import steps
from victor_nb.errors import ConfigError
from victor_nb.protocols import Context


class RecentMessagesCompactionStrategy(BaseCompactionStrategy):
    """Keeps the last `keep_last_n` messages, with the whole of a step that they cut, and what no strategy may drop.

    Raises ConfigError when `keep_last_n` is no whole number from 1.
    """

    def __init__(self, keep_last_n: int = 10) -> None:
        if isinstance(keep_last_n, bool) or not isinstance(keep_last_n, int) or keep_last_n < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"keep_last_n is {keep_last_n!r}.", hint="Keep at least 1 message.")
        self._keep_last_n = keep_last_n

    async def compact(self, context: Context) -> Context:
        messages = context.messages
        first = len(messages) - self._keep_last_n
        kept = [step for step in steps(messages) if step.protected or step.end > first]
        return Context([m for step in kept for m in messages[step.start : step.end]], context.metadata)

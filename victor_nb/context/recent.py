"""The default strategy: keep the last messages."""

from __future__ import annotations

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.errors import ConfigError
from victor_nb.protocols import Context


class RecentMessagesCompactionStrategy(BaseCompactionStrategy):
    """Keeps the last `keep_last_n` messages, and what no strategy may drop. Raises ConfigError below 1."""

    def __init__(self, keep_last_n: int = 10) -> None:
        if isinstance(keep_last_n, bool) or keep_last_n < 1:
            raise ConfigError(f"keep_last_n is {keep_last_n!r}.", hint="Keep at least 1 message.")
        self._keep_last_n = keep_last_n

    async def compact(self, context: Context) -> Context:
        return Context(context.messages[-self._keep_last_n :], context.metadata)

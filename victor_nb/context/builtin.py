"""The built-in strategies by the names that the setting `compaction_strategy` uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.hybrid import HybridCompactionStrategy
from victor_nb.context.recent import RecentMessagesCompactionStrategy
from victor_nb.context.semantic import SemanticCompactionStrategy
from victor_nb.context.summarizing import SummarizingCompactionStrategy
from victor_nb.context.task_aware import TaskAwareCompactionStrategy
from victor_nb.errors import ConfigError, did_you_mean

STRATEGIES: Final[dict[str, Callable[[], BaseCompactionStrategy]]] = {
    "digest": DigestCompactionStrategy,
    "recent": RecentMessagesCompactionStrategy,
    "summarizing": SummarizingCompactionStrategy,
    "semantic": SemanticCompactionStrategy,
    "task_aware": TaskAwareCompactionStrategy,
    "hybrid": HybridCompactionStrategy,
}


def strategy_named(name: str) -> BaseCompactionStrategy:
    """A new strategy of that name, as it comes. Raises ConfigError with the nearest name."""
    make = STRATEGIES.get(name)
    if make is None:
        raise ConfigError(
            f"There is no compaction strategy {name!r}.{did_you_mean(str(name), STRATEGIES)}",
            hint=f"Use one of {', '.join(STRATEGIES)}, or give ContextCoordinator a strategy of your own.",
        )
    return make()

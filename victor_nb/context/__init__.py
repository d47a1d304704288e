"""Keeping a conversation within the model's window: token counts, strategies, and the repair of what they return."""

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.builtin import strategy_named
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.hybrid import HybridCompactionStrategy
from victor_nb.context.recent import RecentMessagesCompactionStrategy
from victor_nb.context.semantic import SemanticCompactionStrategy
from victor_nb.context.summarizing import SummarizingCompactionStrategy
from victor_nb.context.task_aware import TaskAwareCompactionStrategy

__all__ = [
    "BaseCompactionStrategy",
    "DigestCompactionStrategy",
    "HybridCompactionStrategy",
    "RecentMessagesCompactionStrategy",
    "SemanticCompactionStrategy",
    "SummarizingCompactionStrategy",
    "TaskAwareCompactionStrategy",
    "strategy_named",
]

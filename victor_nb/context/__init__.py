"""Keeping a conversation within the model's window: token counts, strategies, and the repair of what they return."""

from victor_nb.context.base import BaseCompactionStrategy
from victor_nb.context.digest import DigestCompactionStrategy
from victor_nb.context.recent import RecentMessagesCompactionStrategy

__all__ = ["BaseCompactionStrategy", "DigestCompactionStrategy", "RecentMessagesCompactionStrategy"]

"""The four coordinators: config, prompt, context, analytics. They do not know each other."""

from victor_nb.agent.coordinators.analytics_coordinator import AnalyticsCoordinator
from victor_nb.agent.coordinators.config_coordinator import ConfigCoordinator
from victor_nb.agent.coordinators.context_coordinator import ContextCoordinator
from victor_nb.agent.coordinators.prompt_coordinator import PromptCoordinator

__all__ = ["AnalyticsCoordinator", "ConfigCoordinator", "ContextCoordinator", "PromptCoordinator"]

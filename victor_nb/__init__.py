"""An LLM agent in your Jupyter notebook, and everything it does in a DataFrame.

    %load_ext victor_nb

Importing the package, or loading the extension, loads nothing but a few small modules: what is heavy is imported at
its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.agent.coordinators import (
        AnalyticsCoordinator,
        ConfigCoordinator,
        ContextCoordinator,
        PromptCoordinator,
    )
    from victor_nb.agent.orchestrator import AgentOrchestrator
    from victor_nb.agent.sessions import Sessions
    from victor_nb.agent.tags import tags
    from victor_nb.agent.tools.mcp import MCPTools, mcp_tools
    from victor_nb.config.settings import Settings
    from victor_nb.errors import VictorError
    from victor_nb.exporters import (
        BaseAnalyticsExporter,
        ConsoleAnalyticsExporter,
        DatabaseAnalyticsExporter,
        FileAnalyticsExporter,
        OpenTelemetryExporter,
        PrometheusMetricsExporter,
        WebhookAnalyticsExporter,
    )
    from victor_nb.frames import Analytics
    from victor_nb.messages import ChatResponse
    from victor_nb.notebook.awaiting import ask
    from victor_nb.notebook.conversations.conversation import NotebookConversation
    from victor_nb.notebook.panels import panel
    from victor_nb.protocols import ExportResult
    from victor_nb.session import add_exporter, rate, tool

    analytics: Analytics
    conversation: NotebookConversation
    orchestrator: AgentOrchestrator
    sessions: Sessions

__all__ = [
    "AgentOrchestrator",
    "AnalyticsCoordinator",
    "BaseAnalyticsExporter",
    "ChatResponse",
    "ConfigCoordinator",
    "ConsoleAnalyticsExporter",
    "ContextCoordinator",
    "DatabaseAnalyticsExporter",
    "ExportResult",
    "FileAnalyticsExporter",
    "MCPTools",
    "OpenTelemetryExporter",
    "PrometheusMetricsExporter",
    "PromptCoordinator",
    "Settings",
    "VictorError",
    "WebhookAnalyticsExporter",
    "add_exporter",
    "analytics",
    "ask",
    "conversation",
    "load_ipython_extension",
    "mcp_tools",
    "orchestrator",
    "panel",
    "rate",
    "sessions",
    "tags",
    "tool",
    "unload_ipython_extension",
]

_HOME = {
    "AgentOrchestrator": "victor_nb.agent.orchestrator",
    "AnalyticsCoordinator": "victor_nb.agent.coordinators",
    "BaseAnalyticsExporter": "victor_nb.exporters.base",
    "ChatResponse": "victor_nb.messages",
    "ConfigCoordinator": "victor_nb.agent.coordinators",
    "ConsoleAnalyticsExporter": "victor_nb.exporters",
    "ContextCoordinator": "victor_nb.agent.coordinators",
    "DatabaseAnalyticsExporter": "victor_nb.exporters",
    "ExportResult": "victor_nb.protocols",
    "FileAnalyticsExporter": "victor_nb.exporters",
    "MCPTools": "victor_nb.agent.tools.mcp",
    "OpenTelemetryExporter": "victor_nb.exporters",
    "PrometheusMetricsExporter": "victor_nb.exporters",
    "PromptCoordinator": "victor_nb.agent.coordinators",
    "Settings": "victor_nb.config.settings",
    "VictorError": "victor_nb.errors",
    "WebhookAnalyticsExporter": "victor_nb.exporters",
    "add_exporter": "victor_nb.session",
    "ask": "victor_nb.notebook.awaiting",
    "mcp_tools": "victor_nb.agent.tools.mcp",
    "panel": "victor_nb.notebook.panels",
    "rate": "victor_nb.session",
    "tags": "victor_nb.agent.tags",
    "tool": "victor_nb.session",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name in ("analytics", "orchestrator"):  # of the kernel's session, so never cached here
        return getattr(import_module("victor_nb.session").current(), name)
    if name == "sessions":
        return import_module("victor_nb.session").current().orchestrator.sessions
    if name == "conversation":
        current = import_module("victor_nb.session").current
        return import_module("victor_nb.notebook.conversations.conversation").NotebookConversation(
            lambda: current().orchestrator
        )
    raise AttributeError(f"module 'victor_nb' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext victor_nb`"""
    from victor_nb.notebook.extension import load

    load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """`%unload_ext victor_nb`"""
    from victor_nb.notebook.extension import unload

    unload(shell)

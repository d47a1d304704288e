"""Destinations of analytics events, and how events get there. Each exporter is imported when it is first named, and
the library it needs when it is first made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from victor_nb.exporters.base import BaseAnalyticsExporter

if TYPE_CHECKING:
    from victor_nb.exporters.console import ConsoleAnalyticsExporter
    from victor_nb.exporters.database import DatabaseAnalyticsExporter
    from victor_nb.exporters.files import FileAnalyticsExporter
    from victor_nb.exporters.opentelemetry import OpenTelemetryExporter
    from victor_nb.exporters.prometheus import PrometheusMetricsExporter
    from victor_nb.exporters.webhook import WebhookAnalyticsExporter

__all__ = [
    "BaseAnalyticsExporter",
    "ConsoleAnalyticsExporter",
    "DatabaseAnalyticsExporter",
    "FileAnalyticsExporter",
    "OpenTelemetryExporter",
    "PrometheusMetricsExporter",
    "WebhookAnalyticsExporter",
]

_HOME = {
    "ConsoleAnalyticsExporter": "victor_nb.exporters.console",
    "DatabaseAnalyticsExporter": "victor_nb.exporters.database",
    "FileAnalyticsExporter": "victor_nb.exporters.files",
    "OpenTelemetryExporter": "victor_nb.exporters.opentelemetry",
    "PrometheusMetricsExporter": "victor_nb.exporters.prometheus",
    "WebhookAnalyticsExporter": "victor_nb.exporters.webhook",
}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'victor_nb.exporters' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

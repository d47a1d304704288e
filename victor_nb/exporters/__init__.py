"""Destinations of analytics events, and how events get there."""

from victor_nb.exporters.base import BaseAnalyticsExporter

__all__ = ["BaseAnalyticsExporter"]

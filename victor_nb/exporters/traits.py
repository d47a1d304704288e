"""What an exporter says about itself, whoever wrote it: attributes that may be missing, or nonsense, read so that
delivery can rely on them."""

from __future__ import annotations

import math

from victor_nb.exporters.base import BaseAnalyticsExporter


def batch_size(exporter: object) -> int:
    """The most events in one call, at least 1."""
    return max(1, int(_number(exporter, "batch_size", BaseAnalyticsExporter.batch_size)))


def batch_bytes(exporter: object) -> int:
    """About the most bytes of JSON in one call, at least 1."""
    return max(1, int(_number(exporter, "batch_bytes", BaseAnalyticsExporter.batch_bytes)))


def timeout_s(exporter: object) -> float:
    """Seconds that one call may take."""
    return _number(exporter, "timeout_s", BaseAnalyticsExporter.timeout_s)


def include_content(exporter: object) -> bool:
    """Whether it is given prompts and answers: only by a plain `True`, so that no accident tells them."""
    return getattr(exporter, "include_content", False) is True


def display_name(exporter: object) -> str:
    return str(getattr(exporter, "name", None) or type(exporter).__name__)


def _number(exporter: object, name: str, default: float) -> float:
    """A finite positive number; the default for anything else, True included."""
    given: object = getattr(exporter, name, default)
    if isinstance(given, bool) or not isinstance(given, int | float):
        return default
    return float(given) if math.isfinite(given) and given > 0 else default

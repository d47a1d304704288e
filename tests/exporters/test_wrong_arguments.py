"""What a user gives an exporter by mistake is told in one line, when the exporter is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import victor_nb as vn
from victor_nb.errors import ConfigError, UsageError

URL = "http://127.0.0.1:1"
MISTAKES: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any], str]] = [
    (vn.WebhookAnalyticsExporter, (5,), {}, "URL cannot be used"),
    (vn.WebhookAnalyticsExporter, (URL,), {"headers": ["a"]}, "headers are a dict, not list"),
    (vn.OpenTelemetryExporter, (5,), {}, "endpoint cannot be used"),
    (vn.OpenTelemetryExporter, (URL,), {"headers": "a"}, "headers are a dict, not str"),
    (vn.PrometheusMetricsExporter, (URL,), {"grouping_key": "a"}, "grouping_key is a dict, not str"),
    (vn.ConsoleAnalyticsExporter, ("stdout",), {}, "no stream"),
    (vn.FileAnalyticsExporter, (5,), {}, "not the path"),
    (vn.FileAnalyticsExporter, ("",), {}, "not the path"),
]


@pytest.mark.parametrize(("exporter", "arguments", "options", "said"), MISTAKES)
def test_an_argument_of_a_wrong_kind_is_told(
    exporter: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as told:
        exporter(*arguments, **options)
    assert told.value.hint


def test_a_folder_where_lines_should_go_is_told(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").mkdir()
    with pytest.raises(ConfigError, match="is a folder"):
        vn.FileAnalyticsExporter(tmp_path / "events.jsonl")


@pytest.mark.parametrize("given", ["events.jsonl", None, print, vn.FileAnalyticsExporter])
def test_what_is_no_exporter_is_told(given: Any) -> None:
    with pytest.raises(UsageError, match="is no exporter") as told:
        vn.add_exporter(given)
    assert "vn.add_exporter(vn." in told.value.hint

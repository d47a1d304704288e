"""The table of OpenTelemetry's names says what `genai.py` says."""

from __future__ import annotations

import re
from pathlib import Path

from victor_nb.exporters import genai
from victor_nb.exporters.measurements import METRICS
from victor_nb.exporters.prometheus_text import metric_name

DOCS = Path(__file__).parents[2] / "docs"
ANALYTICS = (DOCS / "analytics.md").read_text(encoding="utf-8").partition("## OpenTelemetry names")[2]
PROMETHEUS = (DOCS / "exporters.md").read_text(encoding="utf-8").partition("## Prometheus")[2]


def rows(text: str, marker: str) -> list[list[str]]:
    after = text.partition(f"<!-- {marker} -->\n")[2].partition("\n\n")[0]
    cells = [line.strip("|").split("|") for line in after.splitlines()[2:]]
    return [[re.findall(r"`([^`]+)`", cell)[0] for cell in row[:2]] for row in cells]


def test_every_field_that_has_a_name_there_is_told():
    assert dict(rows(ANALYTICS, "opentelemetry")) == genai.FIELDS


def test_the_version_is_told():
    assert f"release {genai.VERSION} " in ANALYTICS


def test_every_metric_is_told_in_both_spellings():
    told = dict(rows(PROMETHEUS, "metrics"))
    total = {"counter": "_total", "histogram": ""}
    assert told == {metric_name(metric) + total[metric.kind]: metric.name for metric in METRICS}

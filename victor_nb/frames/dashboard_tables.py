"""Key figures and tables of the dashboard, as HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from victor_nb.frames.dashboard_facts import DashboardFacts, ShownTurn
from victor_nb.frames.dashboard_numbers import UNKNOWN, compact, known, percent, seconds, usd, whole
from victor_nb.frames.dashboard_view import bad, exporter_name, table, text, tile

_MODELS, _TOOLS, _TURNS, _EXPORTERS = 6, 6, 6, 6
_EXACT: Final = 100_000
"""From here on a key figure is shortened; the words have the whole of it."""


def tiles(totals: Mapping[str, Any]) -> str:
    turns, failed, cut_short, unpriced = (totals[name] for name in ("turns", "errors", "interrupted", "cost_unknown"))
    read, whole_input = totals["cache_read_tokens"], totals["input_tokens"]
    cached = f"{percent(read / whole_input)} from cache" if known(read) and read and whole_input else ""
    first = totals["time_to_first_token_s_p50"]
    shown = [
        tile("turns", whole(turns), f"{cut_short:,} interrupted" if cut_short else ""),
        tile("failed", percent(failed / turns) if turns else UNKNOWN, bad(f"{failed:,} failed") if failed else ""),
        tile("input tokens", _number(whole_input), cached),
        tile("output tokens", _number(totals["output_tokens"])),
        tile("cost", escape(usd(totals["cost_usd"])), f"+ {unpriced:,} unknown" if unpriced else ""),
        tile("time, median", seconds(totals["duration_s_p50"]), _p95(totals["duration_s_p95"])),
        tile("first token", seconds(first), _p95(totals["time_to_first_token_s_p95"])) if known(first) else "",
    ]
    return f'<div class="tiles">{"".join(shown)}</div>'


def _p95(value: Any) -> str:
    return f"95 %: {seconds(value)}" if known(value) else ""


def _number(value: Any) -> str:
    return whole(value) if not known(value) or value < _EXACT else compact(value)


def by_model(models: Sequence[Mapping[str, Any]]) -> str:
    rows = [
        [
            text(row["model"], 32),
            whole(row["turns"]),
            _failures(row["errors"]),
            _number(row["input_tokens"]),
            _number(row["output_tokens"]),
            _cost(row),
            seconds(row["duration_s_p50"]),
        ]
        for row in models[:_MODELS]
    ]
    return _titled("By model", ["model", "turns", "failed", "in", "out", "cost", "median"], rows, len(models))


def _cost(row: Mapping[str, Any]) -> str:
    unpriced = f"{whole(row['cost_unknown'])} unknown" if row["cost_unknown"] else ""
    priced = escape(usd(row["cost_usd"])) if known(row["cost_usd"]) else ""
    return " + ".join(part for part in (priced, unpriced) if part) or UNKNOWN


def tools(facts: DashboardFacts) -> str:
    rows = [
        [text(use.tool), whole(use.calls), _failures(use.failed), seconds(use.median_s)] for use in facts.tools[:_TOOLS]
    ]
    return _titled("Tools", ["tool", "calls", "failed", "median"], rows, len(facts.tools))


def latest(turns: Sequence[ShownTurn]) -> str:
    rows = [
        [
            f"{turn.started_at.day} {turn.started_at:%b %H:%M:%S}" if turn.started_at else UNKNOWN,
            text(turn.model, 32),
            status(turn),
            whole(turn.input_tokens),
            whole(turn.output_tokens),
            escape(usd(turn.cost_usd)),
            seconds(turn.duration_s),
        ]
        for turn in turns[: -_TURNS - 1 : -1]
    ]
    heads = ["started, UTC", "model", "status", "in", "out", "cost", "time"]
    return _titled("Latest turns", heads, rows, len(rows), words=3)


def status(turn: ShownTurn) -> str:
    if turn.status is None:
        return "running"
    why = f": {text(turn.error_type, 28)}" if turn.error_type else ""
    return text(turn.status) if turn.status == "ok" else bad(f"{text(turn.status)}{why}")


def exporters(counts: Mapping[str, Mapping[str, int]], errors: Mapping[str, str]) -> str:
    rows = [_exporter(name, its, errors.get(name)) for name, its in list(counts.items())[:_EXPORTERS]]
    heads = ["exporter", "last error", "delivered", "pending", "refused"]
    return _titled("Exporters", heads, rows, len(counts), words=2, where=": vn.analytics.exports()")


def _exporter(name: str, counts: Mapping[str, int], error: str | None) -> list[str]:
    return [
        text(exporter_name(name), 48),
        bad(text(error, 80)) if error else UNKNOWN,
        whole(counts["delivered"]),
        whole(counts["pending"]),
        _failures(counts["dead"]),
    ]


def _failures(number: Any) -> str:
    return bad(whole(number)) if known(number) and number else whole(number)


def _titled(
    name: str, heads: Sequence[str], rows: Sequence[Sequence[str]], number: int, *, words: int = 1, where: str = ""
) -> str:
    """Nothing without rows."""
    if not rows:
        return ""
    more = f'<div class="quiet">and {number - len(rows):,} more{where}</div>' if number > len(rows) else ""
    return f"<h4>{name}</h4>{table(heads, rows, text=words)}{more}"

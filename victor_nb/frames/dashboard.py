"""What `vn.analytics` shows of itself as the value of a cell: a static page of the turns, their cost, the exporters and
the proof that nothing was lost. It asks for the summary and the latest turns only, so that a store of any size is
shown at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames import dashboard_view as view
from victor_nb.frames.dashboard_turns import LatestTurn, latest_turns
from victor_nb.frames.dashboard_view import (
    UNKNOWN,
    bars,
    exporter_name,
    known,
    seconds,
    size,
    table,
    text,
    tile,
    usd,
    whole,
)
from victor_nb.protocols import IStoreUpkeep

if TYPE_CHECKING:
    import pandas as pd

    from victor_nb.errors import VictorError
    from victor_nb.frames.handle import Analytics
    from victor_nb.protocols import IEventStore, Outbox

LATEST: Final = 60
_LISTED_TURNS, _LISTED_MODELS, _LISTED_EXPORTERS = 6, 6, 8


def render(analytics: Analytics) -> str:
    """The dashboard as HTML: no script, nothing from elsewhere, at most 15 KB.

    Raises:
        StoreError: the store cannot be read.
    """
    all_turns, by_model = analytics.summary(by=None), analytics.summary(by="model")
    latest = latest_turns(analytics, LATEST)
    store, proof = analytics.store, all_turns.attrs["victor"]
    parts = [
        f'<div class="quiet">{_place(store)}</div>',
        _tiles(all_turns.to_dict("records")[0]),
        _bars(latest),
        _models(by_model),
        _turns(latest[:_LISTED_TURNS]),
        _exporters(proof["exporters"], store.outboxes()),
        _proof(proof, store.degraded),
    ]
    return f'<div class="victor-nb-dash">{view.STYLE}{"".join(parts)}</div>'


def render_error(error: VictorError) -> str:
    """What is shown in place of the dashboard of a store that cannot be read."""
    said = f"✗ {error.message} → {error.hint}" if error.hint else f"✗ {error.message}"
    return f'<div class="victor-nb-dash">{view.STYLE}<b>Analytics</b>{_foot(text(said, 500), bad=True)}</div>'


def _place(store: IEventStore) -> str:
    place = getattr(store, "place", type(store).__name__)
    bytes_there = size(store.size_bytes()) if isinstance(store, IStoreUpkeep) and not store.degraded else ""
    return " · ".join(part for part in ("<b>Analytics</b>", text(place, 120), bytes_there) if part)


def _tiles(all_turns: dict[Any, Any]) -> str:
    failed, cut, unpriced = (all_turns[name] for name in ("errors", "interrupted", "cost_unknown"))
    troubles = [f'<span class="bad">{failed:,} failed</span>' if failed else "", f"{cut:,} interrupted" if cut else ""]
    read = all_turns["cache_read_tokens"]
    p95 = all_turns["duration_s_p95"]
    shown = [
        tile(whole(all_turns["turns"]), "turns", " · ".join(filter(None, troubles))),
        tile(whole(all_turns["input_tokens"]), "input tokens", f"{read:,} from cache" if known(read) and read else ""),
        tile(whole(all_turns["output_tokens"]), "output tokens"),
        tile(usd(all_turns["cost_usd"]), "cost", f"+ {unpriced:,} of unknown price" if unpriced else ""),
        tile(seconds(all_turns["duration_s_p50"]), "median time", f"95 %: {seconds(p95)}" if known(p95) else ""),
    ]
    return f'<div class="tiles">{"".join(shown)}</div>'


def _bars(latest: Sequence[LatestTurn]) -> str:
    if not latest:
        return '<p class="quiet">No turns yet. Ask something, then look again.</p>'
    oldest_first = latest[::-1]
    tokens = [
        [None, None] if turn["usage_source"] == "unmeasured" else [turn["input_tokens"], turn["output_tokens"]]
        for turn in oldest_first
    ]
    times = [
        [turn["duration_s"], None] if turn["status"] in ("ok", None) else [None, turn["duration_s"]]
        for turn in oldest_first
    ]
    drawn = {
        "Tokens <i>■</i> input <i class='out'>■</i> output": bars(tokens, ["", "out"], "tokens of the latest turns"),
        "Seconds <i>■</i> answered <i class='bad'>■</i> failed": bars(
            times, ["", "bad"], "seconds of the latest turns"
        ),
    }
    boxes = "".join(f"<div><h4>{name}</h4>{picture}</div>" for name, picture in drawn.items())
    return f'<div class="bars">{boxes}</div><div class="quiet">{_told(len(latest))}</div>'


def _told(turns: int) -> str:
    return f"the last {turns} turns, oldest first" if turns > 1 else "one turn"


def _models(by_model: pd.DataFrame) -> str:
    if by_model.empty:
        return ""
    ordered = by_model.sort_values("turns", ascending=False).head(_LISTED_MODELS)
    rows = [
        [
            text(row["model"]),
            whole(row["turns"]),
            whole(row["errors"]),
            whole(row["input_tokens"]),
            whole(row["output_tokens"]),
            _cost(row),
            seconds(row["duration_s_p50"]),
            seconds(row["duration_s_p95"]),
        ]
        for row in ordered.to_dict("records")
    ]
    more = f'<div class="quiet">and {len(by_model) - len(ordered)} more</div>' if len(by_model) > len(ordered) else ""
    return "<h4>By model</h4>" + table(["model", "turns", "failed", "in", "out", "cost", "median", "95 %"], rows) + more


def _cost(row: dict[Any, Any]) -> str:
    unpriced = f"{whole(row['cost_unknown'])} unknown" if row["cost_unknown"] else ""
    priced = usd(row["cost_usd"]) if known(row["cost_usd"]) else ""
    return " + ".join(part for part in (priced, unpriced) if part) or UNKNOWN


def _turns(latest: Sequence[LatestTurn]) -> str:
    if not latest:
        return ""
    rows = [
        [
            f"{turn['started_at']:%Y-%m-%d %H:%M:%S}",
            text(turn["model"]),
            _status(turn),
            whole(turn["input_tokens"]),
            whole(turn["output_tokens"]),
            usd(turn["cost_usd"]),
            seconds(turn["duration_s"]),
        ]
        for turn in latest
    ]
    heads = ["started, UTC", "model", "status", "in", "out", "cost", "time"]
    return "<h4>Latest turns</h4>" + table(heads, rows, text=3)


def _status(turn: LatestTurn) -> str:
    if turn["status"] is None:
        return "running"
    why = f": {text(turn['error_type'])}" if turn["error_type"] else ""
    status = text(turn["status"])
    return status if turn["status"] == "ok" else f'<span class="bad">{status}{why}</span>'


def _exporters(counts: Mapping[str, Mapping[str, int]], outboxes: Sequence[Outbox]) -> str:
    if not counts:
        return ""
    errors = {outbox.exporter: outbox.last_error for outbox in outboxes if outbox.last_error}
    rows = [
        _exporter(name, its_counts, errors.get(name)) for name, its_counts in list(counts.items())[:_LISTED_EXPORTERS]
    ]
    heads = ["exporter", "last error", "delivered", "pending", "refused"]
    more = len(counts) - len(rows)
    last = f'<div class="quiet">and {more} more: vn.analytics.exports()</div>' if more else ""
    return "<h4>Exporters</h4>" + table(heads, rows, text=2) + last


def _exporter(name: str, counts: Mapping[str, int], error: str | None) -> list[str]:
    return [
        text(exporter_name(name), 80),
        f'<span class="bad">{text(error, 100)}</span>' if error else UNKNOWN,
        whole(counts["delivered"]),
        whole(counts["pending"]),
        f'<span class="bad">{counts["dead"]:,}</span>' if counts["dead"] else "0",
    ]


def _proof(proof: dict[str, Any], degraded: str | None) -> str:
    counts = f"{proof['accepted']:,} events recorded, {proof['stored']:,} stored"
    counts += f", {proof['pruned']:,} deleted on purpose" if proof["pruned"] else ""
    if degraded:
        return _foot(f"✗ {counts}, in memory only: {text(degraded, 200)}", bad=True)
    if proof["gaps"]:
        return _foot(f"✗ {counts}: see vn.analytics.turns().attrs['victor']['gaps']", bad=True)
    if not proof["flushed"]:
        return _foot(f"✗ {counts}; the latest are not on disk yet", bad=True)
    return _foot(f"✓ {counts}: nothing lost")


def _foot(told: str, *, bad: bool = False) -> str:
    return f'<div class="foot {"bad" if bad else "quiet"}">{told}</div>'

"""What the dashboard tells, read from the store: totals of all turns that fit the filters, and the latest of them one
by one, with their tools and compactions. Of a store of any size only the latest turns are read in full, unless a
filter has to look at each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from victor_nb.frames import build
from victor_nb.frames.filters import Filter
from victor_nb.frames.losses import loss_proof
from victor_nb.frames.summary import summarise

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd
    import pyarrow as pa

    from victor_nb.frames.build import Request
    from victor_nb.frames.losses import LossProof
    from victor_nb.frames.scope import Scope
    from victor_nb.protocols import IEventStore

CHARTED: Final = 1_000
"""So many of the latest turns are looked at one by one."""


class ShownTurn(NamedTuple):
    """As a row of `turns()`, with None for what is unknown."""

    turn_id: str | None
    session_id: str
    started_at: datetime | None
    model: str | None
    status: str | None
    error_type: str | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    usage_source: str | None
    cost_usd: float | None
    requests: int | None
    duration_s: float | None
    time_to_first_token_s: float | None
    context_tokens: int | None
    context_fraction: float | None
    tags: str | None
    """As JSON text."""

    @property
    def measured(self) -> bool:
        """Whether its tokens and price are a model's; the demo's are nobody's."""
        return self.usage_source != "unmeasured"

    @property
    def unpriced(self) -> bool:
        """As `summary()` counts it: a turn that asked nobody costs nothing."""
        return self.measured and self.requests != 0 and self.cost_usd is None

    @property
    def failed(self) -> bool:
        return self.status not in ("ok", None)


class UsedTool(NamedTuple):
    """A tool in the turns that are shown. `failed` counts the calls that did not end well."""

    tool: str
    calls: int
    failed: int
    median_s: float | None


class ShownCompaction(NamedTuple):
    """A compaction that counts. `place` is the number of the turn that it happened in, or before, from 0."""

    place: int
    tokens_before: int | None
    tokens_after: int | None


@dataclass(frozen=True)
class DashboardFacts:
    """All of it, at one moment. `totals` and `models` are rows of `summary()`; `turns` are the latest, oldest first."""

    narrowed: bool
    """Whether a filter left something out."""
    totals: Mapping[str, Any]
    models: Sequence[Mapping[str, Any]]
    turns: Sequence[ShownTurn]
    tools: Sequence[UsedTool]
    compactions: Sequence[ShownCompaction]
    proof: LossProof
    errors: Mapping[str, str]
    """Exporter → its last error, or why it last refused an event for good."""
    scope: Scope
    """What holds all that belongs to `turns`."""


def read_facts(request: Request) -> DashboardFacts:
    """
    Raises:
        StoreError: the store cannot be read.
    """
    request = replace(request, filter=replace(request.filter, newest_first=True))
    table, scope = _latest(request)
    turns = [ShownTurn(*row) for row in zip(*(table[name].to_pylist() for name in ShownTurn._fields), strict=True)][
        ::-1
    ]
    beside = build.Request(scope, Filter())
    return DashboardFacts(
        narrowed=request.filter.session is not None or not request.filter.takes_all,
        totals=_rows(summarise(request, None))[0],
        models=_by_model(request),
        turns=turns,
        tools=_tools(beside, turns),
        compactions=_compactions(beside, turns),
        proof=loss_proof(request.scope),
        errors=_errors(request.scope.store),
        scope=scope,
    )


def _errors(store: IEventStore) -> dict[str, str]:
    boxes = store.outboxes()
    refused = {box.exporter for box in boxes if box.dead}
    found = {name: letters[-1].error for name in refused if (letters := store.dead_letters(name))}
    return found | {box.exporter: box.last_error for box in boxes if box.last_error}


def _latest(request: Request) -> tuple[pa.Table, Scope]:
    """The latest turns, newest first, and a scope that holds all that belongs to them."""
    scope, filter = request.scope, request.filter
    if filter.takes_all:
        scope = _since_the_latest(scope)
    limit = CHARTED if filter.limit is None else min(filter.limit, CHARTED)
    return build.turns(build.Request(scope, replace(filter, limit=limit))), scope


def _since_the_latest(scope: Scope) -> Scope:
    query = replace(scope.query(["turn_started"]), newest_first=True, limit=CHARTED)
    found = scope.rows(query, ["position", "seq"])
    return replace(scope, after_position=found[-1][0] - 1) if len(found) == CHARTED else scope


def _by_model(request: Request) -> Sequence[Mapping[str, Any]]:
    found = summarise(request, "model").sort_values("turns", ascending=False, kind="stable")
    return _rows(found)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", frame.to_dict("records"))


def _tools(beside: Request, turns: Sequence[ShownTurn]) -> list[UsedTool]:
    """The most used first."""
    ids = {turn.turn_id for turn in turns}
    table = build.tool_calls(beside)
    columns = (table[name].to_pylist() for name in ("turn_id", "tool", "status", "duration_s"))
    calls: dict[str, list[tuple[str | None, float | None]]] = {}
    for turn_id, tool, status, duration_s in zip(*columns, strict=True):
        if turn_id in ids:
            calls.setdefault(str(tool), []).append((status, duration_s))
    found = [_used_tool(tool, its) for tool, its in calls.items()]
    return sorted(found, key=lambda use: -use.calls)


def _used_tool(tool: str, calls: Sequence[tuple[str | None, float | None]]) -> UsedTool:
    failed = sum(status not in ("ok", None) for status, _ in calls)
    return UsedTool(tool, len(calls), failed, quantile([took for _, took in calls if took is not None], 0.5))


def quantile(values: Sequence[float], share: float) -> float | None:
    """As pandas computes it; None of nothing."""
    if not values:
        return None
    ordered, place = sorted(values), (len(values) - 1) * share
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def _compactions(beside: Request, turns: Sequence[ShownTurn]) -> list[ShownCompaction]:
    """Those that were not undone, of the sessions that are shown. One made by hand is before the next turn."""
    places = {turn.turn_id: place for place, turn in enumerate(turns)}
    sessions = {turn.session_id for turn in turns}
    names = ("turn_id", "session_id", "timestamp", "outcome", "undone", "tokens_before", "tokens_after")
    table = build.compactions(beside)
    found: list[ShownCompaction] = []
    for turn_id, session, at, outcome, undone, *tokens in zip(
        *(table[name].to_pylist() for name in names), strict=True
    ):
        if outcome != "completed" or undone or session not in sessions:
            continue
        place = _next_turn(turns, at) if turn_id is None else places.get(turn_id)
        if place is not None:
            found.append(ShownCompaction(place, *tokens))
    return found


def _next_turn(turns: Sequence[ShownTurn], at: datetime) -> int | None:
    """The last turn, when none came after it; None when all of them did."""
    later = [place for place, turn in enumerate(turns) if turn.started_at and turn.started_at > at]
    return None if later[:1] == [0] else later[0] if later else len(turns) - 1

"""The dashboard in words: for those who cannot see the pictures, or whose front end takes them out; and as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from victor_nb.frames.dashboard_facts import DashboardFacts, ShownTurn, quantile
from victor_nb.frames.dashboard_numbers import compact, counted, known, percent, seconds, usd, whole
from victor_nb.frames.dashboard_view import cut, exporter_name

if TYPE_CHECKING:
    from collections.abc import Mapping


def in_words(facts: DashboardFacts) -> list[str]:
    """What the charts show, a sentence each; at most one dollar sign in each, for two of them are a formula."""
    turns = facts.turns
    return [_tokens(turns), _cost(turns), _time(turns), _context(facts)] if turns else []


def as_text(facts: DashboardFacts, told_filters: str) -> str:
    """The key figures and the proof, a line each."""
    totals = facts.totals
    lines = {
        "turns": turns_told(totals),
        "tokens": f"{whole(totals['input_tokens'])} in{_cached(totals)}, {whole(totals['output_tokens'])} out",
        "cost": cost_told(totals),
        "time": _times(totals),
        "context": _context(facts).partition(": ")[2],
        "tools": "; ".join(_tool(use) for use in facts.tools[:6]),
        "models": "; ".join(f"{cut(row['model'])} {whole(row['turns'])}" for row in facts.models[:6]),
        "exports": "; ".join(_export(name, counts) for name, counts in list(facts.proof["exporters"].items())[:6]),
    }
    told = [f"{name:<8} {line}" for name, line in lines.items() if line]
    return "\n".join([f"Analytics{f' · {told_filters}' if told_filters else ''}", *told, proof_told(facts)])


def turns_told(totals: Mapping[str, Any]) -> str:
    failed, cut_short = totals["errors"], totals["interrupted"]
    parts = [whole(totals["turns"])]
    parts += [f"{failed:,} failed ({percent(failed / totals['turns'])})"] if failed else []
    return ", ".join(parts + ([f"{cut_short:,} interrupted"] if cut_short else []))


def cost_told(totals: Mapping[str, Any]) -> str:
    unpriced = f"{counted(totals['cost_unknown'], 'turn')} of unknown price" if totals["cost_unknown"] else ""
    priced = usd(totals["cost_usd"]) if known(totals["cost_usd"]) else ""
    return " + ".join(part for part in (priced, unpriced) if part) or "–"


def proof_told(facts: DashboardFacts) -> str:
    """Without what is behind it: whether it is good is `is_proven`."""
    proof = facts.proof
    counts = f"{proof['accepted']:,} events recorded, {proof['stored']:,} stored"
    counts += f", {proof['pruned']:,} deleted on purpose" if proof["pruned"] else ""
    if proof["gaps"]:
        return f"✗ {counts}: see vn.analytics.turns().attrs['victor']['gaps']"
    return f"✓ {counts}: nothing lost" if proof["flushed"] else f"✗ {counts}; the latest are not on disk yet"


def is_proven(facts: DashboardFacts) -> bool:
    return bool(facts.proof["flushed"]) and not facts.proof["gaps"]


def _cached(totals: Mapping[str, Any]) -> str:
    read, all_in = totals["cache_read_tokens"], totals["input_tokens"]
    return f" ({percent(read / all_in)} from cache)" if known(read) and known(all_in) and read and all_in else ""


def _times(totals: Mapping[str, Any]) -> str:
    names = {"duration_s": "", "time_to_first_token_s": "first token "}
    told = [
        f"{name}p50 {seconds(totals[f'{column}_p50'])}, p95 {seconds(totals[f'{column}_p95'])}"
        for column, name in names.items()
        if known(totals[f"{column}_p50"])
    ]
    return "; ".join(told)


def _tool(use: Any) -> str:
    return f"{cut(use.tool)} {use.calls:,}" + (f" ({use.failed:,} failed)" if use.failed else "")


def _export(name: str, counts: Mapping[str, int]) -> str:
    told = f"{cut(exporter_name(name))} {counts['delivered']:,} delivered"
    told += f", {counts['pending']:,} pending" if counts["pending"] else ""
    return told + (f", {counts['dead']:,} refused" if counts["dead"] else "")


def _tokens(turns: Sequence[ShownTurn]) -> str:
    counts = [turn for turn in turns if turn.measured and turn.input_tokens is not None]
    if not counts:
        return f"Tokens: {counted(len(turns), 'turn')}, no model has counted any."
    read, output = (sum(getattr(turn, name) or 0 for turn in counts) for name in ("input_tokens", "output_tokens"))
    cached = sum(turn.cache_read_tokens or 0 for turn in counts)
    most = max((turn.input_tokens or 0) + (turn.output_tokens or 0) for turn in counts)
    from_cache = f" ({percent(cached / read)} from cache)" if cached and read else ""
    return (
        f"Tokens: {counted(len(turns), 'turn')}, {read:,} in{from_cache}, {output:,} out; at most {most:,} in a turn."
    )


def _cost(turns: Sequence[ShownTurn]) -> str:
    costs = [turn.cost_usd for turn in turns if turn.measured and turn.cost_usd is not None]
    unpriced = sum(turn.unpriced for turn in turns)
    known_part = f"{usd(sum(costs))} in {counted(len(costs), 'turn')}" if costs else "no price is known"
    return f"Cost: {known_part}{f', {unpriced:,} of unknown price' if unpriced else ''}."


def _time(turns: Sequence[ShownTurn]) -> str:
    took = [turn.duration_s for turn in turns if turn.duration_s is not None]
    first = [turn.time_to_first_token_s for turn in turns if turn.time_to_first_token_s is not None]
    if not took:
        return "Time: no turn is over."
    told = f"Time: half within {seconds(quantile(took, 0.5))}, 95 % within {seconds(quantile(took, 0.95))}"
    told += f"; first token within {seconds(quantile(first, 0.5))} in half" if first else ""
    failed = sum(turn.failed for turn in turns)
    return f"{told}{f'; {failed:,} failed' if failed else ''}."


def _context(facts: DashboardFacts) -> str:
    filled = [turn for turn in facts.turns if turn.context_fraction is not None]
    if not filled:
        return ""
    fullest, last = max(filled, key=lambda turn: turn.context_fraction or 0), filled[-1]
    told = f"Context: {percent(last.context_fraction)} of its limit in the last turn"
    told += f", at most {percent(fullest.context_fraction)} ({compact(fullest.context_tokens)} tokens)"
    number = len(facts.compactions)
    return f"{told}{f', made smaller {number:,} times' if number > 1 else ', made smaller once' if number else ''}."

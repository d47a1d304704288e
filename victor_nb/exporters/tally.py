"""How much of what was recorded each exporter has confirmed: counted, event by event, never assumed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from victor_nb.exporters.deliveries import HELD_BACK
from victor_nb.exporters.delivery import Delivery
from victor_nb.protocols import ExportResult


def tally(positions: Sequence[int], deliveries: Sequence[Delivery], *, left_behind: bool) -> ExportResult:
    """The events at `positions` (ascending) of this run: what all exporters have confirmed, and each of them.

    With `left_behind`, what kernels that are gone have left counts as pending too. Blocks.
    """
    results: dict[str, ExportResult] = {}
    everywhere, dead_anywhere, older = len(positions), set[int](), 0
    for delivery in deliveries:
        passed = bisect_right(positions, delivery.position)
        dead = set(delivery.dead()).intersection(positions)
        left = delivery.left_behind() if left_behind else 0
        result = _result(passed - len(dead), len(positions) - passed + left, len(dead), delivery.last_error)
        results[delivery.name] = result
        everywhere, dead_anywhere, older = min(everywhere, passed), dead_anywhere | dead, max(older, left)
    if not results:
        return ExportResult(True)
    confirmed = everywhere - len(dead_anywhere.intersection(positions[:everywhere]))
    pending = len(positions) - confirmed - len(dead_anywhere) + older
    errors = [f"{name}: {result.error}" for name, result in results.items() if result.error]
    success = all(result.success for result in results.values())
    return ExportResult(success, confirmed, "; ".join(errors) or None, pending, results, len(dead_anywhere))


def tally_held_back(pending: int, names: Sequence[str]) -> ExportResult:
    """Where a replay has its exporters accept events, and deliver none."""
    one = ExportResult(True, 0, HELD_BACK, pending)
    return replace(one, results=dict.fromkeys(names, one)) if names else ExportResult(True)


def _result(confirmed: int, pending: int, dead: int, error: str | None) -> ExportResult:
    refused = f"{dead} events were refused, retry_dead() tries them again" if dead else None
    error = (error if pending else None) or refused
    return ExportResult(not pending and not dead, confirmed, error, pending, dead=dead)


def tally_of_dead(deliveries: Sequence[Delivery], revived: Sequence[int]) -> ExportResult:
    """How many of the dead went through, and how many did not. Blocks."""
    results: dict[str, ExportResult] = {}
    for delivery, count in zip(deliveries, revived, strict=True):
        dead = delivery.all_dead()
        error = dead[-1].error if dead else None
        results[delivery.name] = ExportResult(not dead, count, error, dead=len(dead))
    still_dead = sum(result.dead for result in results.values())
    errors = [f"{name}: {result.error}" for name, result in results.items() if result.error]
    return ExportResult(not still_dead, sum(revived), "; ".join(errors) or None, results=results, dead=still_dead)

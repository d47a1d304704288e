"""Where each exporter is, in the Analytics panel, with buttons to deliver now and to try again what was refused."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from victor_nb.frames.dashboard_facts import DashboardFacts
from victor_nb.frames.dashboard_numbers import counted
from victor_nb.frames.dashboard_style import CLASSES
from victor_nb.frames.dashboard_tables import exporters
from victor_nb.notebook.panels.widgets import button, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.notebook.verbs.export import told

if TYPE_CHECKING:
    from victor_nb.protocols import ExportResult


class ExportsBox:
    """Empty where there is no exporter. `delivered` is awaited when something may have gone out."""

    def __init__(self, work: PanelWork, delivered: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._work, self._delivered = work, delivered
        self._table = html()
        self._now = button("Deliver now", "Deliver what is pending, and wait for it", icon="paper-plane")
        self._retry = button("Retry refused", "Try again what a destination refused for good", icon="repeat")
        self._now.on_click(work.starts(self._deliver))
        self._retry.on_click(work.starts(self._revive))
        self._buttons = row(self._now, self._retry)
        self.widget = ipywidgets().VBox([self._table])

    def show(self, facts: DashboardFacts) -> None:
        counts = facts.proof["exporters"]
        shown = exporters(counts, facts.errors)
        self._table.value = f'<div class="{CLASSES}">{shown}</div>' if shown else ""
        self._retry.disabled = not any(its["dead"] for its in counts.values())
        children = (self._table, self._buttons) if shown else (self._table,)
        if self.widget.children != children:
            self.widget.children = children

    async def _deliver(self) -> None:
        pending = self._work.session.orchestrator.analytics_coordinator.export_analytics()
        await self._tell("Delivering…", pending)

    async def _revive(self) -> None:
        pending = self._work.session.orchestrator.analytics_coordinator.retry_dead()
        await self._tell("Trying again…", pending)

    async def _tell(self, before: str, result: Coroutine[Any, Any, ExportResult]) -> None:
        """One at a time; what came of it, for each exporter, in the panel's line."""
        self._work.line.say(before)
        self._now.disabled = self._retry.disabled = True
        try:
            found = await result
        finally:
            self._now.disabled = self._retry.disabled = False
        self._work.line.say(_in_one_line(found))
        await self._delivered()


def _in_one_line(result: ExportResult) -> str:
    if not result.results:
        return "No exporter of this kernel runs; what earlier ones left is delivered when they are added again."
    parts = [
        f"{'✓' if one.success else '✗'} {name}: {told(one.exported_count, one.pending, one.dead, one.error)}"
        for name, one in result.results.items()
    ]
    return " · ".join(parts[:4]) + (f" · and {counted(len(parts) - 4, 'more exporter')}" if len(parts) > 4 else "")

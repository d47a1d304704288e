"""The Analytics panel: the dashboard, live while turns run, the turns with those that failed first, and the exporters.

What it shows is read from the store in a worker thread, at most once a second and only when something happened, so that
neither a cell nor a chat waits for it; and never more than a tenth of the time, however large the store.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Final

from victor_nb.frames.turn_texts import TurnText, turn_texts
from victor_nb.notebook.panels.exports_box import ExportsBox
from victor_nb.notebook.panels.turn_pickers import TurnPickers
from victor_nb.notebook.panels.turn_table import failed_first, turn_table
from victor_nb.notebook.panels.widgets import html, ipywidgets
from victor_nb.notebook.panels.work import PanelWork

if TYPE_CHECKING:
    from collections.abc import Sequence

    from victor_nb.frames.dashboard import Dashboard
    from victor_nb.frames.dashboard_facts import ShownTurn
    from victor_nb.session import Session

REST_S: Final = 1.0
_RESTS: Final = 10


class AnalyticsTab:
    """The turns of this notebook, as they are chosen."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._reading = asyncio.Lock()
        self._rested = 0.0
        self._seen: Hashable = None
        self._pickers = TurnPickers(work.starts(self.refresh))
        self._picture, self._turns = html(), html()
        self._exports = ExportsBox(work, self.refresh)
        self.widget = ipywidgets().VBox([self._pickers.widget, self._picture, self._exports.widget, self._turns])

    def version(self) -> Hashable:
        """What it was, as long as it is too early for another look."""
        if time.monotonic() >= self._rested:
            coordinator = self._work.session.orchestrator.analytics_coordinator
            exports = tuple((one.name, one.position, one.failures) for one in coordinator.deliveries)
            self._seen = (coordinator.store.kernel_run_id, coordinator.store.accepted, exports)
        return self._seen

    async def refresh(self) -> None:
        async with self._reading:
            began, chosen = time.monotonic(), self._pickers.chosen
            found = await asyncio.to_thread(_read, self._work.session, chosen)
            self._show(*found)
            self._rested = max(began + REST_S, time.monotonic() + _RESTS * (time.monotonic() - began))

    def _show(self, dashboard: Dashboard, texts: Mapping[str, TurnText], every: Sequence[ShownTurn]) -> None:
        self._pickers.offer(every)
        self._picture.value = dashboard.overview()
        self._turns.value = turn_table(dashboard.facts.turns, texts)
        self._exports.show(dashboard.facts)

    def close(self) -> None:
        """What it reads ends by itself."""


def _read(session: Session, chosen: Mapping[str, Any]) -> tuple[Dashboard, Mapping[str, TurnText], Sequence[ShownTurn]]:
    """The dashboard, the texts of the turns that are listed, and the turns that one may choose from."""
    shown = session.analytics.dashboard(**chosen)
    facts = shown.facts
    texts = turn_texts(facts.scope, {turn.turn_id for turn in failed_first(facts.turns) if turn.turn_id})
    every = session.analytics.dashboard().facts.turns if chosen else facts.turns
    return shown, texts, every

"""Making the conversation smaller from the Context panel: look first, do it, take the last one back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from victor_nb.errors import UsageError
from victor_nb.frames.dashboard_style import CLASSES
from victor_nb.notebook.panels import context_lists
from victor_nb.notebook.panels.widgets import button, html, ipywidgets, row
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.notebook.verbs.context import told

if TYPE_CHECKING:
    from victor_nb.agent.coordinators import ContextCoordinator
    from victor_nb.context.conversation import Conversation


class CompactionBox:
    """`changed` is awaited when the conversation may have changed. One thing at a time: a strategy may take long."""

    def __init__(self, work: PanelWork, changed: Callable[[], Coroutine[Any, Any, object]]) -> None:
        self._work, self._changed = work, changed
        self._preview = button("Preview", "What Compact would do; nothing changes", icon="eye")
        self._compact = button("Compact", "Make the conversation smaller now", icon="compress")
        self._undo = button("Undo", "Take the last compaction back", icon="undo")
        self._stop = button("Stop", "Stop waiting for the strategy; nothing has changed then", icon="stop")
        for pressed, action in (
            (self._preview, self._look),
            (self._compact, self._make_smaller),
            (self._undo, self._take_back),
            (self._stop, self._give_up),
        ):
            pressed.on_click(work.starts(action))
        self._stop.disabled = self._undo.disabled = True
        self._task: asyncio.Task[Any] | None = None
        self._found = html()
        self.widget = ipywidgets().VBox(
            [row(self._preview, self._compact, self._undo, self._stop), self._found, records := html()]
        )
        self._records = records

    @property
    def _context(self) -> ContextCoordinator:
        return self._work.session.orchestrator.context_coordinator

    def show(self, conversation: Conversation) -> None:
        records = conversation.records
        counts = any(record.outcome == "completed" and not record.undone for record in records)
        self._undo.disabled = not counts or self._task is not None
        self._records.value = f'<div class="{CLASSES}">{context_lists.records(records)}</div>' if records else ""

    async def _look(self) -> None:
        found = await self._alone("Asking the strategy what it would do…", self._context.preview())
        self._found.value = f'<div class="{CLASSES}">{context_lists.preview(found)}</div>'
        self._work.line.clear()

    async def _make_smaller(self) -> None:
        record = await self._alone("Making it smaller…", self._context.force_compact())
        self._found.value = ""
        self._work.line.say(told(record).replace("%victor undo takes it back", "Undo takes it back"))
        await self._changed()

    async def _take_back(self) -> None:
        record = await asyncio.to_thread(self._context.undo)
        self._found.value = ""
        after = f"the conversation takes about {self._context.conversation().tokens():,} tokens again"
        self._work.line.say(f"Undone: {after}." if record else "There is no compaction to undo.")
        await self._changed()

    async def _give_up(self) -> None:
        if self._task:
            self._task.cancel()

    async def _alone(self, meanwhile: str, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for it with all other buttons out of reach."""
        if self._task:
            work.close()
            raise UsageError("a strategy is at work already.", hint="wait for it, or stop it")
        buttons = (self._preview, self._compact, self._undo)
        self._work.line.say(meanwhile)
        self._task = asyncio.ensure_future(work)
        self._stop.disabled = False
        for one in buttons:
            one.disabled = True
        try:
            return await self._task
        except asyncio.CancelledError:
            self._work.line.say("Stopped; nothing has changed.")
            raise
        finally:
            self._task, self._stop.disabled = None, True
            for one in buttons:
                one.disabled = False

    def close(self) -> None:
        if self._task:
            self._task.get_loop().call_soon_threadsafe(self._task.cancel)

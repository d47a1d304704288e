"""What a panel has in work: coroutines on the private loop, each started by a callback that returns at once."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Any

from victor_nb.background import model_loop
from victor_nb.notebook.kernel.executions import leave_cell
from victor_nb.notebook.panels.line import PanelLine
from victor_nb.session import Session, current


class PanelWork:
    """The tasks of one panel and the line in which it says what became of them. `seen` tells whether a front end shows
    the panel, `show` brings one of its tabs to the front."""

    def __init__(self, seen: Callable[[], bool], show: Callable[[str], None]) -> None:
        self.line = PanelLine()
        self.seen = seen
        self.show = show
        self._running: set[concurrent.futures.Future[None]] = set()
        self._closed = False

    @property
    def session(self) -> Session:
        """The kernel's, as it is now: loading the extension again makes another."""
        return current()

    def starts(self, action: Callable[[], Coroutine[Any, Any, object]]) -> Callable[..., None]:
        """A widget's callback that starts `action`; what the widget tells is left out, read its traits."""

        def callback(*_: object) -> None:
            self.start(action())

        return callback

    def on_choice(self, widget: Any, action: Callable[[Any], Coroutine[Any, Any, object]]) -> None:
        """Start `action` with the value that a person gives the widget, not with those that we give it: they are given
        on the private loop."""

        def callback(change: Any) -> None:
            if not model_loop().is_current():
                self.start(action(change["new"]))

        widget.observe(callback, "value")

    def start(self, coroutine: Coroutine[Any, Any, object]) -> None:
        """Run it on the private loop, outside of whatever cell is running. After `close()` nothing is begun."""
        if self._closed:
            coroutine.close()
            return
        task = model_loop().submit(self._guarded(coroutine))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _guarded(self, coroutine: Coroutine[Any, Any, object]) -> None:
        leave_cell()
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 (it is told in the panel; a callback has no caller)
            self.line.fail(error)

    def close(self) -> None:
        self._closed = True
        for task in list(self._running):
            task.cancel()

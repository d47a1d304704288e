"""Which model answers and which conversation is gone on with, for cells too: what `%victor use` and `%victor session`
do. Both show what is in use, whoever chose it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Final, cast

from victor_nb.errors import SessionInUseError, VictorError
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.conversations.held import choice
from victor_nb.notebook.panels.model_names import model_names
from victor_nb.notebook.panels.resuming import is_unnamed
from victor_nb.notebook.panels.widgets import ipywidgets
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.store.sessions import ISessionStore

_NEW: Final = ""
_SHOWN: Final = 60


class ModelPicker:
    """A field that offers the names of models, and takes any."""

    def __init__(self, work: PanelWork) -> None:
        self._work = work
        self._named = ""
        self.widget = ipywidgets().Combobox(
            placeholder="model",
            tooltip="The model that answers, as openai:gpt-5; cells use it too",
            ensure_option=False,
            continuous_update=False,
            layout=ipywidgets().Layout(flex="1 1 14em", width="auto"),
        )
        work.on_choice(self.widget, self._use)
        work.start(self._offer())

    async def refresh(self) -> None:
        """Show the model in use; nothing when there is none that could be used."""
        try:
            model = await self._work.session.orchestrator.resolve_model()
        except VictorError:
            return
        self._show("demo" if model.provider == "demo" else f"{model.provider}:{model.name}")

    async def _offer(self) -> None:
        self.widget.options = await asyncio.to_thread(model_names)

    async def _use(self, given: str) -> None:
        wanted = given.strip()
        if not wanted or wanted == self._named:
            return
        try:
            await self._work.session.orchestrator.use_model(wanted)
        except VictorError:
            self._show(self._named)
            raise
        self._work.line.say(f"Using {wanted}, in cells too.")
        self._named = wanted

    def _show(self, name: str) -> None:
        self._named = name
        if self.widget.value != name:
            self.widget.value = name


class SessionPicker:
    """A list of this notebook's conversations; its last entry begins a new one. `busy` says why there can be no change
    now, or nothing."""

    def __init__(self, work: PanelWork, busy: Callable[[], str], changed: Callable[[], Awaitable[object]]) -> None:
        self._work = work
        self._busy = busy
        self._changed = changed
        self._names: dict[str, str] = {}
        self.widget = ipywidgets().Dropdown(
            tooltip="The conversation that the panel and the cells are in",
            layout=ipywidgets().Layout(flex="1 1 12em", width="auto"),
        )
        work.on_choice(self.widget, self._go)

    @property
    def _current(self) -> str:
        return self._work.session.orchestrator.session_id

    async def refresh(self) -> None:
        """Show the session in use, and those that are kept."""
        self._names = await asyncio.to_thread(self._kept)
        self._show()

    def _kept(self) -> dict[str, str]:
        store = self._work.session.store
        kept = store.saved_sessions() if isinstance(store, ISessionStore) else []
        summaries = {one.session_id: one.summary for one in kept}
        return {name: _label(name, summaries.get(name)) for name in dict.fromkeys([self._current, *summaries])}

    def _show(self) -> None:
        options = [*((label, name) for name, label in self._names.items()), ("new…", _NEW)]
        if tuple(self.widget.options) != tuple(options):
            self.widget.options = options
        if self.widget.value != self._current:
            self.widget.value = self._current

    async def _go(self, wanted: str | None) -> None:
        if wanted is None or wanted == self._current:
            return
        if why := self._busy():
            self._work.line.say(why)
        else:
            await self._open(wanted or self._unused())
        self._show()

    async def _open(self, name: str) -> None:
        orchestrator = self._work.session.orchestrator
        try:
            await asyncio.to_thread(orchestrator.sessions.open, name)
        except SessionInUseError as error:
            self._show()
            raise choice(error, name, self._names) from None
        orchestrator.use_session(name)
        self._names = {name: self._names.get(name) or _label(name, None)} | self._names
        await self._changed()
        self._work.line.say(f"In the session {_label(name, None)}, cells too.")

    def _unused(self) -> str:
        return next(name for number in count(1) if (name := f"chat-{number}") not in self._names)


def _label(name: str, summary: str | None) -> str:
    """The name, and what was asked first; of a session that nobody named only that."""
    kept = cast("object", json.loads(summary)) if summary else None
    asked = str(kept.get("first_prompt") or "") if isinstance(kept, dict) else ""  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    parts = [*([] if is_unnamed(name) else [name]), *([asked] if asked else [])]
    text = show_bidi(" ".join(clean(" · ".join(parts)).split())) or "(this conversation)"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

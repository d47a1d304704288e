"""The panel itself: a row of buttons that choose a tab, the line for news, and the tab.

A kernel has one panel. Asking for it again shows the same one in another place, and after a restart it is made again
from what is stored.
"""

from __future__ import annotations

import threading
from importlib import import_module
from typing import Any, Final

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.host import lent
from victor_nb.notebook.panels.refresh import Refresher
from victor_nb.notebook.panels.resuming import resume
from victor_nb.notebook.panels.style import STYLE
from victor_nb.notebook.panels.tab import PanelTab
from victor_nb.notebook.panels.widgets import close_all, html, ipywidgets
from victor_nb.notebook.panels.work import PanelWork
from victor_nb.session import current

TABS: Final = {
    "chat": ("Chat", "chat.ChatTab"),
    "context": ("Context", "context_panel.ContextTab"),
    "analytics": ("Analytics", "analytics_panel.AnalyticsTab"),
}
"""Each tab's name, what its button says, and its class in this folder."""

_WITHOUT_WIDGETS: Final = (
    "A victor panel is shown here by front ends with Jupyter widgets (JupyterLab, Notebook 7, VS Code, Colab).\n"
    'If you see this line instead: pip install "ipywidgets>=8.1" where Jupyter runs, reload the page, and run '
    "%victor panel again. %%victor cells need no widgets."
)


class Panel:
    """Shown in a cell, it is the widget. `close()` removes it everywhere."""

    def __init__(self) -> None:
        widgets = ipywidgets()
        self.work = PanelWork(lambda: self.seen, self.open)
        self._making = threading.Lock()
        self._tabs: dict[str, PanelTab] = {}
        self._choice = widgets.ToggleButtons(
            options=[(title, name) for name, (title, _) in TABS.items()], value=None, style={"button_width": "auto"}
        )
        self._place = widgets.VBox()
        self.widget = widgets.VBox([html(STYLE), self._choice, self.work.line.widget, self._place], _view_count=0)
        self.widget.add_class("victor-nb-panel")
        self._was_seen = False
        self.widget.observe(self._note_view, "_view_count")
        self._choice.observe(self.work.starts(self._change), "value")
        self.work.start(Refresher(self._seen_tab, self.work.line.fail).run(lambda: self.alive))

    @property
    def alive(self) -> bool:
        return self.widget.comm is not None

    def open(self, tab: str) -> None:
        """Show this tab."""
        self._put(tab)
        self._choice.value = tab

    async def _change(self) -> None:
        if self._choice.value:
            self._put(self._choice.value)

    def _put(self, name: str) -> None:
        with self._making:
            if name not in self._tabs:
                module, made = TABS[name][1].split(".")
                self._tabs[name] = getattr(import_module(f"victor_nb.notebook.panels.{module}"), made)(self.work)
        if self._place.children != (widget := (self._tabs[name].widget,)):
            self._place.children = widget

    @property
    def seen(self) -> bool:
        """False when every view of it was removed again. Front ends that count no views see it."""
        return self.alive and (bool(self.widget._view_count) or not self._was_seen)

    def _note_view(self, _: object) -> None:
        self._was_seen = True

    def _seen_tab(self) -> PanelTab | None:
        return self._tabs.get(self._choice.value) if self.seen else None

    def close(self) -> None:
        self.work.close()
        for tab in self._tabs.values():
            tab.close()
            close_all(tab.widget)
        close_all(self.widget)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if not self.alive:
            return {"text/plain": "This panel is closed: %victor panel makes another."}
        return {**self.widget._repr_mimebundle_(), "text/plain": _WITHOUT_WIDGETS}


_open: Panel | None = None


def panel(tab: str | None = None) -> Panel:
    """The panel of this notebook, to be shown by the cell: `vn.panel()`, or `vn.panel("chat")` for one of its tabs.

    Raises:
        UsageError: there is no such tab, or no notebook that could show it.
        MissingExtraError: ipywidgets is missing or too old.
    """
    global _open  # noqa: PLW0603 (a kernel has one panel, and this module owns it)
    if tab is not None and tab not in TABS:
        raise UsageError(f"there is no panel {tab!r}.{did_you_mean(str(tab), TABS)}", hint=f"one of {', '.join(TABS)}")
    if not hasattr(getattr(lent(), "shell", None), "kernel"):
        raise UsageError("a panel needs a notebook that has loaded the extension.", hint="%load_ext victor_nb")
    if _open is None or not _open.alive:
        resumed = resume(current())
        _open = Panel()
        tab = tab or next(iter(TABS))
        if resumed:
            _open.work.line.say(
                "This notebook's last conversation goes on, in cells too. %victor session NAME begins another."
            )
    if tab is not None:
        _open.open(tab)
    return _open


def close_panel() -> None:
    """Close it, if there is one."""
    global _open  # noqa: PLW0603
    if _open is not None and _open.alive:
        _open.close()
    _open = None

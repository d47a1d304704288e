"""Panels: widgets over the session, beside the cells. `vn.panel()` shows a `Panel`, which holds one tab at a time.

To add a tab, write a class with what `PanelTab` lists, whose constructor takes a `PanelWork`, and name it in
`frame.TABS`. `widgets.ipywidgets()` gives the library; only this folder uses it, and only inside functions.

- A callback never works itself: `button.on_click(work.starts(self._undo))` starts the coroutine function `_undo` on
  the private loop and returns, so that a panel lives while cells run; `work.on_choice(widget, self._choose)` does so
  for a value that a person picks. Traits are set there. What blocks (the store, a DataFrame) goes through
  `await asyncio.to_thread(…)`.
- `refresh` is awaited on that loop when `version()` is another than before, at most twice a second, and only of the tab
  that is seen. `version` must be cheap: it is asked twice a second.
- Whatever a coroutine, a refresh or a callback raises is logged and shown in one line, `work.line`; a VictorError as it
  is. `work.line.say(…)` shows a line of your own. A chat goes on in any case.
- Every `HTML` gets only text that was escaped, or that `notebook/answers/render.py` made.
"""

from victor_nb.notebook.panels.frame import Panel, panel
from victor_nb.notebook.panels.tab import PanelTab
from victor_nb.notebook.panels.work import PanelWork

__all__ = ["Panel", "PanelTab", "PanelWork", "panel"]

"""The one line of a panel in which it tells what went wrong, and what else is to be said."""

from __future__ import annotations

import logging
from html import escape
from typing import Any, Final

from victor_nb.errors import VictorError
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.panels.widgets import html

log = logging.getLogger(__name__)
_SHOWN: Final = 400


class PanelLine:
    """Empty, or one line. Any thread may use it; it never raises."""

    def __init__(self) -> None:
        self.widget: Any = html("", "victor-nb-line")

    def say(self, text: str) -> None:
        self._show("note", text)

    def fail(self, error: BaseException) -> None:
        """Tell of an error; one that is not our own is logged with its traceback."""
        if isinstance(error, VictorError):
            self._show("error", f"{error.message} → {error.hint}" if error.hint else error.message)
            return
        log.error("a panel failed", exc_info=error)
        self._show("error", f"{type(error).__name__}: {error}")

    def clear(self) -> None:
        self.widget.value = ""

    def _show(self, kind: str, text: str) -> None:
        line = show_bidi(" ".join(clean(text).split()))
        shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]}…"
        self.widget.value = f'<div class="{kind}" role="status">{escape(shown)}</div>'

"""`%victor panel`: widgets beside the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from victor_nb.notebook.words import Wait, refuse_more

if TYPE_CHECKING:
    from victor_nb.session import Session


def panel(session: Session, words: list[str], wait: Wait) -> Any:
    """
    Raises:
        UsageError: there is no such panel, or no notebook that could show one.
    """
    from victor_nb.notebook import panels

    refuse_more(" ".join(["panel", *words[:1]]), words[1:])
    return panels.panel(*words)

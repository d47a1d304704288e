"""What a tab of a panel is."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, Protocol


class PanelTab(Protocol):
    """One of a panel's tabs. It is made when it is first looked at; `widget` is an ipywidgets widget."""

    @property
    def widget(self) -> Any: ...
    def version(self) -> Hashable:
        """Changes when there is something new to show. Cheap: no store, no model."""
        ...

    async def refresh(self) -> None:
        """Show what is there now; on the private loop."""
        ...

    def close(self) -> None:
        """The panel is closed: stop what runs."""
        ...

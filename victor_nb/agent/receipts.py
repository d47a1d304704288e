"""What recording an event returns where nothing is recorded: something to await, as a store's own receipt is."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any


class NothingRecorded:
    """Stands for an event where analytics are switched off; need not be awaited."""

    def __await__(self) -> Generator[Any, None, None]:
        yield from ()

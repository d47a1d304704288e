"""What a check of `%victor doctor` finds, and what a check is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from victor_nb.notebook.words import Wait

if TYPE_CHECKING:
    from victor_nb.session import Session


@dataclass(frozen=True)
class Finding:
    """What one check found; `advice` is what to do when it is not ok."""

    text: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.advice


Check = Callable[["Session", Wait], Iterable[Finding]]

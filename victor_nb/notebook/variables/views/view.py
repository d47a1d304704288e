"""What becomes of one value in the text of a question."""

from __future__ import annotations

from dataclasses import dataclass

from victor_nb.messages import Image


@dataclass(frozen=True, slots=True)
class View:
    """`truncated` where the value is longer than what is shown. `verbatim` is text that stands exactly where the braces
    stood; other views may stand below, marked as of `language`."""

    text: str
    truncated: bool = False
    images: tuple[Image, ...] = ()
    verbatim: bool = False
    language: str = "text"

"""How an answer is shown (`-f`): as Markdown, as it was written, its code only, or as JSON.

A look turns the segments of an answer into those that are shown. It is asked again while the answer grows, so what is
not whole yet is shown as it stands.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, TypeAlias

from victor_nb.messages import code_blocks
from victor_nb.notebook.answers.transcript import Prose, Segment, Verbatim

Look: TypeAlias = Callable[[Iterable[Segment]], list[Segment]]


def as_markdown(segments: Iterable[Segment]) -> list[Segment]:
    return list(segments)


def _prose_by(show: Callable[[str], Iterator[Verbatim]], segments: Iterable[Segment]) -> list[Segment]:
    shown: list[Segment] = []
    for segment in segments:
        shown += show(segment.text) if isinstance(segment, Prose) else [segment]
    return shown


def _as_written(text: str) -> Iterator[Verbatim]:
    yield Verbatim(text)


def _code(text: str) -> Iterator[Verbatim]:
    for block in code_blocks(text):
        yield Verbatim(block.source, block.language)


def _json(text: str) -> Iterator[Verbatim]:
    for candidate in (text, *(block.source for block in code_blocks(text))):
        try:
            value = json.loads(candidate)
        except (ValueError, RecursionError):
            continue
        yield Verbatim(json.dumps(value, indent=2, ensure_ascii=False), "json")
        return
    yield Verbatim(text)


LOOKS: Final[dict[str, Look]] = {
    "markdown": as_markdown,
    "text": partial(_prose_by, _as_written),
    "code": partial(_prose_by, _code),
    "json": partial(_prose_by, _json),
}
"""By the names of `-f`; of an answer that is no JSON, `json` shows what was written."""

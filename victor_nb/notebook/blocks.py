"""Where a Markdown text that is still growing can be cut.

A top-level block that a blank line separates from the next one no longer changes, whatever follows: CommonMark
reads by lines. Only complete lines are looked at, since `- - -` may still become `- - - x`.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from victor_nb.notebook.markdown import parser

if TYPE_CHECKING:
    from markdown_it.token import Token

KEPT_LINES = 8


def split_blocks(text: str) -> tuple[list[str], str]:
    """The finished blocks, and the tail that may still change; joined they are the (clean) text."""
    lines = _lines(text)
    starts = [
        start
        for start in sorted({token.map[0] for token in _top_level(text) if token.map})
        if start and not lines[start - 1].strip()
    ]
    if not starts:
        return [], text
    edges = [0, *starts]
    blocks = ["".join(lines[a:b]) for a, b in pairwise(edges)]
    return blocks, "".join(lines[starts[-1] :])


def split_long(tail: str) -> tuple[str, str] | None:
    """A cut inside a tail that has become long: between two list items, or between two lines of code.

    Both parts are Markdown in their own right (a cut fence is closed, and opened again); None where there is no
    such place.
    """
    top = _top_level(tail)
    last = top[-1] if top else None
    if last and last.type == "fence" and last.map:
        return _split_fence(tail, last, last.map[0])
    return _split_list(tail)


def _split_fence(tail: str, fence: Token, start: int) -> tuple[str, str] | None:
    lines = _lines(tail)
    cut = len(lines) - KEPT_LINES
    if cut - start < KEPT_LINES:
        return None
    return "".join([*lines[:cut], fence.markup, "\n"]), "".join([lines[start], *lines[cut:]])


def _split_list(tail: str) -> tuple[str, str] | None:
    lists = [token for token in _top_level(tail) if token.type in {"bullet_list_open", "ordered_list_open"}]
    if not lists or not lists[-1].map:
        return None
    items = [t.map[0] for t in _tokens(tail) if t.type == "list_item_open" and t.level == 1 and t.map]
    if not items or items[-1] <= lists[-1].map[0]:
        return None
    lines = _lines(tail)
    return "".join(lines[: items[-1]]), "".join(lines[items[-1] :])


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.split("\n")[:-1]] + [text.rpartition("\n")[2]]


def _tokens(text: str) -> list[Token]:
    return parser().parse(text[: text.rfind("\n") + 1])


def _top_level(text: str) -> list[Token]:
    return [token for token in _tokens(text) if token.level == 0 and token.nesting >= 0]

"""Where a Markdown text that is still growing can be cut.

A top-level block that a blank line separates from the next one no longer changes, whatever follows: CommonMark
reads by lines. A line that is not complete yet counts where it is sure to begin a block of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from victor_nb.notebook.answers.footnotes import Definitions
from victor_nb.notebook.answers.markdown import parser

if TYPE_CHECKING:
    from markdown_it.token import Token

KEPT_LINES = 8
_LISTS = {"bullet_list_open", "ordered_list_open"}
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)]) +\S")
_LINK = re.compile(r"(?<!!)\[([^\[\]\n]{1,200})\]\((?:h|ht|htt|https?(?::[^\s)]*)?)?\Z")
_DEFINITION = re.compile(r"^ {0,3}\[[^\]\n]{0,100}(?:\]:?[ \t]*)?\Z", re.MULTILINE)


def split_blocks(text: str) -> tuple[list[str], str]:
    """The finished blocks, and the tail that may still change; joined they are the (clean) text."""
    return _split_blocks(text, _top_level(_parse(text, Definitions())))


def _split_blocks(text: str, top: Sequence[Token]) -> tuple[list[str], str]:
    lines = _lines(text)
    starts = {start for token in top if token.map and (start := token.map[0]) and not lines[start - 1].strip()}
    if len(top) > 1 and _may_join(lines[-1], top[-2]):
        starts.discard(len(lines) - 1)
    edges = [0, *sorted(starts)]
    return ["".join(lines[a:b]) for a, b in pairwise(edges)], "".join(lines[edges[-1] :])


def _may_join(line: str, before: Token) -> bool:
    """Whether an incomplete line that looks like a block may yet be a part of the block before it."""
    return line[:1].isspace() or (before.type in _LISTS and bool(re.match(r"[-+*\d]", line)))


def cut_behind(text: str, seen: int, long: int) -> tuple[str, str] | None:
    """Cut a text in two, behind its first `seen` characters: between blocks, or inside of one that is twice as `long`.

    Both parts are Markdown in their own right: a cut fence is closed, and opened again.
    """
    tokens = _parse(text, Definitions())
    top = _top_level(tokens)
    blocks, tail = _split_blocks(text, top)
    head = "".join(blocks)
    if head and len(head) >= seen:
        return head, tail
    if len(text) < 2 * long or not top:
        return None
    within = _split_fence(text, top) or _split_list(text, top, tokens)
    return (within[0], within[1]) if within and within[2] >= seen else None


def _split_fence(text: str, top: Sequence[Token]) -> tuple[str, str, int] | None:
    """Behind the last complete line of code, when the fence goes on."""
    last, lines = top[-1], _lines(text)
    if last.type != "fence" or not last.map or len(lines) - 1 - last.map[0] < KEPT_LINES:
        return None
    if not lines[-1].strip() or lines[-1].strip()[0] == last.markup[0] or last.map[1] < len(lines):
        return None
    code = "".join(lines[:-1])
    return f"{code}{last.markup}\n", lines[last.map[0]] + lines[-1], len(code)


def _split_list(text: str, top: Sequence[Token], tokens: Sequence[Token]) -> tuple[str, str, int] | None:
    """Before the last item, when it is sure to be one."""
    last, lines = top[-1], _lines(text)
    items = [token.map[0] for token in tokens if token.type == "list_item_open" and token.level == 1 and token.map]
    if last.type not in _LISTS or not last.map or not items or items[-1] <= last.map[0]:
        return None
    if not _ITEM.match(lines[items[-1]].lstrip()):
        return None
    head = "".join(lines[: items[-1]])
    return head, "".join(lines[items[-1] :]), len(head)


def sure(text: str) -> str:
    """A growing text, but for its end where that is likely to be taken back: the address of a link that is not whole,
    and a line that may become a definition, which is not shown."""
    return _LINK.sub(r"\1", _DEFINITION.sub("", text))


def definitions_in(text: str, before: Definitions) -> Definitions:
    """`before` with the link targets and notes that complete lines of `text` define."""
    if "]:" in text:
        _parse(text[: text.rfind("\n") + 1], before)
    return before


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.split("\n")[:-1]] + [text.rpartition("\n")[2]]


def _parse(text: str, shared: Definitions) -> list[Token]:
    return parser().parse(text, shared.env(last=False))


def _top_level(tokens: Sequence[Token]) -> list[Token]:
    return [token for token in tokens if token.level == 0 and token.nesting >= 0 and token.map]

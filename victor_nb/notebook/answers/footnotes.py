"""Footnotes, and the definitions that the pieces of one text share.

A note is a raised number where it is referred to and a numbered paragraph at the end. Neither links to the other: on a
Jupyter page the address `#fn1` is the server's own, and two answers would both have it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

_REFERENCE = re.compile(r"\[\^([^\s\]]{1,100})\]")


@dataclass(frozen=True)
class Definitions:
    """What a text that is rendered in pieces has defined so far: link targets, notes, and the numbers of those notes
    that were referred to. A piece is rendered with those of the pieces before it, and adds its own."""

    links: dict[str, Any] = field(default_factory=dict[str, Any])
    labels: dict[str, int] = field(default_factory=dict[str, int])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    notes: dict[str, list[Token]] = field(default_factory=dict[str, "list[Token]"])

    @property
    def names(self) -> frozenset[str]:
        return frozenset([*self.links, *self.labels])

    def copy(self) -> Definitions:
        return Definitions(dict(self.links), dict(self.labels), dict(self.numbers), dict(self.notes))

    def from_the_start(self) -> Definitions:
        """The same definitions, for rendering the first piece again."""
        return replace(self.copy(), numbers={}, notes={})

    def env(self, last: bool) -> dict[str, Any]:
        """What the parser is given. The notes are shown at the end of the `last` piece."""
        footnotes = {"refs": self.labels, "list": {}}
        return {"references": self.links, "footnotes": footnotes, "definitions": self, "last": last}


def add_footnotes(parser: MarkdownIt) -> None:
    """Teach a parser `[^1]` and `[^1]: note`. It has to be given the `env()` of some `Definitions`."""
    from mdit_py_plugins.footnote import footnote_plugin

    footnote_plugin(parser, inline=False, move_to_end=False)
    parser.inline.ruler.at("footnote_ref", _reference)
    parser.core.ruler.after("inline", "footnotes_at_the_end", _move_to_the_end)
    for name, html in _HTML.items():
        parser.add_render_rule(name, _constant(html))
    parser.add_render_rule("footnote_ref", _raised)


def _reference(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("[^", state.pos):
        return False
    found = _REFERENCE.match(state.src, state.pos, state.posMax)
    shared: Definitions = state.env["definitions"]
    if not found or f":{found[1]}" not in shared.labels:
        return False
    if not silent:
        number = shared.numbers.setdefault(found[1], len(shared.numbers) + 1)
        state.push("footnote_ref", "", 0).content = str(number)
    state.pos = found.end()
    return True


def _move_to_the_end(state: StateCore) -> None:
    """Take the notes out of the text; the last piece shows those that were referred to, in the order of that."""
    shared: Definitions = state.env["definitions"]
    state.tokens = _without_notes(state.tokens, shared.notes)
    if shared.numbers and state.env["last"]:
        state.tokens.extend(_notes_block(shared))


def _without_notes(tokens: list[Token], notes: dict[str, list[Token]]) -> list[Token]:
    text: list[Token] = []
    targets = [text]
    for token in tokens:
        if token.type == "footnote_reference_open":
            targets.append([])
            notes[token.meta["label"]] = targets[-1]
        elif token.type == "footnote_reference_close":
            targets.pop()
        else:
            targets[-1].append(token)
    return text


def _notes_block(shared: Definitions) -> Iterator[Token]:
    from markdown_it.token import Token

    yield Token("footnote_block_open", "", 1)
    for label in shared.numbers:
        yield Token("footnote_open", "", 1)
        yield from shared.notes.get(label, [])
        yield Token("footnote_close", "", -1)
    yield Token("footnote_block_close", "", -1)


def _constant(html: str) -> Callable[..., str]:
    def rendered(*_: Any) -> str:
        return html

    return rendered


def _raised(_: Any, tokens: list[Token], index: int, *__: Any) -> str:
    return f"<sup>{tokens[index].content}</sup>"


_HTML = {
    "footnote_block_open": '<ol class="notes">\n',
    "footnote_open": "<li>",
    "footnote_close": "</li>\n",
    "footnote_block_close": "</ol>\n",
}

"""Markdown from a model, as HTML that runs nothing and fetches nothing.

Raw HTML is text. Links keep their target only for http, https and mailto; relative and fragment links become plain
text, because on a Jupyter server a relative address is the server's own (`/logout`, `/files/…`). An image is a link
to itself: fetching it would tell its server that, and what, the model wrote.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from victor_nb.notebook.answers.addresses import is_linked
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.answers.footnotes import Definitions, add_footnotes
from victor_nb.notebook.answers.highlight import highlight
from victor_nb.notebook.answers.mathematics import add_mathematics, render_formula, without_formulas

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

_BOXES = {"[ ] ": "☐", "[x] ": "☑"}


def markdown_to_html(text: str, shared: Definitions | None = None, *, last: bool = True) -> str:
    """The HTML of a Markdown text, without a wrapper. A piece of a text is given what the pieces `shared`, and whether
    it is the `last` of them."""
    return parser().render(clean(text), (shared or Definitions()).env(last))


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables, strikethrough, footnotes, task lists and mathematics. Its `env` is that of some
    `Definitions`."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    add_footnotes(made)
    add_mathematics(made)
    made.core.ruler.push("tasks", _tick)
    made.validateLink = lambda url: bool(is_linked(url) or url.lower().startswith("data:image/"))
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


def _tick(state: StateCore) -> None:
    """`- [ ]` and `- [x]` as a box: a control would look as if it could be clicked."""
    for item, paragraph, words in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if (item.type, paragraph.type) != ("list_item_open", "paragraph_open") or not words.children:
            continue
        first = words.children[0]
        if first.type == "text" and (box := _BOXES.get(first.content[:4].lower())):
            first.content = f"{box} {first.content[4:]}"
            item.attrSet("class", "task")


def _text(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return without_formulas(escape(tokens[index].content))


def _code(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return f"<code>{escape(show_bidi(tokens[index].content))}</code>"


def _code_block(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    token = tokens[index]
    return code_to_html(token.content, (token.info.split() or [""])[0])


def code_to_html(code: str, language: str) -> str:
    """A block of code, escaped and coloured."""
    return f"<pre><code>{highlight(code, language.strip('{}.').lower())}</code></pre>\n"


def _link_open(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return _anchor(str(tokens[index].attrs.get("href", "")))


def _anchor(url: str) -> str:
    if not is_linked(url):
        return "<a>"
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">'


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    words = renderer.renderInlineAsText(token.children, options, env) if token.children else ""
    label = without_formulas(escape(words or "no description"))
    return f"{_anchor(str(token.attrs.get('src', '')))}[image: {label}]</a>"


def _inline_formula(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return render_formula(tokens[index].content, block=False)


def _block_formula(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    return render_formula(tokens[index].content, block=True)


_RULES = {
    "text": _text,
    "code_inline": _code,
    "fence": _code_block,
    "code_block": _code_block,
    "link_open": _link_open,
    "image": _image,
    "math_inline": _inline_formula,
    "math_block": _block_formula,
}

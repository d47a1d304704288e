"""Markdown from a model, as HTML that runs nothing and fetches nothing.

Raw HTML is text. Links keep their target only for http, https and mailto; relative and fragment links become plain
text, because on a Jupyter server a relative address is the server's own (`/logout`, `/files/…`). An image is a link
to itself: fetching it would tell its server that, and what, the model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from html import escape
from typing import TYPE_CHECKING, Any

from victor_nb.notebook.characters import clean, show_bidi
from victor_nb.notebook.highlight import highlight
from victor_nb.notebook.mathematics import add_mathematics, render_formula

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_WEB = re.compile(r"(?:https?://|mailto:)[^\s\x00-\x20]", re.IGNORECASE)
_TYPESET = re.compile(r"[$\\]")


def markdown_to_html(text: str) -> str:
    """The HTML of a whole Markdown text, without a wrapper."""
    return parser().render(clean(text))


@cache
def parser() -> MarkdownIt:
    """CommonMark with tables, strikethrough and mathematics."""
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    add_mathematics(made)
    made.validateLink = lambda url: bool(_WEB.match(url) or url.lower().startswith("data:image/"))
    for name, rule in _RULES.items():
        made.add_render_rule(name, rule)
    return made


def _text(_: Any, tokens: Sequence[Token], index: int, *__: Any) -> str:
    # A delimiter alone in its element is none for MathJax, so that "$5 and $6" stays as it is.
    return _TYPESET.sub(r"<span>\g<0></span>", escape(tokens[index].content))


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
    if not _WEB.match(url):
        return "<a>"
    return f'<a href="{escape(url)}" target="_blank" rel="noopener noreferrer">'


def _image(renderer: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    words = renderer.renderInlineAsText(token.children, options, env) if token.children else ""
    label = _TYPESET.sub(r"<span>\g<0></span>", escape(words or "no description"))
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

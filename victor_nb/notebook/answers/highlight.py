"""Source code as HTML with six kinds of colour.

Pygments finds the tokens; neighbours of one kind share a span and everything else stays bare, which is a third of
the bytes of Pygments' own HTML. The colours themselves are in `style.py`.
"""

from __future__ import annotations

from functools import lru_cache
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from victor_nb.notebook.answers.characters import show_bidi

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType  # pyright: ignore[reportPrivateUsage]

MAX_CHARACTERS = 20_000


def highlight(code: str, language: str) -> str:
    """The code as escaped HTML. An unknown language and more than 20,000 characters stay without colour."""
    code = show_bidi(code)
    lexer = _lexer(language) if len(code) <= MAX_CHARACTERS else None
    if lexer is None:
        return _text(code)
    pieces = ((_kind(kind), text) for kind, text in lexer.get_tokens(code))
    spans = [(kind, "".join(text for _, text in run)) for kind, run in groupby(pieces, key=lambda piece: piece[0])]
    if "".join(text for _, text in spans) != code:
        return _text(code)
    return "".join(f'<span class="{kind}">{_text(text)}</span>' if kind else _text(text) for kind, text in spans)


def _text(text: str) -> str:
    return escape(text, quote=False)


@lru_cache(maxsize=64)
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name  # pyright: ignore[reportUnknownVariableType]
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language, stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@lru_cache(maxsize=256)
def _kind(kind: _TokenType) -> str:
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    kinds = (
        (Comment, "c"),
        (String, "s"),
        (Number, "m"),
        (Keyword, "k"),
        (Operator.Word, "k"),
        (Name.Function, "f"),
        (Name.Class, "f"),
        (Name.Decorator, "f"),
        (Name.Tag, "k"),
        (Name.Attribute, "f"),
        (Name.Builtin, "b"),
        (Name.Exception, "b"),
    )
    return next((short for family, short in kinds if kind in family), "")

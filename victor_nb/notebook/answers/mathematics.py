"""TeX in an answer: found before Markdown can eat its underscores, and handed to the front end's MathJax.

A formula is one escaped text node in an element of its own, delimiters included. Macros that make links, set styles
or redefine other macros for the whole page are not typeset: such a formula is shown as code.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.rules_inline import StateInline

_INLINE = re.compile(
    r"""
    \$\$ (?:\\.|[^\\`$]){1,2000} \$\$
    | \$ (?![\s$]) (?:\\.|[^\\`$]){1,1000} (?<!\s) \$ (?!\d)
    | \\\( .{1,1000}? \\\)
    | \\\[ .{1,2000}? \\\]
    """,
    re.DOTALL | re.VERBOSE,
)
_OPENER = re.compile(r"\$\$|\\\[|\\begin\{(?P<environment>[A-Za-z]{1,20}\*?)\}")
_REFUSED = re.compile(
    r"""\\(?:href|url|style|class|cssId|data|html\w*|require|unicode|includegraphics|mmlToken|texttip|toggle|action
    |x?def|gdef|edef|let|newcommand|renewcommand|providecommand|newenvironment|renewenvironment|DeclareMathOperator
    |DeclarePaired\w*|label|tag)(?![A-Za-z])""",
    re.VERBOSE,
)


_TYPESET = re.compile(r"[$\\]")


def without_formulas(escaped: str) -> str:
    """Escaped text in which MathJax finds nothing to typeset: a delimiter alone in its element is none, so that
    "$5 and $6" stays as it is."""
    return _TYPESET.sub(r"<span>\g<0></span>", escaped)


def add_mathematics(parser: MarkdownIt) -> None:
    """Teach a parser `$…$`, `$$…$$`, `\\(…\\)`, `\\[…\\]` and `\\begin{…}…\\end{…}`."""
    parser.inline.ruler.before("escape", "math_inline", _inline)
    parser.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "blockquote", "list"]})


def render_formula(source: str, *, block: bool) -> str:
    """One formula as HTML; as code when it holds a refused macro."""
    if _REFUSED.search(source):
        code = f"<code>{escape(source)}</code>"
        return f"<pre>{code}</pre>\n" if block else code
    return f"<p>{escape(source)}</p>\n" if block else f"<span>{escape(source)}</span>"


def _inline(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    found = _INLINE.match(state.src, state.pos, state.posMax)
    if not found:
        return False
    if not silent:
        state.push("math_inline", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _block(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    last = _last_line(state, start_line, end_line)
    if last is None:
        return False
    if not silent:
        state.line = last + 1
        token = state.push("math_block", "", 0)
        token.content = state.getLines(start_line, last + 1, state.blkIndent, False).strip()
        token.map = [start_line, last + 1]
    return True


def _last_line(state: StateBlock, start: int, end: int) -> int | None:
    """The line that closes the formula opened on line `start`; a blank line ends the search."""
    opener = _OPENER.match(_line(state, start))
    if not opener or state.is_code_block(start):
        return None
    environment = opener["environment"]
    closer = rf"\end{{{environment}}}" if environment else {"$$": "$$", r"\[": r"\]"}[opener[0]]
    for number in range(start, min(end, start + 200)):
        text = _line(state, number)
        if not text.strip() or state.sCount[number] < state.blkIndent:
            return None
        body = text[opener.end() :] if number == start else text
        if closer in body:
            return number if body.rstrip().endswith(closer) else None
    return None


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]

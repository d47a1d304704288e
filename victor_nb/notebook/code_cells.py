"""Code of an answer, put into the cell below for the user to read and run. Nothing here runs it.

A kernel can only ask its front end for a new cell, by a payload of the reply; where that is ignored (nbclient), or to
be on the safe side, `%victor paste --print` prints the same.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.words import say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from victor_nb.messages import ChatResponse, CodeBlock

_PYTHON: Final = frozenset({"python", "py", "python3", "ipython", "ipython3", "pycon"})


_offered: str | None = None


def offer(answer: str) -> None:
    """Have the next `%victor paste` take the code of this answer, whichever came last."""
    global _offered  # noqa: PLW0603 (a kernel has one `%victor paste`)
    _offered = answer


def take_offer() -> str | None:
    """The answer that was offered since the last call."""
    global _offered
    offered, _offered = _offered, None
    return offered


def put_answer(shell: InteractiveShell, response: ChatResponse, *, quiet: bool = False) -> None:
    """The Python code of an answer into the next cell; a line says so unless `quiet`, or that there is none."""
    blocks = python_of(response.code)
    if blocks:
        put(shell, blocks)
    if blocks and not quiet:
        say(f"{counted(len(blocks))} in the next cell. If there is none: %victor paste --print")
    elif response.code and not blocks:
        say(f"No Python code in the answer; %victor paste N takes block N of {len(response.code)}.")
    elif not blocks:
        say("No code in the answer.")


def put(shell: InteractiveShell, blocks: Sequence[CodeBlock]) -> None:
    cast("Any", shell).set_next_input(joined(blocks), replace=False)


def joined(blocks: Sequence[CodeBlock]) -> str:
    """One cell, with a blank line between two blocks."""
    return "\n\n".join(show_bidi(clean(block.source)).strip("\n") for block in blocks)


def python_of(blocks: Sequence[CodeBlock]) -> list[CodeBlock]:
    """Those that are said to be Python, and those of no language that can be read as Python."""
    return [block for block in blocks if _is_python(block)]


def counted(blocks: int) -> str:
    return "1 code block" if blocks == 1 else f"{blocks} code blocks"


def _is_python(block: CodeBlock) -> bool:
    language = block.language.strip("{}.").lower()
    if language:
        return language in _PYTHON
    try:
        ast.parse(block.source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True

"""`{{ expressions }}` in a question become what their values are, in one pass: the text of a value is never looked
through again, so that a variable cannot bring in another.

The expressions are evaluated here, on the thread that runs the cell, once each and from left to right.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from victor_nb.agent.tools.text import capped, encodable, error_text
from victor_nb.errors import AnswerInterrupted, UsageError
from victor_nb.messages import Image
from victor_nb.notebook.answers.characters import clean, show_bidi
from victor_nb.notebook.variables.expressions import HINT, Expression, take_apart
from victor_nb.notebook.variables.layout import Layout
from victor_nb.notebook.variables.nearest import meant
from victor_nb.notebook.variables.views import View, view
from victor_nb.notebook.variables.views.sizes import MAX_TEXT_CHARS

_MAX_ERROR_CHARS: Final = 150
_CONVERSIONS: Final[Mapping[str, Callable[[Any], str]]] = {"r": repr, "s": str, "a": ascii}


@dataclass(frozen=True, slots=True)
class Question:
    """A cell's text with the values in it; `notes` say what was cut."""

    text: str
    images: tuple[Image, ...] = ()
    notes: tuple[str, ...] = ()


def question_of(cell: str, namespace: dict[str, Any]) -> Question:
    """What a `%%victor` cell asks; `cell` is what stands below its first line. Raises as `interpolate` does."""
    blank = cell[: len(cell) - len(cell.lstrip())].count("\n")
    return interpolate(cell.strip(), namespace, first_line=2 + blank)


def interpolate(text: str, namespace: dict[str, Any], first_line: int = 1) -> Question:
    """`first_line` is the line of the cell that `text` begins on.

    Raises:
        UsageError: a `{{` begins no expression (then none is evaluated), or an expression failed.
        AnswerInterrupted: the user interrupted one.
    """
    if "{{" not in text:
        return Question(text)
    pieces = take_apart(text, first_line)
    layout = Layout()
    for before, piece, after in zip(pieces[::2], pieces[1::2], pieces[2::2], strict=False):
        layout.add_text(str(before))
        assert isinstance(piece, Expression)
        layout.add_value(piece.name, _evaluated(piece, namespace, len(layout.images)), str(after))
    layout.add_text(str(pieces[-1]))
    return Question(layout.text(), tuple(layout.images), tuple(layout.notes))


def _evaluated(expression: Expression, namespace: dict[str, Any], images_before: int) -> View:
    try:
        value = eval(expression.code, namespace)
        _check_is_over(value)
        if expression.conversion is None and expression.spec is None:
            return view(value, images_before)
        return _formatted(value, expression)
    except KeyboardInterrupt:
        raise AnswerInterrupted(f"{expression.where} was interrupted; nothing was sent") from None
    except (Exception, SystemExit) as error:
        raise _failed(expression, error, namespace) from error


def _check_is_over(value: object) -> None:
    """What has yet to be awaited has no value to send."""
    if inspect.iscoroutine(value):
        value.close()
        raise TypeError("this has to be awaited: await it in a cell of its own, and use what it gives")


def _formatted(value: Any, expression: Expression) -> View:
    converted = _CONVERSIONS[expression.conversion](value) if expression.conversion else value
    text = format(converted, expression.spec or "")
    return View(*capped(encodable(text), MAX_TEXT_CHARS), verbatim=True)


def _failed(expression: Expression, error: BaseException, namespace: Mapping[str, Any]) -> UsageError:
    told = show_bidi(clean(error_text(error, _MAX_ERROR_CHARS)))
    ending = "" if told.endswith((".", "!", "?")) else "."
    return UsageError(f"{expression.where}: {told}{ending}{meant(error, expression.source, namespace)}", hint=HINT)

"""Which view a value has. Never raises, and reads no file but source code."""

from __future__ import annotations

import numbers
import types
from collections.abc import Callable
from datetime import date, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any, Final, cast
from uuid import UUID

from victor_nb.agent.tools.text import Described, Room, capped, described, encodable
from victor_nb.messages import ChatResponse
from victor_nb.notebook.variables.views.code import code_view, is_code
from victor_nb.notebook.variables.views.exceptions import exception_text
from victor_nb.notebook.variables.views.modules import module_text
from victor_nb.notebook.variables.views.objects import object_text
from victor_nb.notebook.variables.views.sizes import MAX_TEXT_CHARS, MAX_VALUE_CHARS, MAX_VALUES
from victor_nb.notebook.variables.views.view import View

_SAMPLE_CHARS: Final = 4_000
_NESTED_CHARS: Final = 2_000
_SCALARS: Final = (numbers.Number, date, time, timedelta, UUID, Enum)
_BYTES: Final = (bytes, bytearray, memoryview)


def view(value: object, images_before: int = 0) -> View:
    """`images_before` pictures stand in the question already."""
    try:
        return _view(value, images_before)
    except Exception as error:  # noqa: BLE001 (any object of the user's may raise anything while it is looked at)
        return View(f"<a {type(value).__name__} that cannot be shown: {type(error).__name__}>")


def _view(value: object, images_before: int) -> View:
    if isinstance(value, str | PurePath | ChatResponse):
        return _text(str(value))
    if value is None or isinstance(value, _SCALARS):
        return _capped(str(value))
    if is_code(value):
        return code_view(value)
    for kind, tell in _TOLD:
        if isinstance(value, kind):
            return _capped(tell(value))
    return _structured(value, images_before)


def _text(text: str) -> View:
    shown, cut = capped(encodable(text), MAX_TEXT_CHARS)
    return View(shown, cut, verbatim=True)


def _capped(text: str) -> View:
    return View(*capped(encodable(text), MAX_VALUE_CHARS))


def _structured(value: object, images_before: int) -> View:
    found = _described(value, images_before)
    if isinstance(value, _BYTES) and not found.images:
        return View(f"<{type(cast('object', value)).__name__} of {memoryview(cast('Any', value)).nbytes:,} bytes>")
    text, cut = capped(found.text, MAX_VALUE_CHARS)
    language = "json" if text.startswith(("{", "[")) and not found.images else "text"
    return View(text, cut or found.truncated, found.images, language=language)


def _described(value: object, images_before: int) -> Described:
    """With as many of a container's values as there is room for."""
    if (told := object_text(value)) is not None:
        return Described(told)
    for values in MAX_VALUES[:-1]:
        found = described(value, Room(values, _NESTED_CHARS, _SAMPLE_CHARS, images_before))
        if len(found.text) <= MAX_VALUE_CHARS:
            return found
    return described(value, Room(MAX_VALUES[-1], _NESTED_CHARS, _SAMPLE_CHARS, images_before))


_TOLD: Final[tuple[tuple[type, Callable[[Any], str]], ...]] = (
    (types.ModuleType, module_text),
    (BaseException, exception_text),
)

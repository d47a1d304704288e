"""Texts of several lines as lists of lines, for `git diff`, and back."""

from __future__ import annotations

from typing import Any, Final, cast

_LINED: Final = ("text", "reasoning", "description")
_OPAQUE: Final = ("arguments", "parameters")
_PIECES: Final = "pieces"
_PIECES_A_LINE: Final = 24


def lined(value: Any) -> Any:
    """JSON with lists of lines, but for those in arguments and schemas, where lists are lists."""
    if isinstance(value, list):
        return [lined(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    return {name: one if name in _OPAQUE else _lines(name, one) for name, one in found.items()}


def _lines(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return lined(value)
    if name in _LINED and "\n" in value:
        return value.split("\n")
    words = value.split(" ") if name == _PIECES else []
    if len(words) <= _PIECES_A_LINE:
        return value
    return [" ".join(words[n : n + _PIECES_A_LINE]) for n in range(0, len(words), _PIECES_A_LINE)]


def joined(value: Any) -> Any:
    """What `lined` was given."""
    if isinstance(value, list):
        return [joined(one) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    found = cast("dict[str, Any]", value)
    return {name: one if name in _OPAQUE else _text_of(name, one) for name, one in found.items()}


def _text_of(name: str, value: Any) -> Any:
    if name not in (*_LINED, _PIECES) or not isinstance(value, list):
        return joined(value)
    parts = cast("list[Any]", value)
    if not all(isinstance(part, str) for part in parts):
        raise TypeError(f"{name} is no list of lines")
    return (" " if name == _PIECES else "\n").join(parts)

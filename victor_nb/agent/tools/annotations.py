"""Annotations made fit for pydantic: what Python's own types lack there, and the words that an `Annotated` carries."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, Union, cast, get_args, get_origin, is_typeddict
from weakref import WeakKeyDictionary

import typing_extensions
from pydantic.fields import FieldInfo


def usable(annotation: Any) -> tuple[Any, str | None]:
    """The annotation as pydantic takes it, and what it says of the parameter: `Annotated[int, "how many"]`."""
    return _rebuilt(annotation, _own_typed_dict), _told(annotation)


def has_default(annotation: Any) -> bool:
    """Whether a `Field(default=…)` stands in the annotation."""
    extras = get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()
    return any(isinstance(extra, FieldInfo) and not extra.is_required() for extra in extras)


def _told(annotation: Any) -> str | None:
    if get_origin(annotation) is not Annotated:
        return None
    for extra in get_args(annotation)[1:]:
        of_field, of_doc = getattr(extra, "description", None), getattr(extra, "documentation", None)
        for text in (extra, of_field, of_doc):
            if isinstance(text, str):
                return text
    return None


def _rebuilt(annotation: Any, replace: Callable[[Any], Any]) -> Any:
    """The annotation with `replace` applied to each type in it; the same object where nothing changes."""
    arguments = get_args(annotation)
    if not arguments or get_origin(annotation) is typing.Literal:
        return replace(annotation)
    if get_origin(annotation) is Annotated:
        inner = _rebuilt(arguments[0], replace)
        return annotation if inner is arguments[0] else cast("Any", Annotated)[inner, *arguments[1:]]
    rebuilt = tuple(_rebuilt(argument, replace) for argument in arguments)
    if all(new is old for new, old in zip(rebuilt, arguments, strict=True)):
        return annotation
    if isinstance(annotation, types.UnionType):
        return cast("Any", Union)[rebuilt]
    generic: Any = annotation
    return generic.copy_with(rebuilt) if hasattr(generic, "copy_with") else get_origin(generic)[rebuilt]


def _own_typed_dict(annotation: Any) -> Any:
    return _typed_dict(annotation) if sys.version_info < (3, 12) and is_typeddict(annotation) else annotation


_made: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def _typed_dict(annotation: Any) -> Any:
    """Before Python 3.12 pydantic refuses `typing.TypedDict`, which does not tell which keys are required. One that
    holds itself is any object from its second level on."""
    if annotation.__class__.__module__ != "typing":
        return annotation
    if annotation not in _made:
        _made[annotation] = dict[str, Any]
        try:
            _made[annotation] = _of_newer_kind(annotation)
        except BaseException:
            del _made[annotation]
            raise
    return _made[annotation]


def _of_newer_kind(annotation: Any) -> Any:
    hints = typing_extensions.get_type_hints(annotation, include_extras=True)
    required = cast("frozenset[str]", annotation.__required_keys__)
    fields = {
        name: _rebuilt(kind, _own_typed_dict)
        if name in required
        else typing_extensions.NotRequired[_rebuilt(kind, _own_typed_dict)]
        for name, kind in hints.items()
    }
    return cast("Any", typing_extensions.TypedDict)(annotation.__name__, fields)

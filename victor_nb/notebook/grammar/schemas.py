"""The type that `--schema` names: a class of the notebook, a built-in one, or an alias such as `Rows = list[Row]`.

A name with dots and subscripts (`models.Row`, `list[Row]`) is read as a type annotation would be, and nothing of it is
called.
"""

from __future__ import annotations

import ast
import builtins
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from victor_nb.errors import UsageError, did_you_mean

_SPECIAL = frozenset({"Any", "Literal", "Optional", "Union", "Annotated"})


def type_named(text: str, namespace: Mapping[str, Any]) -> Any:
    """
    Raises:
        UsageError: there is no such name, or it is no type.
    """
    try:
        found = _evaluate(ast.parse(text.strip(), mode="eval").body, namespace)
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 (subscripts and attributes are the user's objects', which raise anything)
        why = "" if isinstance(error, SyntaxError | TypeError) else f" ({type(error).__name__})"
        raise UsageError(f"--schema: {text!r} is not the name of a type{why}.", hint="as in --schema Model") from None
    if not _is_type(found):
        raise UsageError(
            f"--schema: {text} is a {type(found).__name__}, and no type.",
            hint="name a pydantic class, a dataclass, or a type such as list[str]",
        )
    return found


def types_in(namespace: Mapping[str, Any]) -> Iterator[str]:
    """Names that `--schema` takes."""
    for name, value in namespace.items():
        if not name.startswith("_") and _is_type(value):
            yield name


def _is_type(value: object) -> bool:
    return (
        isinstance(value, type | types.UnionType | types.GenericAlias)
        or typing.get_origin(value) is not None
        or type(value).__name__ == "TypeAliasType"
    )


def _evaluate(node: ast.expr, namespace: Mapping[str, Any]) -> Any:
    """A name, an attribute, a subscript, or a union of them."""
    match node:
        case ast.Name(id=name):
            return _named(name, namespace)
        case ast.Attribute(value=inner, attr=name):
            owner = _evaluate(inner, namespace)
            if not hasattr(owner, name):
                raise UsageError(
                    f"--schema: {ast.unparse(inner)} has no {name!r}.{did_you_mean(name, dir(owner))}",
                    hint="name a class of it",
                )
            return getattr(owner, name)
        case ast.Subscript(value=inner, slice=within):
            return _evaluate(inner, namespace)[_evaluate(within, namespace)]
        case ast.Tuple(elts=parts):
            return tuple(_evaluate(part, namespace) for part in parts)
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _evaluate(left, namespace) | _evaluate(right, namespace)
        case ast.Constant(value=value):
            return value
        case _:
            raise SyntaxError("not of a type")


def _named(name: str, namespace: Mapping[str, Any]) -> Any:
    if name in namespace:
        return namespace[name]
    if hasattr(builtins, name):
        return getattr(builtins, name)
    if name in _SPECIAL:
        return getattr(typing, name)
    raise UsageError(
        f"--schema: there is no {name!r} in this notebook.{did_you_mean(name, types_in(namespace))}",
        hint="run the cell that defines it first",
    )

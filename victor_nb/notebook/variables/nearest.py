"""What the user may have meant, when an expression of theirs failed for a name that is not there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, cast

from victor_nb.errors import did_you_mean


def meant(error: BaseException, source: str, namespace: Mapping[str, Any]) -> str:
    """` Did you mean 'x'?` of a variable, an attribute, a column or a key; else an empty string."""
    with suppress(Exception):  # the objects may be of any kind
        if isinstance(error, NameError) and error.name:
            return did_you_mean(error.name, _public(namespace))
        if isinstance(error, AttributeError) and error.name:
            return did_you_mean(error.name, _public(dir(error.obj)))
        if isinstance(error, KeyError) and error.args and isinstance(error.args[0], str):
            return did_you_mean(error.args[0], _keys(error.args[0], source, namespace))
    return ""


def _public(names: Iterable[str]) -> list[str]:
    return [name for name in names if not name.startswith("_")]


def _keys(wrong: str, source: str, namespace: Mapping[str, Any]) -> list[str]:
    """Those of the variables that `source` asks for `wrong`, as in `df["wrong"]`; nothing is evaluated again."""
    asked = [
        namespace.get(node.value.id)
        for node in ast.walk(ast.parse(f"({source}\n)", mode="eval"))
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
        if isinstance(node.slice, ast.Constant) and node.slice.value == wrong
    ]
    keys = [key for one in asked if hasattr(one, "keys") for key in cast("Any", one)]
    return [key for key in keys if isinstance(key, str)]

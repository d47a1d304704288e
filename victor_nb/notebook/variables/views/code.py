"""Functions and classes: their source, also that of a notebook's cells; where there is none, or too much of it, their
signature and docstring."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

from victor_nb.notebook.variables.views.sizes import MAX_VALUE_CHARS
from victor_nb.notebook.variables.views.view import View

_MAX_FILE_BYTES: Final = 300_000
"""Of a file that is searched for a class; in larger ones that takes a second."""
_MAX_METHODS: Final = 60


def is_code(value: object) -> bool:
    if inspect.isroutine(value) or isinstance(value, type):
        return True
    return callable(value) and "__wrapped__" in getattr(value, "__dict__", {})


def code_view(value: Any) -> View:
    source = _source(value)
    if source and len(source) <= MAX_VALUE_CHARS:
        return View(source, language="python")
    left_out = f"# its source, of {len(source):,} characters, is left out" if source else "# without its source"
    outline = "\n".join([left_out, *_outline(value)])
    return View(outline[:MAX_VALUE_CHARS], truncated=True, language="python")


def _source(value: Any) -> str:
    try:
        if isinstance(value, type) and _is_in_large_file(value):
            return ""
        found = inspect.getsource(value)
    except (OSError, TypeError, IndentationError, SyntaxError):
        found = _class_in_cells(value.__qualname__) if isinstance(value, type) else ""
    return textwrap.dedent(found).rstrip()


def _is_in_large_file(kind: type) -> bool:
    file = Path(inspect.getsourcefile(kind) or "")
    return file.is_file() and file.stat().st_size > _MAX_FILE_BYTES


def _class_in_cells(name: str) -> str:
    """A class of the notebook, which `inspect` looks for in a file: its latest definition in a cell."""
    for lines in reversed(list(_cells())):
        source = "".join(lines)
        if f"class {name.rpartition('.')[2]}" in source and (found := _defined_in(source, name)):
            return found
    return ""


def _cells() -> Iterator[list[str]]:
    """IPython keeps the sources of cells in `linecache`, as files that have no time of change."""
    for entry in list(linecache.cache.values()):
        if len(entry) == 4 and entry[1] is None:
            yield entry[2]


def _defined_in(source: str, name: str) -> str:
    try:
        within: ast.AST = ast.parse(source)
    except (SyntaxError, ValueError):
        return ""
    for part in name.split("."):
        nodes = [one for one in ast.iter_child_nodes(within) if isinstance(one, ast.ClassDef) and one.name == part]
        if not nodes:
            return ""
        within = nodes[-1]
    node = cast("ast.ClassDef", within)
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return "\n".join(source.splitlines()[first - 1 : node.end_lineno])


def _outline(value: Any) -> Iterator[str]:
    if not isinstance(value, type):
        yield from _function_outline(value)
        return
    bases = ", ".join(base.__name__ for base in value.__bases__ if base is not object)
    yield f"class {value.__qualname__}{f'({bases})' if bases else ''}:"
    yield from _doc(value)
    methods = [(name, one) for name, one in vars(value).items() if inspect.isroutine(one) and not name.startswith("_")]
    for name, one in methods[:_MAX_METHODS]:
        yield f"    def {name}{_signature(one)}: ..."
    if len(methods) > _MAX_METHODS:
        yield f"    # … and {len(methods) - _MAX_METHODS} more methods"


def _function_outline(function: Any) -> Iterator[str]:
    yield f"def {getattr(function, '__qualname__', 'function')}{_signature(function)}:"
    yield from _doc(function)
    yield "    ..."


def _doc(value: Any) -> Iterator[str]:
    doc = inspect.getdoc(value)
    if doc:
        quoted = doc[: MAX_VALUE_CHARS // 2].replace('"""', "'''")
        yield textwrap.indent(f'"""{quoted}"""', "    ")


def _signature(function: Any) -> str:
    try:
        return str(inspect.signature(function))
    except (TypeError, ValueError):
        return "(...)"

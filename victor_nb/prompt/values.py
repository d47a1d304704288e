"""What may be said of a value without asking it: only types that are known here are looked into, and of these only what
their own library computes. No code of the user's runs: no `__len__`, `__repr__` or property of a class of theirs.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, Final

MAX_COLUMNS: Final = 20
_MAX_NAME_CHARS: Final = 40
_NAME: Final = type.__dict__["__name__"].__get__
_MODULE: Final = type.__dict__["__module__"].__get__


def type_name(kind: type) -> str:
    """The name of a class, with its module unless that is `builtins` or the notebook's; a metaclass is not asked."""
    module = _MODULE(kind)
    name = str(_NAME(kind))
    return name if module in ("builtins", "__main__") or type(module) is not str else f"{_root(module)}.{name}"


def _kind(value: object) -> str:
    return type_name(type(value))


def described(value: object) -> str:
    """One line: the type, and shape and dtypes where these are known."""
    kind = type(value)
    for known, describe in _describers():
        if kind is known:
            return describe(value)
    return _kind(value)


def shown_number(value: object) -> str:
    """A plain number, a truth value or None as code; "" for all else."""
    kind = type(value)
    plain = kind is bool or kind is int or kind is float or value is None
    text = repr(value) if plain and (kind is not int or abs(value) < 10**30) else ""  # type: ignore[arg-type]
    return f" = {text}" if text else ""


def _describers() -> Iterator[tuple[type, Callable[[Any], str]]]:
    for kind, unit in _SIZED:
        yield kind, _sized(unit)
    yield types.FunctionType, _function
    yield type, lambda value: f"class {_NAME(value)}"
    for module, name, describe in _FOREIGN:
        kind = getattr(sys.modules.get(module), name, None)
        if isinstance(kind, type):
            yield kind, describe


def _sized(unit: str) -> Callable[[Any], str]:
    return lambda value: f"{_NAME(type(value))} of {len(value):,} {unit}"


def _function(function: types.FunctionType) -> str:
    code = function.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return f"function({', '.join(names)})"


def _frame(frame: Any) -> str:
    """pandas and polars: both have `shape`, `columns` and `dtypes`."""
    shape = " × ".join(f"{size:,}" for size in frame.shape)
    shown = [f"{_label(name)} {_dtype(dtype)}" for name, dtype in zip(frame.columns, frame.dtypes, strict=True)]
    return f"{_kind(frame)} {shape}: {_some(shown)}"


def _series(series: Any) -> str:
    return f"{_kind(series)} of {series.shape[0]:,}, {_dtype(series.dtype)}"


def _array(array: Any) -> str:
    shape = " × ".join(f"{size:,}" for size in array.shape) or "scalar"
    return f"{_kind(array)} {shape}, {_dtype(array.dtype)}"


def _table(table: Any) -> str:
    shown = [
        f"{_label(name)} {_dtype(kind)}" for name, kind in zip(table.schema.names, table.schema.types, strict=True)
    ]
    return f"pyarrow.Table {table.num_rows:,} × {table.num_columns:,}: {_some(shown)}"


def _some(columns: list[str]) -> str:
    more = len(columns) - MAX_COLUMNS
    return ", ".join(columns[:MAX_COLUMNS]) + (f", … {more} more" if more > 0 else "") if columns else "no columns"


def _label(name: object) -> str:
    """A column's name on one line; that of another type than text and numbers is not asked."""
    if type(name) is str:
        text = " ".join("".join(c if c.isprintable() else " " for c in name[: 2 * _MAX_NAME_CHARS]).split())
        return repr(text if len(text) <= _MAX_NAME_CHARS else f"{text[: _MAX_NAME_CHARS - 1]}…")
    return repr(name) if type(name) is int or type(name) is float else f"<{_NAME(type(name))}>"


def _dtype(dtype: object) -> str:
    """Types of the known libraries tell their name; an extension's own is not asked."""
    kind = type(dtype)
    own = dtype if isinstance(dtype, type) else kind  # polars' are classes as well as objects
    return str(dtype)[: 2 * _MAX_NAME_CHARS] if _root(_MODULE(own)) in _LIBRARIES else str(_NAME(kind))


def _root(module: str) -> str:
    return module.partition(".")[0]


_LIBRARIES: Final = ("numpy", "pandas", "polars", "pyarrow", "torch")
_SIZED: Final[tuple[tuple[type, str], ...]] = (
    (str, "characters"),
    (bytes, "bytes"),
    (bytearray, "bytes"),
    (list, "items"),
    (tuple, "items"),
    (dict, "keys"),
    (set, "items"),
    (frozenset, "items"),
)
_FOREIGN: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("pandas", "DataFrame", _frame),
    ("pandas", "Series", _series),
    ("numpy", "ndarray", _array),
    ("polars", "DataFrame", _frame),
    ("polars", "Series", _series),
    ("pyarrow", "Table", _table),
    ("torch", "Tensor", _array),
)

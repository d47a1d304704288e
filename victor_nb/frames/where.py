"""`where=`: conditions on a frame's columns, as an expression or as a mapping.

An expression is parsed, and only comparisons, arithmetic and logic of columns and constants are carried out: nothing
of it is ever run as Python. Unknown values are neither equal nor unequal to anything; rows of which it is not known
whether they fit are left out.
"""

from __future__ import annotations

import ast
import datetime as dt
import io
import tokenize
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeAlias

from victor_nb.errors import UsageError, did_you_mean
from victor_nb.frames.times import to_us

if TYPE_CHECKING:
    import pyarrow as pa

Where: TypeAlias = str | Mapping[str, object]

_LONGEST: Final = 10_000
_WORDS: Final = {"&": " and ", "|": " or "}
_FUNCTIONS: Final[Mapping[type[ast.AST], str]] = {
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
    ast.Lt: "less",
    ast.LtE: "less_equal",
    ast.Gt: "greater",
    ast.GtE: "greater_equal",
    ast.Add: "add_checked",
    ast.Sub: "subtract_checked",
    ast.Mult: "multiply_checked",
    ast.Div: "divide",
    ast.USub: "negate_checked",
    ast.Not: "invert",
    ast.Invert: "invert",
}


def matching(table: pa.Table, where: Where) -> pa.Table:
    """The rows of a table that fit.

    Raises:
        UsageError: it is no such expression, names a column that is not there, or compares what cannot be compared.
    """
    import pyarrow as pa

    read = _Reader(table)
    try:
        found = read.mapping(where) if isinstance(where, Mapping) else read.expression(_parsed(where))
        if not isinstance(found, pa.ChunkedArray | pa.Array) or not pa.types.is_boolean(found.type):
            _refuse(where, "is no condition")
        return table.filter(found)
    except (pa.ArrowException, NotImplementedError, TypeError, ValueError) as error:
        if isinstance(error, UsageError):
            raise
        _refuse(where, "compares what cannot be compared")
    except (RecursionError, MemoryError):
        _refuse(where, "is too deep")


def _parsed(where: str) -> ast.expr:
    if len(where) > _LONGEST:
        _refuse(where, "is too long")
    try:
        tokens = tokenize.generate_tokens(io.StringIO(where.strip()).readline)
        words = [(kind, _WORDS.get(text, text)) for kind, text, *_ in tokens]
        return ast.parse(tokenize.untokenize(words).strip(), mode="eval").body
    except (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError):
        _refuse(where, "cannot be read")


def _refuse(where: object, why: str) -> NoReturn:
    text = repr(where)
    raise UsageError(
        f"where={text if len(text) < 200 else text[:200] + '…'} {why}.",
        hint="where= takes columns, constants, arithmetic, comparisons, in, and, or, not, "
        "as in \"cost_usd > 0.01 and status == 'ok'\"",
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Carries out expressions on the columns of a table."""

    table: pa.Table

    def mapping(self, where: Mapping[str, object]) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        found = [_compared(ast.Eq(), self.column(name), _constant(value)) for name, value in where.items()]
        everything = pa.repeat(pa.scalar(True), self.table.num_rows)
        return reduce(pc.and_kleene, found, everything)

    def column(self, name: str) -> pa.ChunkedArray:
        names = self.table.column_names
        if name not in names:
            raise UsageError(
                f"where=: there is no column {name!r}.{did_you_mean(name, names)}",
                hint=f"the columns are {', '.join(names)}",
            )
        return self.table.column(name)

    def expression(self, node: ast.expr) -> Any:
        import pyarrow.compute as pc

        match node:
            case ast.Name():
                return self.column(node.id)
            case ast.Constant(value=None | bool() | int() | float() | str()):
                return node.value
            case ast.List() | ast.Tuple() | ast.Set():
                return [self.expression(element) for element in node.elts]
            case ast.BoolOp():
                combine = pc.and_kleene if isinstance(node.op, ast.And) else pc.or_kleene
                return reduce(combine, [self.expression(value) for value in node.values])
            case ast.Compare():
                return self.comparison(node)
            case ast.UnaryOp() | ast.BinOp():
                return self.arithmetic(node)
            case _:
                _refuse(ast.unparse(node), "is more than a condition may be")

    def comparison(self, node: ast.Compare) -> Any:
        import pyarrow.compute as pc

        values = [self.expression(value) for value in (node.left, *node.comparators)]
        pairs = zip(node.ops, values, values[1:], strict=False)
        return reduce(pc.and_kleene, [_compared(how, left, right) for how, left, right in pairs])

    def arithmetic(self, node: ast.UnaryOp | ast.BinOp) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        parts = [node.operand] if isinstance(node, ast.UnaryOp) else [node.left, node.right]
        values = [self.expression(part) for part in parts]
        if isinstance(node.op, ast.UAdd):
            return values[0]
        if type(node.op) not in _FUNCTIONS:
            _refuse(ast.unparse(node), "is more than a condition may be")
        if isinstance(node.op, ast.Div):
            values = [pc.cast(value, pa.float64()) for value in values]
        result = pc.call_function(_FUNCTIONS[type(node.op)], values)
        return result.as_py() if isinstance(result, pa.Scalar) else result


def _compared(how: ast.cmpop, left: Any, right: Any) -> Any:
    import pyarrow.compute as pc

    if isinstance(how, ast.NotIn | ast.NotEq | ast.IsNot) and (isinstance(right, list) or right is None):
        return pc.invert(_compared(ast.Eq(), left, right))
    if right is None:
        return pc.is_null(left)
    if isinstance(right, list):
        return _is_in(left, right)  # pyright: ignore[reportUnknownArgumentType]
    if type(how) not in _FUNCTIONS:
        raise TypeError
    return pc.call_function(_FUNCTIONS[type(how)], [_like(left, right), _like(right, left)])


def _is_in(left: Any, values: Sequence[object]) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    known = pa.array([_like(value, left) for value in values if value is not None])
    kind = left.type
    if known.type != kind and not _both_numbers(known.type, kind) and len(known):
        known = known.cast(kind) if pa.types.is_string(known.type) else _incomparable()
    among = left.cast(pa.float64()) if _both_numbers(known.type, kind) else left
    found = pc.is_in(among, known.cast(among.type))
    return pc.or_(found, pc.is_null(left)) if None in values else found


def _both_numbers(one: pa.DataType, other: pa.DataType) -> bool:
    import pyarrow as pa

    return all(pa.types.is_integer(kind) or pa.types.is_floating(kind) for kind in (one, other))


def _incomparable() -> NoReturn:
    raise TypeError


def _like(value: Any, other: Any) -> Any:
    """A constant as what it is compared with: text is a time there where times are."""
    import pyarrow as pa

    kind = getattr(other, "type", None)
    if kind is None or not pa.types.is_timestamp(kind) or isinstance(value, pa.ChunkedArray | pa.Array):
        return value
    return pa.scalar(to_us(value, "where"), pa.int64()).cast(kind)


def _constant(value: object) -> object:
    """A value of a mapping as an expression would have it."""
    if isinstance(value, list | tuple | set | frozenset):
        return list(value)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if value is None or isinstance(value, bool | int | float | str | dt.date):
        return value
    item = getattr(value, "item", None)  # a number of numpy
    return item() if callable(item) else _refuse(value, "is no value of a column")

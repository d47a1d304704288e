"""Makes sentences of what has fields: JSON, the rows of a table. Each field carries the name of its record.

Imports nothing of the package.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

_MOST_FIELDS: Final = 2_000
_LONGEST_REPR: Final = 20_000  # characters
_SHORT: Final = 60  # characters of a text that may be a name or a value
_LABELS: Final = ("name", "id", "key", "title", "service", "entity", "label", "path", "file", "column", "metric")
_VALUES: Final = frozenset(("value", "val", "v", "current", "result"))
_GAP: Final = re.compile(r"\t+| {2,}|\s*\|\s*")
_RULE: Final = re.compile(r"[-=_*+|:~\s]+")
_WARNS: Final = re.compile(r"\\|\d(?:and|or|if|in|is|else|for|not)")  # Python's parser would warn of it
_BLANKS: Final = re.compile(r"\s+")
_COMMA: Final = re.compile(r"[,;](?=\S)(?<!\s[,;])")
_DECIMAL: Final = re.compile(r"(?:^|\s)[-+]?\d[\d.]*,(?=\d)")
_CELL_WORDS: Final = 3


def json_fields(text: str) -> list[str] | None:
    """A piece for every field of a JSON text, or None when it is no JSON of objects or lists."""
    if text[:1] not in ("{", "[") or text[-1:] not in ("}", "]"):
        return None
    try:
        value = _parsed(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    found: list[str] = []
    try:
        _walk(value, "", found)
    except RecursionError:
        return None
    return found


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        if "'" not in text or len(text) > _LONGEST_REPR or _WARNS.search(text):
            raise
        return ast.literal_eval(text)  # as Python prints it


def _walk(value: object, label: str, found: list[str]) -> None:
    if len(found) >= _MOST_FIELDS:
        return
    if isinstance(value, dict):
        _walk_record(cast("dict[str, object]", value), label, found)
    elif isinstance(value, list | tuple):
        items = list(cast("Sequence[object]", value))
        if all(not isinstance(item, dict | list | tuple) for item in items):
            found.append(_piece(label, ", ".join(map(_plain, items))))
        else:
            for item in items:
                _walk(item, label, found)
    else:
        found.append(_piece(label, _plain(value)))


def _walk_record(record: Mapping[str, object], label: str, found: list[str]) -> None:
    own = next((k for k in _LABELS if isinstance(record.get(k), str)), None)
    value = next(
        (k for k in record if str(k).lower() in _VALUES and not isinstance(record[k], dict | list | tuple)), None
    )
    if value is not None and len(record) <= 5:  # {"entity": …, "field": …, "value": …} is one fact
        others = [_plain(v) for k, v in record.items() if k != value and isinstance(v, str) and len(v) < _SHORT]
        found.append(_piece(" ".join([label, *others]).strip(), _plain(record[value])))
        return
    inside = f"{label} {_plain(record[own])}".strip() if own else label
    rest = {k: v for k, v in record.items() if k != own}
    if own and not rest:
        found.append(inside)
    for key, inner in rest.items():
        _walk(inner, f"{inside} {key}".strip(), found)


def _piece(label: str, text: str) -> str:
    return f"{label}: {text}" if label else text


def _plain(value: object) -> str:
    return (
        _BLANKS.sub(" ", value).strip()
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, default=str)
    )


class Table:
    """Reads lines for as long as they are a table's: `row` gives a piece, or None for other text."""

    def __init__(self) -> None:
        self._header: list[str] | None = None
        self._inside = False

    def row(self, line: str, following: Sequence[str] = ()) -> str | None:
        """`following` are the next lines: they tell whether the first row is a header."""
        cells = _cells(line)
        if cells is None:
            self._header, self._inside = None, False
            return None
        if not self._inside:
            self._inside = True
            self._header = cells if _is_header(line, cells, following) else None
            if self._header:
                return " ".join(cells)
        header = self._header
        if header is None or not 0 <= len(cells) - len(header) <= 1:
            return f"{cells[0]}: {' '.join(cells[1:])}"
        return ", ".join(_named(header, cells))


def _is_header(line: str, cells: list[str], following: Sequence[str]) -> bool:
    """With bars, when a rule is below. Else when it has no number, and the rows below do in its last column."""
    if following and is_rule(following[0]) and following[0].strip():
        return True
    if "|" in line or any(cell[:1].isdigit() for cell in cells):
        return False
    rows = [_cells(other) or [] for other in following if other.strip()]
    rows = [row for row in rows if 0 <= len(row) - len(cells) <= 1]
    return len(rows) > 1 and all(any(cell[-1:].isdigit() for cell in row[1:]) for row in rows)


def is_rule(line: str) -> bool:
    return _RULE.fullmatch(line) is not None


def _cells(line: str) -> list[str] | None:
    inner = line.strip().strip("|").strip()
    if "  " not in inner and "\t" not in inner and "|" not in inner:
        return _separated(inner)
    cells = [cell for cell in _GAP.split(inner) if cell]
    return cells if len(cells) > 2 or (len(cells) == 2 and len(inner) < 2 * _SHORT) else None


def _separated(line: str) -> list[str] | None:
    """The cells of a line of CSV: short ones, with no blank at any comma. A decimal comma separates nothing."""
    if ("," not in line and ";" not in line) or _DECIMAL.search(line):
        return None
    cells = _COMMA.split(line)
    if len(cells) < 2 or not any(letter.isalpha() for letter in cells[0]):
        return None
    whole = all(0 < len(cell) < _SHORT and cell.count(" ") < _CELL_WORDS and cell[-1] not in ",;" for cell in cells)
    return cells if whole and not any(", " in cell for cell in cells) else None


def _named(header: list[str], cells: list[str]) -> Iterator[str]:
    """`first: column value, …`; the number of a row is left out."""
    if len(cells) > len(header):
        if not cells[0].isdigit():
            header = ["", *header]
        else:
            cells = cells[1:]
    value = next((n for n, name in enumerate(header) if n and name.lower() in _VALUES), None)
    if value is not None and len(cells) <= 5:
        yield f"{' '.join(c for n, c in enumerate(cells) if n != value)}: {cells[value]}"
        return
    first, *rest = zip(header, cells, strict=True)
    yield f"{first[1]}: {' '.join(rest[0])}" if rest else first[1]
    yield from (" ".join(pair) for pair in rest[1:])

"""Cuts a text into the pieces that a digest may keep: sentences, lines, the fields of JSON, the rows of a table.

Each piece can stand alone: a JSON field carries the name of its record, a row the names of its columns.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, cast

LONGEST: Final = 600  # characters of one piece; longer ones are cut at blanks
_MOST_FIELDS: Final = 2_000
_LABELS: Final = ("name", "id", "key", "title", "service", "entity", "label", "path", "file", "column", "metric")
_SENTENCE: Final = re.compile(r"(?<=[.!?;])[\"')\]]*\s+(?=\S)|(?<=[。！？；])")
_MARKS: Final = re.compile(r"^(?:[-*+•>#]+|\d{1,3}[.)])\s+")
_GAP: Final = re.compile(r"\t+| {2,}|\s*\|\s*")
_RULE: Final = re.compile(r"[-=_*+|:~\s]+")
_ASSIGN: Final = re.compile(r"(?<=[\w\])`\"'%])\s*(:=|==|=>|->|→|=)\s*(?=[^\s=])")
_CJK: Final = "\u2e80-\u9fff\uac00-\ud7ff\uff00-\uffef"
_SCRIPTS: Final = re.compile(rf"(?<=[{_CJK}])(?=[A-Za-z0-9`])|(?<=[A-Za-z0-9%`])(?=[{_CJK}])")
_BLANKS: Final = re.compile(r"\s+")


def units(text: str) -> Iterator[str]:
    """The pieces of `text` in order, blanks collapsed."""
    stripped = text.strip()
    if stripped[:1] in ("{", "["):
        fields = _fields(stripped)
        if fields is not None:
            yield from fields
            return
    header: list[str] | None = None
    for line in stripped.splitlines():
        if not line.strip() or _RULE.fullmatch(line):
            continue
        cells = _cells(line)
        if cells is None:
            header = None
            yield from _sentences(line.strip())
        elif header is None or abs(len(cells) - len(header)) > 1 or not any(c[:1].isdigit() for c in cells):
            header = cells
            if any(c[:1].isdigit() for c in cells):
                yield " ".join(cells)
        else:
            yield _row(header, cells)


def spaced(unit: str) -> str:
    """The piece with blanks around signs of assignment and between scripts, so that it can be split at blanks."""
    if "=" in unit or "->" in unit or "→" in unit:
        unit = _ASSIGN.sub(r" \1 ", unit)
    return unit if unit.isascii() else _SCRIPTS.sub(" ", unit)


def _sentences(line: str) -> Iterator[str]:
    line = _MARKS.sub("", line)
    if line[:1] == "{" and line[-1:] == "}":
        yield from _fields(line) or [line[:LONGEST]]
        return
    for sentence in _SENTENCE.split(line):
        flat = _BLANKS.sub(" ", sentence).strip()
        while len(flat) > LONGEST:
            cut = flat.rfind(" ", 0, LONGEST)
            cut = cut if cut > 0 else LONGEST
            yield flat[:cut]
            flat = flat[cut:].strip()
        if flat:
            yield flat


def _cells(line: str) -> list[str] | None:
    """The cells of a table's row, or None when the line is none."""
    inner = line.strip().strip("|")
    if "  " not in inner and "\t" not in inner and "|" not in inner:
        return None
    cells = [cell for cell in _GAP.split(inner.strip()) if cell]
    return cells if len(cells) > 2 or (len(cells) == 2 and len(inner) < 80) else None


def _row(header: list[str], cells: list[str]) -> str:
    names = header[-len(cells) :] if len(header) >= len(cells) else ["", *header]
    first = cells[0] if not names[0] or len(header) < len(cells) else f"{names[0]} {cells[0]}"
    rest = ", ".join(f"{name} {cell}" for name, cell in zip(names[1:], cells[1:], strict=False))
    return f"{first}: {rest}"


def _fields(text: str) -> list[str] | None:
    """`label key: value` for every field of a JSON text, or None when it is no JSON."""
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found: list[str] = []
    _walk(value, "", found)
    return found


def _walk(value: object, label: str, found: list[str]) -> None:
    if len(found) >= _MOST_FIELDS:
        return
    if isinstance(value, dict):
        record = cast("dict[str, object]", value)
        own = next((record[k] for k in _LABELS if isinstance(record.get(k), str)), "")
        inside = f"{label} {own}".strip()
        for key, inner in record.items():
            _walk(inner, f"{inside} {key}".strip() if inner is not own else f"{label} {key}".strip(), found)
    elif isinstance(value, list):
        items = cast("list[object]", value)
        if all(not isinstance(item, dict | list) for item in items):
            found.append(f"{label}: {', '.join(map(_plain, items))}"[:LONGEST])
        else:
            for item in items:
                _walk(item, label, found)
    else:
        inner_units = list(_sentences(value)) if isinstance(value, str) and len(value) > 80 else [_plain(value)]
        found.extend(f"{label}: {piece}" if label else piece for piece in inner_units)


def _plain(value: object) -> str:
    return _BLANKS.sub(" ", value).strip() if isinstance(value, str) else json.dumps(value)

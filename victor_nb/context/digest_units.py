"""Cuts a text into the pieces that a digest may keep: sentences, lines, fields, rows. Each can stand alone: a line
below a heading that ends with a colon carries the heading.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from victor_nb.context.digest_records import Table, is_rule, json_fields

MOST: Final = 200_000  # characters of a text that are read, half of them at its end
LONGEST: Final = 600  # characters of one piece; longer ones are cut at blanks
_SENTENCE: Final = re.compile(
    r"(?<=[.!?;])(?<!\b[A-Z]\.)(?<!\b(?:Dr|Mr|Ms|vs|cf|St|ca|Nr|Eq)\.)(?<!\b(?:e\.g|i\.e|Mrs|Fig|bzw)\.)"
    r"[\"')\]]*\s+(?=\S)|(?<=[。！？；])|\s+[—–]\s+"
)
_MARKS: Final = re.compile(r"^(?:(?:[-*+•>#]+|\d{1,3}[.)]|\[[ xX]\])\s+)+")
_HEADING: Final = re.compile(r"[^\s:][^:]{0,50}:")
_ASSIGN: Final = re.compile(r"(?<=[\w\])`\"'%])\s*(:=|==|=>|->|→|=)\s*(?=[^\s=])")
_INDEXED: Final = re.compile(r"\b([\w-]+)\[([^\]\s]+)\](?=\s*[:=])")
_COLON: Final = re.compile(r"(?<=[\w\])`\"'%*])(\**):\s")
_SHORT, _FEW = 60, 5  # characters and blanks of a line that may head those below it
_CJK: Final = "\u2e80-\u9fff\uac00-\ud7ff\uff00-\uffef"
_SCRIPTS: Final = re.compile(rf"(?<=[{_CJK}])(?=[A-Za-z0-9`])|(?<=[A-Za-z0-9%`])(?=[{_CJK}])")
_COPULA: Final = re.compile(rf"(?<=[{_CJK}])(等于|为|為|是)\s*(?=[\w`/.-])")
_BLANKS: Final = re.compile(r"\s+")


def units(text: str) -> Iterator[str]:
    """The pieces of `text` in order, blanks collapsed. Of a giant text only the beginning and the end are read."""
    stripped = text.strip()
    if len(stripped) > MOST:
        yield from units(stripped[: MOST // 2])
        stripped = stripped[-MOST // 2 :]
    fields = json_fields(stripped)
    if fields is not None:
        for piece in fields:
            yield from _sentences(piece)
        return
    table = Table()
    heading, depth = "", 0
    lines = stripped.splitlines()
    for n, line in enumerate(lines):
        bare = line.strip()
        if not bare or is_rule(bare):
            continue
        indent = len(line) - len(line.lstrip())
        if _HEADING.fullmatch(bare) or _stands_above(bare, indent, lines[n + 1 : n + 2]):
            heading, depth = _MARKS.sub("", bare), indent
            continue
        inside = heading if heading and (indent > depth + 1 or _MARKS.match(bare)) else ""
        heading = heading if inside else ""
        for piece in _pieces(bare, table, lines[n + 1 : n + 4]):
            yield f"{inside} {piece}" if inside and len(piece) < LONGEST - 60 else piece


def _stands_above(bare: str, indent: int, following: Sequence[str]) -> bool:
    """Whether a short line without an end has lines below that are indented."""
    if not following or len(bare) > _SHORT or bare[-1] in ".,;!?" or bare.count(" ") > _FEW or "  " in bare:
        return False
    below = following[0]
    deeper = below.strip() != "" and len(below) - len(below.lstrip()) > indent + 1
    return deeper and ": " not in bare and not _ASSIGN.search(bare)


def _pieces(line: str, table: Table, following: Sequence[str]) -> Iterator[str]:
    row = table.row(line, following)
    if row is not None:
        yield from _sentences(row)
        return
    line = _MARKS.sub("", line)
    for piece in json_fields(line) or [line]:
        yield from _sentences(piece)


def _sentences(line: str) -> Iterator[str]:
    for sentence in _SENTENCE.split(line):
        flat = _BLANKS.sub(" ", sentence).strip()
        while len(flat) > LONGEST:
            cut = flat.rfind(" ", 1, LONGEST)
            cut = cut if cut > 0 else LONGEST
            yield flat[:cut]
            flat = flat[cut:].strip()
        if flat:
            yield flat


def spaced(unit: str) -> str:
    """The piece with blanks around signs of assignment and between scripts, so that it can be split at blanks."""
    if "[" in unit:
        unit = _INDEXED.sub(r"\1 \2", unit)
    if "=" in unit or ">" in unit or "→" in unit:
        unit = _ASSIGN.sub(r" \1 ", unit)
    if ": " in unit:
        unit = _COLON.sub(r"\1 : ", unit)
    return unit if unit.isascii() else _SCRIPTS.sub(" ", _COPULA.sub(r" \1 ", unit))

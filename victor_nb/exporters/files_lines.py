"""How an event is a line: of JSON, or of CSV. Knows text only; where it goes is `files_append`'s.

A line never has a line break inside, so that what a killed writer left can be told from what is whole.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Protocol

from victor_nb.errors import ExportError
from victor_nb.exporters.event_json import event_lines
from victor_nb.exporters.files_columns import COLUMNS, EVENT_COLUMNS, Cell, cells
from victor_nb.protocols import AnalyticsEvent

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")

_LINE_ENDS = re.compile(r"[\x00\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


class LineFormat(Protocol):
    """What `files_append` must know of a format of lines."""

    ids: re.Pattern[bytes]
    """Finds the event's id in every whole line, as its first group."""

    def header(self) -> bytes:
        """The first line of a new file, or nothing."""
        ...

    def lines(self, events: Sequence[AnalyticsEvent], first_line: bytes) -> list[bytes]:
        """A line for each event, for a file that begins with `first_line`."""
        ...

    def is_whole(self, line: bytes, first_line: bytes) -> bool:
        """Whether a last line lacks nothing but its end."""
        ...

    def is_ours(self, line: bytes) -> bool:
        """Whether a line that is not whole looks as if an exporter had begun it."""
        ...


class JsonLines:
    """An event in its `model_dump()` form."""

    ids = re.compile(rb'^\{"id":"([^"\\]+)"', re.MULTILINE)

    def header(self) -> bytes:
        return b""

    def lines(self, events: Sequence[AnalyticsEvent], first_line: bytes) -> list[bytes]:
        return event_lines(events)

    def is_whole(self, line: bytes, first_line: bytes) -> bool:
        return _is_object(line)

    def is_ours(self, line: bytes) -> bool:
        begin = b'{"id":"'
        return line.startswith((begin[: len(line)], b"\0"))


class CsvLines:
    """An event in columns: those of the file's own header, whoever wrote it and when."""

    ids = re.compile(rb'^"?([^",\n]+)', re.MULTILINE)

    def header(self) -> bytes:
        return _row(COLUMNS)

    def lines(self, events: Sequence[AnalyticsEvent], first_line: bytes) -> list[bytes]:
        columns = _columns(first_line)
        rows = (cells(event) for event in events)
        return [_row([_shown(row[name]) if name in row else "" for name in columns]) for row in rows]

    def is_whole(self, line: bytes, first_line: bytes) -> bool:
        columns = _columns(first_line)
        try:
            found = _cells(line)
        except csv.Error:  # a cell beyond the csv module's limit: it can only be `data`, which comes last
            return line.endswith(b'"') and _is_object(line[line.find(b',"{') + 2 : -1].replace(b'""', b'"'))
        return len(found) == len(columns) and _is_object(found[columns.index("data")].encode())

    def is_ours(self, line: bytes) -> bool:
        return re.match(rb"[0-9a-f]{1,8}(-|$)|\0", line) is not None


def _is_object(text: bytes) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _columns(first_line: bytes) -> list[str]:
    columns = _cells(first_line)
    if missing := {*EVENT_COLUMNS, "data"} - set(columns):
        raise ExportError(
            f"the CSV file is there already, and lacks the columns {', '.join(sorted(missing))}.",
            hint="give FileAnalyticsExporter the path of a new file",
        )
    return columns


def _cells(line: bytes) -> list[str]:
    text = line.decode("utf-8-sig", "replace")
    return next(csv.reader([text]), list[str]())


def _row(shown: Sequence[str]) -> bytes:
    row = io.StringIO()
    csv.writer(row, lineterminator="\n").writerow(shown)
    return row.getvalue().encode("utf-8", "replace")


def _shown(value: Cell) -> str:
    """Text that a spreadsheet would run as a formula begins with an apostrophe; the exact text is in `data`."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    harmless = f"'{value}" if value.startswith(_FORMULA) else value
    return _LINE_ENDS.sub(" ", harmless)

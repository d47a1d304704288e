"""How commands write: plain text in columns, or JSON for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any


def say(*lines: str) -> None:
    """Lines on standard output, whatever its encoding is."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        sys.stdout.write(line.encode(encoding, "replace").decode(encoding) + "\n")


def say_json(value: Any) -> None:
    say(json.dumps(value, indent=1, ensure_ascii=False))


def columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> list[str]:
    """Rows as lines, each column as wide as it must be; those in `right` end where the others do."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines: list[str] = []
    for row in rows:
        cells = [
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def counted(number: int, what: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def dollars(amount: float | None) -> str:
    return "–" if amount is None else f"${amount:.4f}"


def indented(text: str, by: str) -> list[str]:
    return [f"{by}{line}".rstrip() for line in text.split("\n")]

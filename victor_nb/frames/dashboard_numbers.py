"""Numbers as the dashboard writes them: short, with their unit, and a dash for what is unknown.

Values may be None or any of pandas' NAs. Texts are plain; whoever puts them into HTML escapes them.
"""

from __future__ import annotations

from typing import Any, Final

UNKNOWN: Final = "–"
_THOUSANDS: Final = ("", "k", "M", "G", "T")
_BYTES: Final = ("bytes", "kB", "MB", "GB", "TB")


def known(value: Any) -> bool:
    """Neither None nor any of pandas' NAs."""
    return isinstance(value, str) or str(value) not in ("None", "<NA>", "NaT", "nan")


def whole(value: Any) -> str:
    """`12,345`"""
    return f"{int(value):,}" if known(value) else UNKNOWN


def compact(value: Any) -> str:
    """`950`, `12.3k`, `4.5M`: three digits, where the exact number stands elsewhere."""
    if not known(value):
        return UNKNOWN
    number, units = float(value), list(_THOUSANDS)
    while abs(number) >= 999.5 and len(units) > 1:
        number /= 1000
        del units[0]
    digits = 0 if number == int(number) else max(0, 3 - len(f"{number:.0f}"))
    return f"{number:,.{digits}f}{units[0]}"


def seconds(value: Any) -> str:
    if not known(value):
        return UNKNOWN
    if value < 0.1:
        return f"{float(value) * 1000:.0f} ms"
    return f"{float(value):.2f} s" if value < 10 else f"{float(value):,.0f} s"


def usd(value: Any) -> str:
    if not known(value):
        return UNKNOWN
    if value == 0:
        return "$0"
    return f"${value:,.2f}" if value >= 0.1 else f"${value:.2g}" if value >= 0.0001 else "< $0.0001"


def percent(share: Any) -> str:
    """Of a fraction: `0 %`, `0.4 %`, `34 %`."""
    if not known(share):
        return UNKNOWN
    value = float(share) * 100
    return f"{value:.0f} %" if value >= 9.95 or value == 0 else f"{value:.2g} %"


def size(number: int) -> str:
    """In thousands, as disks are sold."""
    value, units = float(number), list(_BYTES)
    while value >= 999.5 and len(units) > 1:
        value /= 1000
        del units[0]
    return f"{value:.3g} {units[0]}"


def counted(number: Any, noun: str) -> str:
    """`1 turn`, `1,200 turns`"""
    return f"{whole(number)} {noun}{'' if number == 1 else 's'}"

"""Words of a text and what each of them may be: a number, a name of something, a unit, a common word.

Only shapes and short lists are used, so that it works offline and the same way every time. It imports nothing of the
package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["number", "name", "word", "unit", "common", "bind", "link", "blank"]

_COMMON_TEXT: Final = """
a an the of for in on at by to from with and or as that this these those it its is are was were be been being
has have had do does did will would can could may might shall should i we you he she they them our your his
her their my me us there here now then so just also still currently about around exactly approximately roughly
new latest current value equal equals set actually correction corrected update updated changed change note
please remember keep mind fyi again instead longer rather than no not if into over under up down out but yet
both each per via which who whom whose what when where while because after before until since during between
within without became becomes become stays remains turned moved raised lowered bumped switched revised final
finally found confirmed measured reported shows showed returned got gives gave say says said
"""
_COMMON: Final = frozenset(_COMMON_TEXT.split())
_LINKS_TEXT: Final = """
is are was were be equals equal became becomes remains stays has have had to at as reads shows hit reached
means gives gave got returned reports uses use needs 是 为 為 等于
"""
_LINKS: Final = frozenset(_LINKS_TEXT.split())
_UNITS_TEXT: Final = """
% ms s sec secs second seconds min mins minute minutes h hr hrs hour hours day days week weeks month months
year years us µs ns b kb mb gb tb kib mib gib bytes byte bit bits k m bn million billion thousand percent pct
px pt em hz khz mhz ghz rpm rps qps kg g mg km cm mm mi ft usd eur gbp dollars euros $ € £ x times fold epochs
epoch steps rows columns items tokens chars requests req/s kb/s mb/s gb/s °c °f deg v w kw kwh 毫秒 秒 分钟 个 元
"""
UNITS: Final = frozenset(_UNITS_TEXT.split())
_NUMBER: Final = re.compile(
    r"[-+~≈<>≤≥$€£¥#±]{0,2}\d[\d,._'’]*(?:[eE][-+]?\d+)?(?:[%°µ$€£kKmMgGtT]?[a-zA-Z]{0,3}|%)"
    r"|\d{1,4}[-/.:]\d{1,2}(?:[-/.:]\d{1,4})?(?:[T ]?\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?Z?)?"
)
_NAME: Final = re.compile(r"[\w]*(?:[a-z][A-Z]|\d|_)[\w.:/\\@#-]*|.*[\w)][./\\:@#]+[\w(].*|[~.]?[/\\].+|[@#]\w.*")
_CAPITALS: Final = re.compile(r"[A-Z][A-Z0-9_-]+s?")
_BINDS: Final = frozenset(("=", ":", "=>", "->", "→", ":=", "==", "：", "|"))
_OPENERS: Final = "([{<\"'“‘«*"
_CLOSERS: Final = ".,;!?)]}>\"'”’»*…。，；！？、"


@dataclass(frozen=True, slots=True)
class Word:
    """`text` as written, `norm` for comparisons."""

    text: str
    norm: str
    kind: Kind


@lru_cache(maxsize=1 << 16)
def word(raw: str) -> Word:
    """What the piece of text between two blanks is."""
    bare = raw.lstrip(_OPENERS).rstrip(_CLOSERS)
    ticked = bare[:1] == "`"
    bare = bare.strip("`")
    norm = bare.lower().removesuffix("'s").removesuffix("’s")
    if raw in _BINDS:
        return Word(raw, raw, "bind")
    if not bare:
        return Word(raw, "", "blank")
    return Word(raw, norm, "name" if ticked else _kind(bare, norm))


def _kind(bare: str, norm: str) -> Kind:
    if norm in _LINKS:
        return "link"
    if norm in _COMMON:
        return "common"
    if norm in UNITS:
        return "unit"
    if _NUMBER.fullmatch(bare):
        return "number"
    if _CAPITALS.fullmatch(bare) or _NAME.fullmatch(bare):
        return "name"
    return "word" if any(c.isalnum() for c in bare) else "blank"

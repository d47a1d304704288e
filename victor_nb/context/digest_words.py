"""Words of a text and what each of them may be: a number, a name of something, a unit, a common word.

Only shapes and short lists are used, so that it works offline and the same way every time. It imports nothing of the
package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["number", "time", "name", "proper", "word", "common", "bind", "link", "blank"]

_COMMON_TEXT: Final = """
a an the of for in on at by to from with and or as that this these those it its is are was were be been being has have
had do does did will would can could may might shall should i we you he she they them our your his her their my me us
there here now then so just also still currently about around exactly approximately roughly new latest current value
equal equals set sets actually correction corrected update updated changed change note noted please remember keep mind
fyi again instead longer rather than no not if into over under up down out but yet both each per via which who whom
whose what when where while because after before until since during between within without became becomes become stays
remains turned moved raised lowered bumped switched revised final finally found confirmed measured reported shows showed
returned got gives gave say says said must measure runs run using uses used use went observed recorded logged registered
configured info warn debug yes ok well only all any it's that's we've i've let's make made take takes know recall
wrong settled way
der die das dem den des ein eine einer eines von für im am zum zur und auch noch el la los las un una del le les du
的 了 在 现在
"""
_LINKS_TEXT: Final = """
is are was were of be equals equal became becomes remains stays has have had to at as reads shows showed hit
reached means gives gave got returned reports reported uses needs set measured runs use 是 为 為 等于 beträgt ist est
es sind bei auf
"""
_UNITS_TEXT: Final = """
% ms s sec secs second seconds min mins minute minutes h hr hrs hour hours day days week weeks month months year years
us µs ns b kb mb gb tb kib mib gib bytes byte bits k m bn million billion thousand percent pct px pt hz khz mhz ghz rpm
rps qps kg g mg km cm mm mi ft usd eur gbp dollars euros $ € £ x times fold epochs epoch steps rows columns items tokens
chars requests req/s kb/s mb/s gb/s °c °f °C °F deg v w kw kwh 毫秒 秒 分钟 个 元 points cores
"""
_COMMON: Final = frozenset(_COMMON_TEXT.split())
_LINKS: Final = frozenset(_LINKS_TEXT.split())
UNITS: Final = frozenset(_UNITS_TEXT.split())
_NEGATIONS_TEXT: Final = "no not never without n't instead rather than cannot nor neither only"
NEGATIONS: Final = frozenset(_NEGATIONS_TEXT.split())
_NUMBER: Final = re.compile(r"[-+~≈<>≤≥$€£¥#±]{0,2}\d[\d,._'’]*(?:[eE][-+]?\d+)?(?:[%°µ$€£kKmMgGtT]?[a-zA-Z]{0,3}|%)")
_TIME: Final = re.compile(
    r"\d{4}-\d\d?-\d\d?(?:[T_]?\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?Z?)?|\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?Z?"
    r"|\d{1,4}[-/]\d\d?[-/]\d{2,4}|\d\d?\.\d\d?\.\d{4}"
)
_NAME: Final = re.compile(
    r"\w*(?:[a-z][A-Z]|\d|_)[\w.:/\\@#\[\]-]*|.*[\w)\]][./\\:@#]+[\w([].*|[~.]{0,2}[/\\].+|[@#]\w.*|\w+(?:-\w+)+"
)
_CAPITALS: Final = re.compile(r"[A-Z][A-Z0-9_-]+s?")
SIGN: Final = re.compile(
    r"never|always|must(?:n['’]t)?|do(?:es)?|do(?:es)?n['’]t|can(?:not|['’]t)|may|only|forbidden|prohibited|avoid|make|goal|"
    r"important|constraint|objective|under|refrain|shall|insist|require[sd]?|whatever|at|.*(?:error|exception)s?|failed|"
    r"failure|fatal|traceback|critical|denied|refused|timed|panic|crash\w*|invalid|not|corrupt\w*|unable|exit|decided|"
    r"decision|agreed|chose|chosen|conclu\w+|we|root|because|fixed|recommend\w*|best|therefore|approved|rejected|settled|"
    r"prefer\w*|instead|no|works?|actually|correction|corrected|updated?|changed|now|revised|wrong|rather|turned|moved|"
    r"raised|lowered|bumped|switched|supersed\w+|replac(?:e[ds]?|ing|ement)|new|latest|scratch|renamed|overr\w+|"
    r"korrektur|jetzt|ahora|désormais|.*[^\x00-\x7f].*"
)
_BINDS: Final = frozenset(("=", ":", "=>", "->", "→", ":=", "==", "：", "|"))
_OPENERS: Final = "([{<\"'“‘«*"
_CLOSERS: Final = ".,;!?)]}>\"'”’»*…。，；！？、"


@dataclass(frozen=True, slots=True)
class Word:
    """`text` as written, `norm` for comparisons; `proper` begins with a capital. `sign` may begin a phrase that tells a
    rule, an error, a decision or a correction."""

    text: str
    norm: str
    kind: Kind
    sign: bool = False


@lru_cache(maxsize=1 << 15)
def word(raw: str) -> Word:
    """What the piece of text between two blanks is."""
    if raw.isdecimal():
        return Word(raw, raw, "number")
    if raw in _BINDS:
        return Word(raw, raw, "bind")
    bare = raw.lstrip(_OPENERS).rstrip(_CLOSERS).rstrip(":=")
    ticked = bare[:1] == "`"
    bare = bare.strip("`*_")
    norm = bare.lower().removesuffix("'s").removesuffix("’s")
    if not bare:
        return Word(raw, "", "blank")
    if len(bare) == 1 and bare.isupper() and f"{bare}." in raw:
        return Word(raw, norm, "name")  # an initial, no article
    kind = "name" if ticked else _kind(bare, norm)
    return Word(raw, norm, kind, kind not in ("number", "time") and SIGN.fullmatch(norm) is not None)


def _kind(bare: str, norm: str) -> Kind:
    if norm in _LINKS:
        return "link"
    if norm in _COMMON:
        return "common"
    if _TIME.fullmatch(bare):
        return "time"
    if _NUMBER.fullmatch(bare):
        return "number"
    if _CAPITALS.fullmatch(bare) or _NAME.fullmatch(bare):
        return "name"
    if bare[0].isupper():
        return "proper"
    return "word" if any(c.isalnum() for c in bare) or norm in UNITS else "blank"

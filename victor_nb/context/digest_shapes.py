"""What the shape of a piece of text tells, whatever stands around it: what it is about, which value it gives to that,
and whether it is a rule, an error, a decision or a correction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from victor_nb.context.digest_units import spaced
from victor_nb.context.digest_words import NEGATIONS, UNITS, Kind, Word, word

_WEAK: Final = frozenset(("at", "to", "as", "of"))
_BACKWARD: Final = frozenset(("is", "are", "was", "as", "were"))
_LONG: Final = 24  # words; of a longer piece only what surrounds its names and numbers is kept
_GAP, _BEFORE, _AFTER = 6, 5, 5
_ANCHORS: Final[frozenset[Kind]] = frozenset(("number", "time", "name", "bind"))
_RULE: Final = re.compile(
    r"\b(?:never|always|must|do not|don['’]t|cannot|can['’]t|may not|only use|forbidden|prohibited|avoid|make sure|goal|"
    r"important|constraint|objective|under no|refrain|mustn['’]t|shall|insist|require[sd]?|whatever|at all costs)\b"
    r"|不要|必须|禁止|不得|目标",
    re.IGNORECASE,
)
_ERROR: Final = re.compile(
    r"\b(?:error|\w+(?:Error|Exception)|failed|failure|fatal|traceback|critical|denied|refused|timed out|panic|crash\w*|"
    r"invalid|not found|corrupt\w*|unable|exit code [1-9])\b|错误|失败",
    re.IGNORECASE,
)
_DECISION: Final = re.compile(
    r"\b(?:decided|decision|agreed|chose|chosen|conclu\w+|we will|root cause|because of|fixed by|recommend\w*|best|"
    r"therefore|approved|rejected|settled on|prefer\w*|instead of|no longer|works?|does ?n[o'’]t)\b|决定|结论",
    re.IGNORECASE,
)
_CORRECTION: Final = re.compile(
    r"\b(?:actually|correction|corrected|updated?|changed|now|no longer|instead|revised|wrong|rather|turned out|"
    r"moved|raised|lowered|bumped|switched|supersed\w+|replac\w+|new|latest|scratch that|renamed|overr\w+|not|"
    r"korrektur|jetzt|ahora|maintenant)\b|更正|改为|现在",
    re.IGNORECASE,
)
_IDLE_TEXT: Final = """
a an the this that these those it it's i i've we we've you please note noted that's so just also fyi mind remember keep
actually well then there here exactly about around roughly approximately correction update hey ok okay btw by way
currently still again which
"""
_IDLE: Final = frozenset(_IDLE_TEXT.split())
_LEVELS: Final = frozenset(("info", "debug", "info:", "notice", "trace"))


_QUOTES: Final = str.maketrans("", "", "'\"*")


@dataclass(frozen=True, slots=True)
class Shape:
    """`key` holds the words that tell what it is about, `names` the specific ones of them. `bound` says from 0 to 1 how
    sure it is that `value` is given to that. `plain` are the ordinary words,
    `named` counts the specific ones that are no numbers, `clutter` both."""

    text: str
    key: frozenset[str]
    names: frozenset[str]
    value: str
    numeric: bool
    bound: float
    named: int
    clutter: int
    plain: tuple[str, ...]
    cues: float
    rule: bool
    corrects: bool


@lru_cache(maxsize=1 << 13)
def shapes_of(unit: str) -> tuple[Shape, ...]:
    """The shape of a piece, or of each part that is worth a look when it is long."""
    found = [word(raw) for raw in spaced(unit).split()]
    if len(found) <= _LONG or (len(found) <= 2 * _LONG and _RULE.search(unit)):
        return (_shape(found, unit),)
    parts = list(_clusters(found))
    return tuple(_shape(part, " ".join(w.text for w in part)) for part in parts) or (_shape(found, unit),)


def shape_of(text: str) -> Shape:
    """The shape of a text taken as one piece."""
    return _shape([word(raw) for raw in spaced(text).split()], text)


def tight(text: str) -> str:
    """The same in fewer words still: without the verbs and the small words that a reader of notes does not miss."""
    found = [word(raw) for raw in spaced(text).split()]
    place, _ = _binding(found)
    if not place:
        return text
    numeric = place < 0 or _is_numeric(found[place + 1 :])
    kept = [":" if n == place and not numeric else w.text for n, w in enumerate(found) if _stays(w, n == place, numeric)]
    return _closed(" ".join(kept)).replace(" :", ":").translate(_QUOTES) or text


def label_of(text: str) -> tuple[str, str]:
    """The ordinary words of a short note, and the rest: `timeout` and `orders-db 430 ms`. Both empty if it is no such."""
    found = [word(raw) for raw in text.split()]
    plain = [n for n, w in enumerate(found) if w.kind == "word" and (w.norm not in UNITS or not n)]
    if not plain or len(plain) > 2 or plain[-1] - plain[0] >= len(plain) or len(found) > 6:
        return "", ""
    label = " ".join(found[n].text for n in plain)
    if not label.isalpha() or not any(w.kind == "name" for w in found):
        return "", ""
    return label, " ".join(w.text for n, w in enumerate(found) if n not in plain)


def _stays(found: Word, binds: bool, numeric: bool) -> bool:
    if binds and not numeric:
        return True
    return found.kind not in ("common", "link", "bind") or found.norm in NEGATIONS


def _clusters(found: Sequence[Word]) -> Iterator[list[Word]]:
    """Names and numbers that stand near to each other, with a few words before and after."""
    anchors = [n for n, w in enumerate(found) if w.kind in _ANCHORS or (n and w.kind == "proper")]
    start = 0
    while start < len(anchors):
        end = start
        while (
            end + 1 < len(anchors)
            and anchors[end + 1] - anchors[end] <= _GAP
            and anchors[end + 1] - anchors[start] < _LONG - _BEFORE - _AFTER
        ):
            end += 1
        first = max(anchors[start] - _BEFORE, anchors[start - 1] + 1 if start else 0)
        last = min(anchors[end] + _AFTER, anchors[end + 1] - 1 if end + 1 < len(anchors) else len(found) - 1)
        yield list(found[first : last + 1])
        start = end + 1


def _shape(found: Sequence[Word], text: str) -> Shape:
    place, bound = _binding(found)
    key, names, value, numeric = _key_and_value(found, place)
    rule = bool(_RULE.search(text))
    cues = 2.0 * rule + 1.8 * bool(_ERROR.search(text)) + 0.8 * bool(_DECISION.search(text))
    named = sum(w.kind == "name" or (w.kind == "proper" and n > 0) for n, w in enumerate(found))
    clutter = sum(w.kind in ("number", "name", "time") for w in found)
    plain = tuple(w.norm for w in found if w.kind == "word" and w.norm not in UNITS)
    shortened = text if rule or _ERROR.search(text) else _closed(" ".join(_telegram(found))) or text
    return Shape(
        shortened, key, names, value, numeric, bound, named, clutter, plain, cues, rule, bool(_CORRECTION.search(text))
    )


def _telegram(found: Sequence[Word]) -> Iterator[str]:
    """Without idle words, and without the time that a line of a log begins with."""
    first = next((n for n, w in enumerate(found) if w.kind != "time" and w.norm not in _LEVELS), 0)
    stamped = any(":" in w.text for w in found[:first]) and found[first].kind != "link"
    for w in found[first if stamped else 0 :]:
        if w.norm not in _IDLE or w.norm in NEGATIONS or w.kind == "name":
            yield w.text


def _closed(text: str) -> str:
    """Without what is left over at both ends, and with signs where they were."""
    return text.replace(" : ", ": ").replace(" = ", "=").strip(" ,;:-").removesuffix(".")


def _binding(found: Sequence[Word]) -> tuple[int, float]:
    """Where something is given a value: the place of the sign or the verb, and how sure that is.

    A place below 0 says that what stands before `-place` is the value: "430 ms is the timeout of orders-db".
    """
    best, sure = 0, 0.0
    for place, at in enumerate(found):
        if not place or at.kind not in ("bind", "link"):
            continue
        strength = _value_ahead(found, place)
        if at.kind == "link":
            strength *= 0.9 if at.norm not in _WEAK else 0.8 if _is_numeric(found[place + 1 : place + 3]) else 0.4
        if strength > 0 and strength >= sure:
            best, sure = place, strength
        backward = _value_before(found, place) if at.norm in _BACKWARD else 0.0
        if backward > sure:
            best, sure = -place, backward
    return (best, sure) if best else _in_brackets(found)


def _value_ahead(found: Sequence[Word], place: int) -> float:
    """How much what follows looks like a value that ends the piece, or has a unit."""
    ahead = [w for w in found[place + 1 : place + 7] if w.kind not in ("common", "blank", "link", "bind")][:4]
    if not ahead:
        return 0.0
    ends = len(found) - place <= 5 or found[place + 1].text[-1:] in ",;.)"
    if ahead[0].kind in ("number", "name", "time"):
        return 1.0 if ends or (len(ahead) > 1 and ahead[1].norm in UNITS) else 0.6
    later = next((n for n, w in enumerate(ahead[:3]) if w.kind in ("number", "time")), 0)
    if later and found[place].kind == "bind":  # "orders-db: timeout 430 ms"
        return 0.9 if ends or (later + 1 < len(ahead) and ahead[later + 1].norm in UNITS) else 0.6
    return 0.7 if ends else 0.1


def _value_before(found: Sequence[Word], place: int) -> float:
    """How much it looks as if a value stood right before: "use 430 ms as …", "430 ms is …"."""
    before = [w for w in found[:place] if w.kind not in ("common", "blank", "link") and w.norm not in UNITS]
    if not before or before[-1].kind not in ("number", "name", "time") or place + 1 >= len(found):
        return 0.0
    if before[-1].kind == "name" and (len(before) > 1 or _is_numeric(found[place:])):
        return 0.0
    if len(before) == 1:
        return 0.85
    return 0.6 if found[place].norm == "as" else 0.0


def _in_brackets(found: Sequence[Word]) -> tuple[int, float]:
    """`orders-db (timeout 430 ms)`."""
    for place, at in enumerate(found):
        if at.text[:1] == "(" and place and any(w.text[-1:] == ")" for w in found[place + 1 : place + 5]):
            return place, 0.7
    return 0, 0.0


def _is_numeric(found: Sequence[Word]) -> bool:
    return any(w.kind in ("number", "time") for w in found)


def _key_and_value(found: Sequence[Word], place: int) -> tuple[frozenset[str], frozenset[str], str, bool]:
    """The words before the binding are what it is about. Behind it numbers are the value, or else all words."""
    key: set[str] = set()
    names: set[str] = set()
    value: list[str] = []
    numeric = _is_numeric(found[:-place] if place < 0 else found[place + 1 :] if place else found)
    dotted = 0 < place < len(found) - 1 and found[place + 1].kind in ("number", "time", "name")
    previous = ""
    for n, w in enumerate(found):
        inside = n > place > 0 or n < -place or not place
        unit = w.norm in UNITS and previous in ("number", "time")
        if w.kind in ("blank", "bind", "link", "common") and not unit:
            previous = w.kind
            continue
        if inside and (unit or w.kind in ("number", "time") or (place and not numeric)):
            value.append(w.norm)
        elif not unit and w.kind != "time":
            owner, _, own = w.norm.rpartition(".") if dotted and n == place - 1 else ("", "", w.norm)
            key.update(part for part in (owner, own) if part)
            if w.kind in ("number", "name") or (w.kind == "proper" and n):
                names.add(owner or own)
        previous = w.kind
    if not names and not numeric and place and found[abs(place)].kind == "link":
        key.update(value)  # too vague to contradict anything
    return frozenset(key), frozenset(names), " ".join(value), numeric

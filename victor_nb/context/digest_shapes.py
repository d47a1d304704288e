"""What the shape of a piece of text tells, whatever stands around it: what it is about, which value it gives to that,
and whether it is a rule, an error, a decision or a correction.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from victor_nb.context.digest_binding import binding_of, is_numeric
from victor_nb.context.digest_cues import NONE, Cues, cues_of
from victor_nb.context.digest_units import spaced
from victor_nb.context.digest_wording import closed, telegram
from victor_nb.context.digest_words import UNITS, Kind, Word, word

_LONG: Final = 24  # words; of a longer piece only what surrounds its names and numbers is kept
_NAMING: Final[frozenset[Kind]] = frozenset(("name", "time"))
_BINDING: Final[frozenset[Kind]] = frozenset(("bind", "link"))
_GAP, _BEFORE, _AFTER = 6, 5, 5
_ANCHORS: Final[frozenset[Kind]] = frozenset(("number", "time", "name", "bind"))
_JOINTS: Final = re.compile(r"[./:\[\]]+")  # between the parts of a name: "orders-db.timeout" is "timeout of orders-db"
_PAST: Final = frozenset(("from", "than", "not", "was"))  # a number behind one of them is an old value


@dataclass(frozen=True, slots=True)
class Shape:
    """`key` holds the words that tell what it is about, `names` the specific ones of them. `bound` says from 0 to 1 how
    sure it is that `value` is given to that. `plain` are the ordinary words; `named` counts the specific ones that are
    no numbers, `clutter` numbers too."""

    text: str
    key: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    value: str = ""
    numeric: bool = False
    bound: float = 0.0
    named: int = 0
    clutter: int = 0
    plain: tuple[str, ...] = ()
    cues: float = 0.0
    rule: bool = False
    corrects: bool = False


@lru_cache(maxsize=1 << 13)
def shapes_of(unit: str) -> tuple[Shape, ...]:
    """The shape of a piece, or of each part that is worth a look when it is long; none when it tells nothing."""
    found = [word(raw) for raw in spaced(unit).split()]
    signs = cues_of(unit) if any(w.sign for w in found) else NONE
    if not signs.weight and not _tells(found, unit):
        return ()
    if len(found) <= _LONG or (len(found) <= 2 * _LONG and signs.rule):
        return (_shape(found, unit, signs),)
    parts = ((part, " ".join(w.text for w in part)) for part in _clusters(found))
    return tuple(_shape(part, text, cues_of(text)) for part, text in parts)


def _tells(found: Sequence[Word], unit: str) -> bool:
    """Whether a piece names something or gives a value."""
    kinds = [w.kind for w in found]
    if "proper" in kinds[1:] or not _NAMING.isdisjoint(kinds):
        return True
    return ("(" in unit or not _BINDING.isdisjoint(kinds)) and binding_of(found)[0] != 0


@lru_cache(maxsize=1 << 13)
def shape_of(text: str) -> Shape:
    """The shape of a text taken as one piece."""
    return _shape([word(raw) for raw in spaced(text).split()], text, cues_of(text))


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


def _shape(found: Sequence[Word], text: str, signs: Cues) -> Shape:
    place, bound = binding_of(found)
    key, names, value, numeric = _key_and_value(found, place)
    named = sum(w.kind == "name" or (w.kind == "proper" and n > 0) for n, w in enumerate(found))
    clutter = sum(w.kind in ("number", "name", "time") for w in found)
    plain = tuple(w.norm for w in found if w.kind == "word" and w.norm not in UNITS)
    return Shape(
        text=text if signs.rule or signs.error else closed(" ".join(telegram(found))) or text,
        key=key,
        names=names,
        value=value,
        numeric=numeric,
        bound=bound,
        named=named,
        clutter=clutter,
        plain=plain,
        cues=signs.weight,
        rule=signs.rule,
        corrects=signs.correction,
    )


def _key_and_value(found: Sequence[Word], place: int) -> tuple[frozenset[str], frozenset[str], str, bool]:
    """The words before the binding are what it is about. Behind it numbers are the value, or else all words."""
    key: set[str] = set()
    names: set[str] = set()
    value: list[str] = []
    numeric = is_numeric(found[:-place] if place < 0 else found[place + 1 :] if place else found)
    previous = ""
    for n, w in enumerate(found):
        inside = n > place > 0 or n < -place or not place
        unit = w.norm in UNITS and previous in ("number", "time")
        if w.kind in ("blank", "bind", "link", "common") and not unit:
            previous = w.kind
            continue
        if inside and (unit or w.kind in ("number", "time") or (place and not numeric)):
            value.append(w.norm)
        elif not unit and w.kind != "time" and not (w.kind == "number" and found[n - 1].norm in _PAST):
            parts = [part for part in _JOINTS.split(w.norm) if part] if w.kind == "name" else [w.norm]
            key.update(parts)
            if parts and (w.kind in ("number", "name") or (w.kind == "proper" and n)):
                names.add(max(parts, key=len))
        previous = w.kind
    if place > 0 and not value:
        value.append(found[-1].norm)
    if not names and not numeric and place and found[abs(place)].kind == "link":
        key.update(value)  # too vague to contradict anything
    elif names and key <= names and not numeric and len(value) > 1 and word(value[0]).kind == "word":
        key.add(value.pop(0))  # "orders-db: status frozen" is about its status
    return frozenset(key), frozenset(names), " ".join(value), numeric

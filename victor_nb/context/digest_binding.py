"""Finds where a sentence gives something a value: at a sign, a verb, a preposition, or in brackets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from victor_nb.context.digest_words import UNITS, Word

_WEAK: Final = frozenset(("at", "to", "as", "of"))
_OWNS: Final = frozenset(("has", "have", "had", "with"))  # "orders-db has a timeout of 430 ms"
_BACKWARD: Final = frozenset(("is", "are", "was", "as", "were"))


def binding_of(found: Sequence[Word]) -> tuple[int, float]:
    """Where something is given a value: the place of the sign or the verb, and how sure that is.

    A place below 0 says that what stands before `-place` is the value: "430 ms is the timeout of orders-db".
    """
    best, sure = 0, 0.0
    for place, at in enumerate(found):
        if not place or at.kind not in ("bind", "link"):
            continue
        strength = _value_ahead(found, place)
        if at.kind == "link":
            owned = at.norm == "of" and any(w.norm in _OWNS for w in found[max(place - 4, 0) : place])
            strength *= 0.9 if owned or at.norm not in _WEAK else _weak(found[place + 1 : place + 3])
        if strength > 0 and strength >= sure:
            best, sure = place, strength
        backward = _value_before(found, place) if at.norm in _BACKWARD else 0.0
        if backward > sure:
            best, sure = -place, backward
    return (best, sure) if best else _in_brackets(found)


def _weak(ahead: Sequence[Word]) -> float:
    """How sure a preposition is: "to 430 ms", "to /data/a.csv", "to the garden"."""
    return 0.8 if is_numeric(ahead) else 0.6 if ahead and ahead[0].kind == "name" else 0.4


def _value_ahead(found: Sequence[Word], place: int) -> float:
    """How much what follows looks like a value that ends the piece, or has a unit."""
    ahead = [w for w in found[place + 1 : place + 7] if w.kind not in ("common", "blank", "link", "bind")][:4]
    if not ahead:  # "its status is final"
        return 0.7 if len(found) == place + 2 and found[-1].kind == "common" else 0.0
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
    if before[-1].kind == "name" and (len(before) > 1 or is_numeric(found[place:])):
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


def is_numeric(found: Sequence[Word]) -> bool:
    return any(w.kind in ("number", "time") for w in found)

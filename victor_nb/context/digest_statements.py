"""What a piece of text says, as far as its shape tells: about what (`key`), which value, and how much that is worth.

Two statements with the same key and different values contradict each other; the later one counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from victor_nb.context.digest_units import spaced, units
from victor_nb.context.digest_words import Word, word
from victor_nb.messages import Role

_WINDOW: Final = 26
_RULE: Final = re.compile(
    r"\b(?:never|always|must|do not|don['’]t|cannot|can['’]t|only use|forbidden|prohibited|required?|avoid|make sure|"
    r"important|constraint|goal|objective|deadline|prefer|no longer|under no|instead of|refrain|mustn['’]t|shall)\b"
    r"|不要|必须|禁止|不得|目标",
    re.IGNORECASE,
)
_ERROR: Final = re.compile(
    r"\b(?:error|\w*(?:Error|Exception)|failed|failure|fatal|traceback|critical|denied|refused|timed out|panic|"
    r"crash\w*|warning|invalid|missing|not found|corrupt\w*|unable|exit code [1-9])\b|错误|失败",
    re.IGNORECASE,
)
_DECISION: Final = re.compile(
    r"\b(?:decided|decision|agreed|chose|chosen|conclu\w+|we (?:will|use|go)|root cause|because of|fixed by|result|"
    r"recommend\w*|best|winner|therefore|so we|approved|rejected|settled)\b|决定|结论",
    re.IGNORECASE,
)
_CORRECTION: Final = re.compile(
    r"\b(?:actually|correction|corrected|updated?|changed|now|no longer|instead|revised|wrong|rather|turned out|"
    r"moved|raised|lowered|bumped|switched|supersed\w+|replac\w+|new value|latest|scratch that|renamed|overr\w+)\b"
    r"|更正|改为|现在",
    re.IGNORECASE,
)
_OLD_VALUE: Final = (
    r"[,(]?\s*\b(?:(?:changed |moved |up |down )?from|instead of|rather than|no longer|not|previously|was|formerly|"
    r"old(?: value)?:?)\s+"
)


@dataclass(frozen=True, slots=True)
class Statement:
    """`worth` is 0 for what says nothing that could be told from any other text."""

    role: Role
    text: str
    key: frozenset[str]
    value: str
    worth: float
    corrects: bool


def statements(role: Role, text: str, rarity: Callable[[str], float]) -> list[Statement]:
    """All that `text` says, in order. `rarity` of a word is 1 for one seen once, near 0 for one seen everywhere."""
    found: list[Statement] = []
    for unit in units(text):
        shape = shape_of(unit)
        if found and not shape.key and (shape.value or shape.corrects) and len(unit) < 200:
            joined = f"{found[-1].text} {unit}"
            shape = shape_of(joined)
            found[-1] = _statement(role, shape, rarity)
        else:
            found.append(_statement(role, shape, rarity))
    return found


@dataclass(frozen=True, slots=True)
class Shape:
    """A piece of text with what does not depend on the text around it."""

    text: str
    key: frozenset[str]
    value: str
    bound: float
    names: int
    numbers: int
    words: tuple[str, ...]
    cues: float
    corrects: bool


@lru_cache(maxsize=1 << 14)
def shape_of(unit: str) -> Shape:
    found = [word(raw) for raw in spaced(unit).replace(": ", " : ").split()]
    text = unit
    place, bound = _binding(found)
    if len(found) > _WINDOW:
        found, place, text = _window(found, place)
    key, value = _key_and_value(found, place)
    kinds = [w.kind for w in found]
    cues = 2.2 * bool(_RULE.search(unit)) + 1.8 * bool(_ERROR.search(unit)) + 1.0 * bool(_DECISION.search(unit))
    plain = tuple(w.norm for w in found if w.kind in ("word", "name"))
    corrects = bool(_CORRECTION.search(unit))
    return Shape(text, key, value, bound, kinds.count("name"), kinds.count("number"), plain, cues, corrects)


def _binding(found: Sequence[Word]) -> tuple[int, float]:
    """Where a value is given to something: the place of the sign or verb, and how sure that is (0 to 1)."""
    best, sure = -1, 0.0
    for place, at in enumerate(found):
        if at.kind not in ("bind", "link") and not (at.text[-1:] in ":=" and at.kind != "blank"):
            continue
        ahead = _value_ahead(found, place)
        strength = ahead * (1.0 if at.kind != "link" else 0.9 if at.norm not in ("at", "to", "as") else 0.8)
        if place and strength >= sure and strength > 0:
            best, sure = place, strength
    return best, sure


def _value_ahead(found: Sequence[Word], place: int) -> float:
    """How much what follows looks like a value."""
    ahead = [w for w in found[place + 1 : place + 6] if w.kind not in ("common", "blank", "link")][:2]
    if not ahead:
        return 0.0
    last = len(found) - place <= 5
    if ahead[0].kind in ("number", "name"):
        return 1.0 if last or (len(ahead) > 1 and ahead[1].kind == "unit") else 0.7
    return 0.5 if last else 0.1


def _window(found: list[Word], place: int) -> tuple[list[Word], int, str]:
    """The part of a long sentence around its value."""
    anchors = [n for n, w in enumerate(found) if w.kind in ("number", "name")]
    middle = place if place >= 0 else (anchors[0] if anchors else 0)
    start = max(0, min(middle - _WINDOW * 2 // 3, len(found) - _WINDOW))
    part = found[start : start + _WINDOW]
    return part, place - start if place >= 0 else -1, " ".join(w.text for w in part)


def _key_and_value(found: Sequence[Word], place: int) -> tuple[frozenset[str], str]:
    key: set[str] = set()
    value: list[str] = []
    numeric = any(w.kind == "number" for w in found[place + 1 :])
    after_number = False
    for n, w in enumerate(found):
        right = n > place
        if (w.kind == "number" and right) or (w.kind == "unit" and after_number):
            value.append(w.norm)
        elif w.kind in ("word", "name", "unit") or (w.kind == "number" and not right):
            if right and place >= 0 and not numeric:
                value.append(w.norm)
            else:
                key.add(w.norm)
        after_number = w.kind == "number" and right
    return frozenset(key), " ".join(value)


def _statement(role: Role, shape: Shape, rarity: Callable[[str], float]) -> Statement:
    worth = shape.cues
    if shape.value:
        worth += 3.0 * shape.bound + 0.6
        if shape.numbers > 3:
            worth -= 0.25 * (shape.numbers - 3)
    worth += min(shape.names, 2) * 0.5
    if worth > 0 and shape.words:
        worth *= 0.5 + sum(map(rarity, shape.words)) / len(shape.words)
    if role == "user":
        worth = worth * 1.4 + 0.8
    elif role == "assistant":
        worth *= 1.2
    return Statement(role, shape.text, shape.key, shape.value, max(worth, 0.0), shape.corrects)


def without_old(text: str, old: str) -> str:
    """`text` without an old value that it names in passing: `from 430 ms`, `(was 430 ms)`, `instead of 430 ms`."""
    pattern = rf"{_OLD_VALUE}{re.escape(old)}(?!\w)\)?"
    return re.sub(pattern, "", text, flags=re.IGNORECASE).strip() or text


def supersedes(new: Statement, old: Statement) -> bool:
    """Whether the later statement leaves the earlier one untrue, or says the same again."""
    if not new.key or not old.key or not old.value:
        return False
    if new.key == old.key:
        return bool(new.value)
    if not new.corrects or not new.value:
        return False
    shared = new.key & old.key
    return len(shared) >= 2 and (shared == new.key or shared == old.key or len(shared) / len(new.key | old.key) >= 0.6)


def latest(found: Iterable[Statement]) -> list[Statement]:
    """Without those that a later one supersedes, and without repetitions, in order."""
    kept: dict[int, Statement] = {}
    by_word: dict[str, set[int]] = {}
    for number, new in enumerate(found):
        for rival in sorted(_rivals(new, by_word)):
            if rival in kept and supersedes(new, kept[rival]):
                del kept[rival]
        kept[number] = new
        for part in new.key:
            by_word.setdefault(part, set()).add(number)
    seen: set[tuple[Role, str]] = set()
    return [s for s in kept.values() if (s.role, s.text) not in seen and not seen.add((s.role, s.text))]


def _rivals(new: Statement, by_word: dict[str, set[int]]) -> set[int]:
    if not new.key or not new.value:
        return set()
    groups = sorted((by_word.get(part, set()) for part in new.key), key=len)
    if not new.corrects:
        return set.intersection(*groups[:2]) if groups[0] else set()
    return set().union(*groups[:3])

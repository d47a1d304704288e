"""What a text says: its pieces, each with what it is about, its value, and how much it is worth to be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from victor_nb.context.digest_shapes import Shape, shape_of, shapes_of
from victor_nb.context.digest_units import units
from victor_nb.context.digest_words import word
from victor_nb.messages import Message, Role

_JOINED: Final = 200  # characters of a piece that may belong to the one before: "Actually it is 17 now."
_COMPACT: Final = 4  # words of what something is about, and names and numbers, at most
_ENDS: Final = 0.7  # the worth of an answer's first and last sentence
_ROLES: Final[dict[Role, tuple[float, float]]] = {"user": (1.3, 0.6), "assistant": (1.15, 0.0)}


@dataclass(frozen=True, slots=True)
class Statement:
    """`worth` is 0 for what says nothing that could be told from any other text. `source` groups what was said in the
    same place: the number of a digest, or -1."""

    role: Role
    shape: Shape
    worth: float
    source: int = -1

    @property
    def text(self) -> str:
        return self.shape.text


@dataclass(frozen=True, slots=True)
class Background:
    """The text that statements stand in: how often it has each ordinary word, how often it has a word that is typical
    of it, and the share of names and numbers."""

    counts: Mapping[str, int]
    typical: float
    crowd: float

    def rarity(self, norm: str) -> float:
        """1 for a word that is nowhere else, 0.5 for one as frequent as is typical, 0 for one that is everywhere."""
        return self.typical / (self.typical + max(self.counts.get(norm, 0) - 1, 0))

    @property
    def surprise(self) -> float:
        """What a name or a number is worth: 1.5 where there are few, 1 in a crowd of them."""
        return 1.5 - 0.5 * min(max(self.crowd - 0.04, 0.0) / 0.08, 1.0)


def background_of(messages: Iterable[Message]) -> Background:
    raws = Counter("\n".join(m.content for m in messages).split())
    counts: dict[str, int] = {}
    anchors = total = squares = 0
    for raw, count in raws.items():
        found = word(raw)
        if found.kind == "word":
            before = counts.get(found.norm, 0)
            counts[found.norm] = before + count
            total += count
            squares += count * (2 * before + count)
        elif found.kind in ("number", "name"):
            anchors += count
    return Background(counts, max(squares / max(total, 1), 1.0), anchors / max(raws.total(), 1))


def statements(role: Role, text: str, background: Background) -> list[Statement]:
    """All that `text` says, in order."""
    shapes = _telling(text) if role == "tool" else _shapes(text)
    found = [Statement(role, shape, worth_of(role, shape, background)) for shape in shapes]
    if role == "assistant" and found:
        for place in (0, len(found) - 1):
            at = found[place]
            found[place] = Statement(role, at.shape, max(at.worth, _ENDS))
    return found


@lru_cache(maxsize=512)
def _shapes(text: str) -> tuple[Shape, ...]:
    shapes: list[Shape] = []
    for unit in units(text):
        for shape in shapes_of(unit) or (Shape(unit),):
            if shapes and not shape.key and shape.numeric and shape.bound and len(unit) < _JOINED:
                shapes[-1] = shape_of(f"{shapes[-1].text}: {shape.text}")
            else:
                shapes.append(shape)
    return tuple(shapes)


@lru_cache(maxsize=512)
def _telling(text: str) -> tuple[Shape, ...]:
    return tuple(shape for shape in _shapes(text) if shape.key or shape.value or shape.cues)


def worth_of(role: Role, shape: Shape, background: Background) -> float:
    worth = 0.5 * min(shape.named, 2)
    if shape.value:
        worth += _tie(shape) * shape.bound + 0.5 * shape.numeric
    worth -= 0.4 * max(shape.clutter - 3, 0)
    worth = max(worth, 0.0) * background.surprise + shape.cues
    if worth and shape.plain:
        worth *= 0.3 + sum(map(background.rarity, shape.plain)) / len(shape.plain)
    factor, least = _ROLES.get(role, (1.0, 0.0))
    return worth * factor + (least if worth or " " in shape.text else 0.0)


def _tie(shape: Shape) -> float:
    """What it is worth that a value is given to something: much if that has a name, or next to nothing else is said."""
    compact = len(shape.key) <= _COMPACT and shape.clutter <= _COMPACT
    if shape.named or (compact and shape.names):
        return 3.0
    if compact:
        return 2.5 if shape.numeric else 1.5
    return 1.2 if shape.numeric else 1.0

"""What a text says: its pieces, each with what it is about, its value, and how much it is worth to be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from victor_nb.context.digest_shapes import Shape, shape_of, shapes_of
from victor_nb.context.digest_units import units
from victor_nb.context.digest_words import word
from victor_nb.messages import Message, Role

_JOINED: Final = 200  # characters of a piece that may belong to the one before: "Actually it is 17 now."
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
    """The text that statements stand in: how often it has each word, and the share of names and numbers among them."""

    counts: Mapping[str, int]
    crowd: float

    def rarity(self, norm: str) -> float:
        """1 for a word seen once, below 0.3 for one seen ten times."""
        return 1.0 / (1.0 + 0.25 * max(self.counts.get(norm, 0) - 1, 0))

    @property
    def surprise(self) -> float:
        """What a name or a number is worth: 1.5 where there are few, 1 in a crowd of them."""
        return 1.5 - 0.5 * min(max(self.crowd - 0.04, 0.0) / 0.08, 1.0)


def background_of(messages: Iterable[Message]) -> Background:
    raws = Counter(raw for m in messages for raw in m.content.split())
    counts: Counter[str] = Counter()
    anchors = 0
    for raw, count in raws.items():
        found = word(raw)
        counts[found.norm] += count
        anchors += count if found.kind in ("number", "name") else 0
    return Background(counts, anchors / max(sum(raws.values()), 1))


def statements(role: Role, text: str, background: Background) -> list[Statement]:
    """All that `text` says, in order."""
    shapes: list[Shape] = []
    for unit in units(text):
        for shape in shapes_of(unit):
            if shapes and not shape.key and shape.numeric and shape.value and len(unit) < _JOINED:
                shapes[-1] = shape_of(f"{shapes[-1].text}: {shape.text}")
            else:
                shapes.append(shape)
    found = [Statement(role, shape, worth_of(role, shape, background)) for shape in shapes]
    if role == "assistant" and found:
        for place in (0, len(found) - 1):
            at = found[place]
            found[place] = Statement(role, at.shape, max(at.worth, _ENDS))
    return found


def worth_of(role: Role, shape: Shape, background: Background) -> float:
    worth = 0.5 * min(shape.named, 2)
    if shape.value:
        worth += _tie(shape) * shape.bound + 0.5 * shape.numeric
    worth -= 0.4 * max(shape.clutter - 3, 0)
    worth = max(worth, 0.0) * background.surprise + shape.cues
    if shape.plain:
        worth *= 0.3 + sum(map(background.rarity, shape.plain)) / len(shape.plain)
    factor, least = _ROLES.get(role, (1.0, 0.0))
    return worth * factor + least


def _tie(shape: Shape) -> float:
    """What it is worth that a value is given to something: much if that has a name, or next to nothing else is said."""
    if shape.named:
        return 3.0
    if not shape.numeric:
        return 1.0
    return 2.5 if len(shape.plain) <= 3 and shape.clutter == 1 else 1.2

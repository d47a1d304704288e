"""What a text says: its pieces, each with what it is about, its value, and how much it is worth to be kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias

from victor_nb.context.digest_shapes import Shape, shape_of, shapes_of
from victor_nb.context.digest_units import units
from victor_nb.context.digest_words import word
from victor_nb.messages import Message, Role

Rarity: TypeAlias = Callable[[str], float]

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


def statements(role: Role, text: str, rarity: Rarity) -> list[Statement]:
    """All that `text` says, in order. `rarity` of a word is 1 for one seen once, near 0 for one seen everywhere."""
    shapes: list[Shape] = []
    for unit in units(text):
        for shape in shapes_of(unit):
            if shapes and not shape.key and shape.numeric and shape.value and len(unit) < _JOINED:
                shapes[-1] = shape_of(f"{shapes[-1].text}: {shape.text}")
            else:
                shapes.append(shape)
    found = [Statement(role, shape, worth_of(role, shape, rarity)) for shape in shapes]
    if role == "assistant" and found:
        for place in (0, len(found) - 1):
            at = found[place]
            found[place] = Statement(role, at.shape, max(at.worth, _ENDS))
    return found


def worth_of(role: Role, shape: Shape, rarity: Rarity) -> float:
    worth = shape.cues
    if shape.value:
        specific = shape.numeric or shape.names
        worth += (3.0 if specific else 1.0) * shape.bound + 0.5 * shape.numeric
    worth += 0.5 * min(len(shape.names), 2)
    worth -= 0.25 * max(shape.clutter - 4, 0)
    if worth > 0 and shape.plain:
        worth *= 0.3 + sum(map(rarity, shape.plain)) / len(shape.plain)
    factor, least = _ROLES.get(role, (1.0, 0.0))
    return max(worth, 0.0) * factor + least


def rarity_in(messages: Iterable[Message]) -> Rarity:
    """How rare a word is among these messages: 1 for a word seen once, below 0.3 for one seen ten times."""
    counts = Counter(raw for m in messages for raw in m.content.split())
    norms: Counter[str] = Counter()
    for raw, count in counts.items():
        norms[word(raw).norm] += count

    def rarity(norm: str) -> float:
        return 1.0 / (1.0 + 0.25 * max(norms[norm] - 1, 0))

    return rarity

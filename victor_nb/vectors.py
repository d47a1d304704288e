"""Comparing the vectors that embedders make. Small enough for a few thousand vectors, so it needs no library.

This module imports nothing of the project.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import mul


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """How alike two vectors of one length are: 1 for the same direction, 0 for nothing in common (or a zero vector).

    Raises ValueError when their lengths differ.
    """
    if len(a) != len(b):
        raise ValueError(f"Vectors of {len(a)} and {len(b)} numbers cannot be compared.")
    size = math.sqrt(sum(map(mul, a, a)) * sum(map(mul, b, b)))
    return sum(map(mul, a, b)) / size if size else 0.0


def similarities(query: Sequence[float], vectors: Sequence[Sequence[float]]) -> list[float]:
    """The cosine of each of `vectors` with `query`, in their order; give them all in one `embed` call, query included.

    Tool selection and the semantic strategies are built on it: `order = sorted(range(n), key=lambda i: -found[i])`
    ranks, and ties keep their order.
    """
    return [cosine(query, vector) for vector in vectors]

"""The vectors of a cassette: what an embedder made of each text. They are kept as 8-bit numbers, of which only the
direction counts, and whoever records is handed the same numbers, so that a replay compares alike.
"""

from __future__ import annotations

import base64
import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from victor_nb.testing.cassettes.redaction import Redaction
from victor_nb.testing.cassettes.talk import JsonMap
from victor_nb.vectors import cosine

Embeddings: TypeAlias = Mapping[str, Mapping[str, bytes]]
"""Embedder → text → its packed vector."""
_ALIKE: Final = 0.99
"""The cosine from which on two answers of an embedder say the same: providers' numbers differ from call to call."""


def packed(vector: Sequence[float]) -> bytes:
    """A byte for each number; all must be finite."""
    most = max(map(abs, vector), default=0.0)
    return array("b", (round(value / most * 127) if most else 0 for value in vector)).tobytes()


def unpacked(vector: bytes) -> list[float]:
    """Of length 1, or all zeros."""
    numbers = array("b", vector)
    length = math.hypot(*numbers)
    return [number / length if length else 0.0 for number in numbers]


class Vectors:
    """Those that are `there`, and what is recorded now."""

    def __init__(self, there: Embeddings) -> None:
        self._there = there
        self._now: dict[str, dict[str, bytes]] = {}

    def of(self, embedder: str, texts: Iterable[str]) -> dict[str, bytes]:
        """What is known of these texts."""
        known = {**self._there.get(embedder, {}), **self._now.get(embedder, {})}
        return {text: known[text] for text in texts if text in known}

    def keep(self, embedder: str, text: str, vector: bytes) -> bytes:
        """Record it; gives what stands in the file then, which is the old one where that says the same."""
        old = self._there.get(embedder, {}).get(text)
        kept = vector if old is None or not _alike(old, vector) else old
        return self._now.setdefault(embedder, {}).setdefault(text, kept)

    def to_save(self, *, anew: bool) -> Embeddings:
        """All, or `anew` only what was recorded now; texts that are known stay in their places."""
        found: dict[str, dict[str, bytes]] = {}
        for embedder in sorted({*self._there, *self._now}):
            there, now = self._there.get(embedder, {}), self._now.get(embedder, {})
            texts = {text: now.get(text, there[text]) for text in there if text in now or not anew} | now
            found |= {embedder: texts} if texts else {}
        return found


def _alike(old: bytes, new: bytes) -> bool:
    return old == new or (len(old) == len(new) and cosine(unpacked(old), unpacked(new)) >= _ALIKE)


def to_json(embeddings: Embeddings) -> JsonMap:
    """For the file: the text is what a vector is found by."""
    return {
        embedder: [{"text": text, "vector": base64.b64encode(vector).decode()} for text, vector in texts.items()]
        for embedder, texts in embeddings.items()
    }


def from_json(data: Any, redaction: Redaction) -> dict[str, dict[str, bytes]]:
    """What `to_json` was given. Of a text that stands there twice the first vector counts.

    Raises:
        ValueError, KeyError, TypeError, AttributeError: it is nothing of the kind.
    """
    found: dict[str, dict[str, bytes]] = {}
    for embedder, entries in data.items():
        texts = found.setdefault(redaction.text(embedder), {})
        for entry in entries:
            if not isinstance(entry["text"], str):
                raise TypeError("the text of a vector is none")
            texts.setdefault(redaction.text(entry["text"]), base64.b64decode(entry["vector"], validate=True))
    return found

"""Vectors for texts without any model: TF-IDF, which compares words, not meaning.

`tfidf` is the embedder that is used when none is configured. It needs no network, gives the same numbers everywhere,
and knows the parts of code identifiers and CJK text. "car" and "automobile" have nothing in common for it.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MOST_WORDS: Final = 4096
MOST_TEXTS: Final = 1024
_CJK: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
_RUNS: Final = re.compile(rf"([{_CJK}]+)|([^\W{_CJK}]+)")
_HUMPS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ENGLISH: Final = (
    "a an and are as at be but by can do does for from has have how i in is it its me my of on or our so that the "
    "their them then there these they this to was we were what when where which who will with would you your"
)
_FUNCTION_WORDS: Final = frozenset(_ENGLISH.split())


def tfidf(texts: Sequence[str]) -> list[list[float]]:
    """A vector for each text, of length 1 (or all zeros for a text without words), all with as many numbers.

    A word weighs more the fewer of these texts have it, so only vectors of one call can be compared.
    """
    counts = [Counter(terms(text)) for text in texts]
    texts_with = Counter(term for found in counts for term in found)
    weights = {term: math.log(1 + len(texts) / number) for term, number in texts_with.items()}
    shared = (term for term, number in texts_with.items() if number > 1)
    space = _Space({term: number % MOST_WORDS for number, term in enumerate(shared)}, weights, len(texts))
    return [space.vector(found, number) for number, found in enumerate(counts)]


@dataclass(frozen=True)
class _Space:
    """The numbers of a vector: one for each word that two texts have, then one for each text, which stands for all the
    words that it alone has. So no two texts look alike by chance, unless there are very many words."""

    places: dict[str, int]
    weights: dict[str, float]
    texts: int

    def vector(self, found: Counter[str], number: int) -> list[float]:
        words = min(len(self.places), MOST_WORDS)
        vector = [0.0] * (words + min(self.texts, MOST_TEXTS))
        alone = 0.0
        for term, count in found.items():
            weight = (1 + math.log(count)) * self.weights[term]
            place = self.places.get(term)
            if place is None:
                alone += weight * weight
            else:
                vector[place] += weight
        vector[words + number % MOST_TEXTS] = math.sqrt(alone)
        size = math.sqrt(sum(value * value for value in vector))
        return [value / size for value in vector] if size else vector


def terms(text: str) -> Iterator[str]:
    """The words of `text` in a plain form, with the parts of identifiers, and pairs of CJK characters."""
    for run in _RUNS.finditer(unicodedata.normalize("NFKC", text)):
        yield from _characters(run[1]) if run[1] else _words(run[2])


def _characters(run: str) -> Iterator[str]:
    yield from run
    yield from map("".join, itertools.pairwise(run))


def _words(run: str) -> Iterator[str]:
    """`readCSVFiles` gives `readcsvfil`, `read`, `csv`, `fil`; an accented word is left whole."""
    parts = _HUMPS.findall(run) if run.isascii() else run.split("_")
    whole = run.casefold().strip("_")
    if len(parts) > 1:
        yield _stem(whole)
    for part in parts:
        word = part.casefold()
        if word and word not in _FUNCTION_WORDS:
            yield _stem(word)


def _stem(word: str) -> str:
    """`deletes`, `deleted`, `deleting` and `delete` become one; only English endings are known."""
    if len(word) < 4 or not word.isascii() or not word.isalpha():
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    word = word[:-1] if word.endswith("s") and not word.endswith("ss") else word
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) > len(ending) + 2:
            word = word.removesuffix(ending)
            return word[:-1] if word[-1] == word[-2] and word[-1] not in "ls" else word
    return word[:-1] if word.endswith("e") and len(word) > 3 else word

"""How well each tool fits a question: by its words (BM25), and by its meaning (the similarity of vectors).

Scores run from 0 to 1, the best of a ranking having 1, so that the two can be mixed.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final

from victor_nb.agent.tools.arguments import properties
from victor_nb.messages import ToolSpec
from victor_nb.vectors import similarities

Embed = Callable[[Sequence[str]], Awaitable[Sequence[Sequence[float]]]]

_SATURATION: Final = 1.2
_LENGTH_WEIGHT: Final = 0.75
_NAME_WEIGHT: Final = 3
_BOUNDARY: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[^\W\d_])(?=\d)")
_WORD: Final = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text or a name, in lower case and without a plural's s: `readCSV_files` is read, csv, file."""
    return [_singular(word) for word in _WORD.findall(_BOUNDARY.sub(" ", text).lower())]


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def tool_text(spec: ToolSpec) -> str:
    """What is known of a tool, as one text: name, description, parameters."""
    parameters = (f"{name}: {schema.get('description', '')}" for name, schema in properties(spec).items())
    return "\n".join([" ".join(words(spec.name)), spec.description, *parameters])


@lru_cache(maxsize=4096)
def _terms(name: str, text: str) -> Mapping[str, int]:
    return Counter(words(name) * (_NAME_WEIGHT - 1) + words(text))


def by_words(message: str, specs: Sequence[ToolSpec]) -> list[float]:
    """A score for each tool. Words that many tools share say little, and a long description is no advantage."""
    documents = [_terms(spec.name, tool_text(spec)) for spec in specs]
    sizes = [sum(terms.values()) for terms in documents]
    mean = sum(sizes) / max(len(sizes), 1) or 1.0
    spread = Counter(word for terms in documents for word in terms)
    scores = [0.0] * len(documents)
    for word in sorted(set(words(message))):
        found = spread[word]
        rarity = math.log(1 + (len(documents) - found + 0.5) / (found + 0.5))
        for number, terms in enumerate(documents):
            if count := terms.get(word, 0):
                weight = _SATURATION * (1 - _LENGTH_WEIGHT + _LENGTH_WEIGHT * sizes[number] / mean)
                scores[number] += rarity * count * (_SATURATION + 1) / (count + weight)
    return _normalised(scores)


async def by_meaning(message: str, specs: Sequence[ToolSpec], embed: Embed) -> list[float]:
    """A score for each tool. Raises what `embed` raises."""
    vectors = await embed([message, *map(tool_text, specs)])
    return _normalised([max(found, 0.0) for found in similarities(vectors[0], vectors[1:])])


def mixed(meaning: Sequence[float], wording: Sequence[float], alpha: float) -> list[float]:
    return [alpha * m + (1 - alpha) * w for m, w in zip(meaning, wording, strict=True)]


def _normalised(scores: list[float]) -> list[float]:
    best = max(scores, default=0.0)
    return [score / best for score in scores] if best > 0 else scores

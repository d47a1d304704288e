"""Says a note in fewer words: without small words, without the time a log line begins with, with shared labels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from victor_nb.context.digest_binding import binding_of, is_numeric
from victor_nb.context.digest_units import spaced
from victor_nb.context.digest_words import NEGATIONS, UNITS, Word, word

_IDLE_TEXT: Final = """
a an the this that these those it it's i i've we we've you please note noted that's so just also fyi mind remember
keep actually well then there here exactly about around roughly approximately correction update hey ok okay btw by way
currently still again which
"""
_IDLE: Final = frozenset(_IDLE_TEXT.split())
_LEVELS: Final = frozenset(("info", "debug", "info:", "notice", "trace"))
_QUOTES: Final = str.maketrans("", "", "'\"*")
_OLD: Final = r"[,(;]?\s*\b(?:(?:up |down )?from|instead of|rather than|no longer|not|previously|formerly|was)\s+"


@lru_cache(maxsize=1 << 13)
def tight(text: str) -> str:
    """The same in fewer words still: without the verbs and the small words that a reader of notes does not miss."""
    found = [word(raw) for raw in spaced(text).split()]
    place, _ = binding_of(found)
    if not place or (place == len(found) - 2 and found[-1].kind == "common"):
        return text
    numeric = place < 0 or is_numeric(found[place + 1 :])
    bare = numeric and not is_numeric(found[max(place - 1, 0) : place])  # "limit 12 7" would be two values
    kept = [":" if n == place and not bare else w.text for n, w in enumerate(found) if _stays(w, n == place, bare)]
    return closed(" ".join(kept)).replace(" :", ":").translate(_QUOTES) or text


def _stays(found: Word, binds: bool, bare: bool) -> bool:
    if binds and not bare:
        return True
    return found.kind not in ("common", "link", "bind") or found.norm in NEGATIONS


@lru_cache(maxsize=1 << 13)
def label_of(text: str) -> tuple[str, str]:
    """The ordinary words of a short note, and the rest: `timeout` and `orders-db 430 ms`. Empty when it is no such."""
    found = [word(raw) for raw in text.split()]
    plain = [n for n, w in enumerate(found) if w.kind == "word" and (w.norm not in UNITS or not n)]
    if not plain or len(plain) > 2 or plain[-1] - plain[0] >= len(plain) or len(found) > 6:
        return "", ""
    label = " ".join(found[n].text for n in plain)
    if not label.isalpha() or not any(w.kind == "name" for w in found):
        return "", ""
    return label, " ".join(w.text for n, w in enumerate(found) if n not in plain)


def telegram(found: Sequence[Word]) -> Iterator[str]:
    """Without idle words, and without the time that a line of a log begins with."""
    first = next((n for n, w in enumerate(found) if w.kind != "time" and w.norm not in _LEVELS), 0)
    stamped = any(":" in w.text for w in found[:first]) and found[first].kind != "link"
    for w in found[first if stamped else 0 :]:
        if w.norm not in _IDLE or w.norm in NEGATIONS or w.kind == "name":
            yield w.text


def closed(text: str) -> str:
    """Without what is left over at both ends, and with signs where they were."""
    return text.replace(" : ", ": ").replace(" = ", "=").strip(" ,;:-").removesuffix(".")


def without(text: str, old: str) -> str:
    """`text` without an old value that it names in passing: "from 430 ms", "(was 430 ms)", "instead of 430 ms"."""
    value = r"\s*".join(map(re.escape, old.split()))
    return re.sub(rf"{_OLD}{value}(?![\w.]*\w)\)?", "", text, flags=re.IGNORECASE).strip() or text

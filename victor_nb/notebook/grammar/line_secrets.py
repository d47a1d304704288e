"""Keys and passwords have no place on the line of a magic: the text of a cell is saved in the notebook, and in the
history of IPython. What looks like one is refused before the line is read, and the error does not repeat it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, cast

from victor_nb.errors import UsageError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

log = logging.getLogger(__name__)
_WORD = r"(?:api[_-]?key|secret|passw(?:or)?d)"
_NAMED = re.compile(rf"(?i)(?:{_WORD}['\"]?\s*[=:]|--?(?:{_WORD}|token)\s)\s*['\"]?(?=\S*\d)[^\s'\"$(]{{6,}}")
_SHORT_KEY = re.compile(r"(?<![\w-])(?:sk-(?:(?=[\w-]*\d)[\w-]{6,}|[\w-]{20,})|AIza[\w-]{6,})")
_RUN = re.compile(r"[A-Za-z0-9_]{20,}")
_RANDOM: Final = 3.5  # bits a character; words and version numbers have less variety, or no digits inside
_FORGOTTEN: Final = "%victor  # a key stood here; victor_nb took it out of the history"


class KeyOnLineError(UsageError):
    """A line holds what looks like a key or a password; nothing was done with it."""


def refuse_keys(magic: str, line: str) -> None:
    """
    Raises:
        KeyOnLineError: the line holds a key of a known form, one that the environment holds, or a password.
    """
    from victor_nb.store.scrub import Scrubber

    if _NAMED.search(line) or _SHORT_KEY.search(line) or Scrubber().message(line) != line:
        raise _refusal(magic)


def refuse_random(magic: str, words: Iterable[str]) -> None:
    """For the names of models, where nothing random has a place.

    Raises:
        KeyOnLineError: a word holds a long random token.
    """
    if any(_is_random(run) for word in words for run in _RUN.findall(word)):
        raise _refusal(magic)


def forget_input(shell: InteractiveShell) -> None:
    """Take the text of the running cell out of IPython's history, in memory and on disk."""
    mine = cast("Any", shell)
    history, number = mine.history_manager, getattr(mine.displayhook.exec_result, "execution_count", None)
    if number is None or f"_i{number}" not in mine.user_ns:  # it was not stored
        return
    for kept in (history.input_hist_raw, history.input_hist_parsed):
        kept[-1] = _FORGOTTEN
    history._i00 = mine.user_ns[f"_i{number}"] = _FORGOTTEN
    if history.enabled:
        _forget_on_disk(history, number)


def _forget_on_disk(history: Any, number: int) -> None:
    import sqlite3

    try:
        history.writeout_cache()
        with history.db:
            history.db.execute(
                "UPDATE history SET source=?, source_raw=? WHERE session=? AND line=?",
                (_FORGOTTEN, _FORGOTTEN, history.session_number, number),
            )
    except sqlite3.Error:
        log.exception("a key could not be taken out of IPython's history: delete it there")


def _refusal(magic: str) -> KeyOnLineError:
    return KeyOnLineError(
        f"{magic}: what looks like a key or password stands on this line, and is not used: a cell's text is saved.",
        hint="put it into .env, the environment or the keyring, delete it here, and make a new key if this was shared",
    )


def _is_random(text: str) -> bool:
    from collections import Counter
    from math import log2

    counts = Counter(text).values()
    variety = -sum(count / len(text) * log2(count / len(text)) for count in counts)
    digits = sum(character.isdigit() for character in text)
    return 2 <= digits < len(text) and variety >= _RANDOM

"""What the verbs of `%victor` have in common: their type, saying a line, and refusing words that they do not take."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from victor_nb.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from victor_nb.session import Session

Wait = Callable[[Coroutine[Any, Any, Any]], Any]
Verb = Callable[["Session", list[str], Wait], Any]
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def say(text: str) -> None:
    print(text)  # noqa: T201


def confirm(session: Session, text: str) -> None:
    """Say that something was done, unless the setting `verbosity` is `quiet`."""
    if session.orchestrator.settings.verbosity != "quiet":
        say(text)


def refuse_more(verb: str, words: list[str]) -> None:
    """
    Raises:
        UsageError: there are words left over.
    """
    if words:
        raise UsageError(f"%victor {verb} takes nothing more, but got {' '.join(words)!r}.", hint="see %victor help")


def refuse(verb: str, word: str, known: Iterable[str]) -> NoReturn:
    """
    Raises:
        UsageError: always; it names what is nearest among `known`.
    """
    known = list(known)
    raise UsageError(
        f"%victor {verb}: {word!r} is not one of {', '.join(known)}.{did_you_mean(word, known)}",
        hint="see %victor help",
    )


def whole_number(word: str) -> int | None:
    """None for what is no number of a message, a turn or a block: other words, and digits of other scripts."""
    return int(word) if _NUMBER.fullmatch(word) else None


def path_of(word: str) -> Path:
    """
    Raises:
        UsageError: it begins with `~`, and there is no such home.
    """
    try:
        return Path(word).expanduser()
    except RuntimeError:
        raise UsageError(f"there is no home of a user {word.partition('/')[0]!r}.", hint="write the path out") from None


def size_of(number: int) -> str:
    """`8.9 MB`, in thousands as disks are sold."""
    value, unit = float(number), 0
    while value >= 999.5 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{number:,} {_UNITS[0]}" if unit == 0 else f"{value:.3g} {_UNITS[unit]}"
